//! The Lambda Runtime API for one process: it hands out events and takes answers.
//!
//! Each process has a listener of its own on an ephemeral port of loopback, so a request tells by its port which
//! process it is from. **Source**: `runtimes-api.html` of the Lambda developer guide, read 2026-11-28.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ports::{Clock, FunctionArn, TaskFailure, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::failure::{self, RESPONSE_BYTES_MAX};
use super::lock;

const PREFIX: &str = "/2018-06-01/runtime/";
/// Connections of one process at a time: a runtime uses one, extensions of it some more.
const CONNECTIONS_MAX: usize = 16;

/// An event on its way to the process.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    /// The moment at which the caller stops waiting.
    pub(super) deadline: Timestamp,
    /// Told when the process has taken the event.
    pub(super) taken: oneshot::Sender<()>,
}

/// What the process answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// To an event.
    Invocation(Result<String, TaskFailure>),
    /// It cannot start.
    InitError(TaskFailure),
}

/// The API of one process. Dropping it closes the listener and its connections.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) answers: mpsc::Receiver<Reply>,
    _accepting: JoinSet<()>,
}

/// What every request of the process needs.
#[derive(Debug)]
struct State {
    arn: FunctionArn,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
    /// The request that the process works on.
    current: Mutex<Option<String>>,
    answers: mpsc::Sender<Reply>,
}

impl RuntimeApi {
    pub(super) async fn listen(arn: FunctionArn, timeout: Duration, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // One event at a time, and one answer to it.
        let (deliveries, waiting) = mpsc::channel(1);
        let (answering, answers) = mpsc::channel(1);
        let state = Arc::new(State {
            arn,
            timeout,
            clock,
            waiting: tokio::sync::Mutex::new(waiting),
            current: Mutex::default(),
            answers: answering,
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, state));
        Ok(Self {
            address,
            deliveries,
            answers,
            _accepting: accepting,
        })
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                let Ok((stream, _)) = accepted else { continue };
                let state = Arc::clone(&state);
                let service = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, std::convert::Infallible>(state.answer(request).await) }
                });
                connections.spawn(async move {
                    // A connection that breaks off is the process's: its end is noticed by itself.
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
    InitError,
    Unknown,
}

fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let Some(path) = path.strip_prefix(PREFIX) else {
        return Route::Unknown;
    };
    match (method.as_str(), path) {
        ("GET", "invocation/next") => return Route::Next,
        ("POST", "init/error") => return Route::InitError,
        ("POST", _) => {}
        _ => return Route::Unknown,
    }
    match path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
        Some((id, "response")) => Route::Response(id),
        Some((id, "error")) => Route::Error(id),
        Some(_) | None => Route::Unknown,
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let error_type = head.headers.get("lambda-runtime-function-error-type");
        let error_type = error_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        match route(&head.method, head.uri.path()) {
            Route::Next => self.next().await,
            Route::Response(id) => self.response(id, body).await,
            Route::Error(id) => self.error(id, body, error_type).await,
            Route::InitError => self.init_error(body, error_type).await,
            Route::Unknown => refuse(
                StatusCode::NOT_FOUND,
                "InvalidPath",
                "there is no such path in the Runtime API",
            ),
        }
    }

    /// Waits for an event. A process that breaks the connection off leaves the event to whom asks next.
    async fn next(&self) -> Response<Full<Bytes>> {
        let Some(delivery) = self.waiting.lock().await.recv().await else {
            return refuse(StatusCode::GONE, "Stopped", "no more events will come");
        };
        *lock(&self.current) = Some(delivery.request_id.clone());
        let deadline = self.clock.now().plus(self.timeout).min(delivery.deadline);
        let mut response = answer(StatusCode::OK, delivery.event);
        let headers = response.headers_mut();
        headers.insert("lambda-runtime-deadline-ms", deadline.as_millis().into());
        let texts = [
            ("lambda-runtime-aws-request-id", delivery.request_id.as_str()),
            ("lambda-runtime-invoked-function-arn", self.arn.as_str()),
            ("lambda-runtime-trace-id", TRACE_ID),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        // Where the caller has gone, the instance is dropped and the process killed.
        let _caller_gone = delivery.taken.send(()).is_err();
        response
    }

    async fn response(&self, id: &str, body: Incoming) -> Response<Full<Bytes>> {
        if !self.finish(id) {
            return wrong_id(id);
        }
        let Ok(text) = read(body).await else {
            self.tell(Reply::Invocation(Err(failure::response_too_large()))).await;
            let text = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text);
        };
        self.tell(Reply::Invocation(Ok(text))).await
    }

    async fn error(&self, id: &str, body: Incoming, error_type: Option<String>) -> Response<Full<Bytes>> {
        if !self.finish(id) {
            return wrong_id(id);
        }
        let payload = read(body).await.unwrap_or_default();
        let failure = failure::of_payload(payload, error_type);
        self.tell(Reply::Invocation(Err(failure))).await
    }

    async fn init_error(&self, body: Incoming, error_type: Option<String>) -> Response<Full<Bytes>> {
        let payload = read(body).await.unwrap_or_default();
        let failure = failure::of_payload(payload, error_type);
        self.tell(Reply::InitError(failure)).await
    }

    /// Whether the process works on this request; it does not any more.
    fn finish(&self, id: &str) -> bool {
        lock(&self.current).take_if(|current| current == id).is_some()
    }

    async fn tell(&self, told: Reply) -> Response<Full<Bytes>> {
        // Nobody listens once the instance is dropped; its process is killed then.
        drop(self.answers.send(told).await);
        answer(StatusCode::ACCEPTED, "{\"status\":\"OK\"}")
    }
}

/// Requests are not traced.
const TRACE_ID: &str = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";

#[derive(Debug)]
struct TooLarge;

async fn read(body: Incoming) -> Result<String, TooLarge> {
    let collected = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
    let collected = collected.map_err(|_broken_or_too_long| TooLarge)?;
    Ok(String::from_utf8_lossy(&collected.to_bytes()).into_owned())
}

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"errorType": error_type, "errorMessage": message});
    answer(status, body.to_string())
}

fn wrong_id(id: &str) -> Response<Full<Bytes>> {
    let text = format!("the process works on no request `{id}`");
    refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_the_runtime_apis() {
        let get = |path| route(&Method::GET, path);
        let post = |path| route(&Method::POST, path);
        assert_eq!(get("/2018-06-01/runtime/invocation/next"), Route::Next);
        assert_eq!(
            post("/2018-06-01/runtime/invocation/a-1/response"),
            Route::Response("a-1")
        );
        assert_eq!(post("/2018-06-01/runtime/invocation/a-1/error"), Route::Error("a-1"));
        assert_eq!(post("/2018-06-01/runtime/init/error"), Route::InitError);
        assert_eq!(post("/2018-06-01/runtime/invocation/next"), Route::Unknown);
        assert_eq!(get("/"), Route::Unknown);
    }
}
