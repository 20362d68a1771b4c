//! A built Lambda binary as a process, under as much of Lambda's Runtime API as it needs, with AWS on loopback.
//!
//! **Source**: runtimes-api.html of the Lambda developer guide, read 2026-11-22.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use ports::{FunctionArn, Invocation, TaskFailure, TaskInvoker, Timestamp};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::listener::{self, Server};

/// How long a process may take to answer; only a broken one ever does.
const PATIENCE: Duration = Duration::from_mins(1);
const PREFIX: &str = "/2018-06-01/runtime/";
const REQUEST: &str = "invocation/00000000-0000-0000-0000-000000000001/";

/// Calls a function in this process.
pub(crate) async fn call(
    functions: &dyn TaskInvoker,
    arn: &str,
    event: &Value,
    deadline: Timestamp,
) -> Result<String, TaskFailure> {
    let invocation = Invocation {
        target: FunctionArn::from(arn).into(),
        input: event.to_string(),
        deadline,
    };
    functions.invoke(invocation).await
}

/// The error's name and its text without what the store below said, which is another store on each side.
pub(crate) fn in_our_words(failure: TaskFailure) -> (String, String) {
    let payload: Value = serde_json::from_str(&failure.cause).unwrap();
    let message = payload["errorMessage"].as_str().unwrap();
    let ours = message.split(": ").next().unwrap_or(message);
    (failure.error, ours.to_owned())
}

/// A function that runs as a process.
#[derive(Debug)]
pub(crate) struct Lambda {
    events: mpsc::Sender<(String, Timestamp)>,
    answers: mpsc::Receiver<Result<String, TaskFailure>>,
    process: Child,
    _server: Server,
}

impl Lambda {
    /// Starts the binary with nothing but these variables and Lambda's own.
    pub(crate) async fn start(binary: &str, variables: &[(&str, &str)]) -> Self {
        let (events, waiting) = mpsc::channel(1);
        let (answering, answers) = mpsc::channel(1);
        let waiting = Arc::new(Mutex::new(waiting));
        let server = listener::serve(move |request| {
            let (waiting, answering) = (Arc::clone(&waiting), answering.clone());
            async move { Ok::<_, hyper::Error>(answer(request, &waiting, &answering).await) }
        });
        let server = server.await;
        let process = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", server.url.trim_start_matches("http://"))
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", super::s3::KEY)
            .env("AWS_SECRET_ACCESS_KEY", super::s3::KEY)
            .envs(variables.iter().copied())
            .spawn()
            .unwrap();
        Self {
            events,
            answers,
            process,
            _server: server,
        }
    }

    /// What the function answers to an event: its output, or its error and the payload that Lambda makes of it.
    pub(crate) async fn invoke(&mut self, event: &Value, deadline: Timestamp) -> Result<String, TaskFailure> {
        self.events.send((event.to_string(), deadline)).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answer.expect("the process answers").expect("the process runs")
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

async fn answer(
    request: Request<Incoming>,
    waiting: &Mutex<mpsc::Receiver<(String, Timestamp)>>,
    answering: &mpsc::Sender<Result<String, TaskFailure>>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let path = path.strip_prefix(PREFIX).unwrap();
    if path == "invocation/next" {
        return next(waiting).await;
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let answer = match path.strip_prefix(REQUEST) {
        Some("response") => Ok(body),
        Some("error") => Err(failure(body)),
        _ => panic!("the function could not start: {path}: {body}"),
    };
    answering.send(answer).await.unwrap();
    listener::answer(202, "application/json", "{\"status\":\"OK\"}")
}

async fn next(waiting: &Mutex<mpsc::Receiver<(String, Timestamp)>>) -> Response<Full<Bytes>> {
    let event = waiting.lock().await.recv().await;
    let Some((event, deadline)) = event else {
        return listener::answer(410, "text/plain", "");
    };
    let mut response = listener::answer(200, "application/json", event);
    let headers = response.headers_mut();
    let id = REQUEST.trim_start_matches("invocation/").trim_end_matches('/');
    headers.insert("lambda-runtime-aws-request-id", id.parse().unwrap());
    headers.insert("lambda-runtime-deadline-ms", deadline.as_millis().into());
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:function";
    headers.insert("lambda-runtime-invoked-function-arn", arn.parse().unwrap());
    response
}

fn failure(payload: String) -> TaskFailure {
    let told: Value = serde_json::from_str(&payload).unwrap();
    TaskFailure {
        error: told["errorType"].as_str().unwrap().to_owned(),
        cause: payload,
    }
}
