//! Lambda functions as processes and at another endpoint.
//!
//! The function that is tried is this test's own binary: [`function`] serves the Runtime API when it is started as a
//! Lambda function, and does nothing as a test.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::functions::{Function as _, Functions, LogLine, LogSink, Process, ProcessSettings, Remote};
use adapters::integrations::Tasks;
use adapters::local::Clock;
use ports::{Clock as _, FunctionArn, TaskFailure, Timestamp, conformance, memory};
use serde_json::{Value, json};
use testing::listener;
use tokio::sync::watch;

const ARN: &str = "arn:aws:lambda:eu-west-1:111111111111:function:tried";

/// The function's program: what it is asked for is in the event.
#[test]
fn function() {
    if adapters::env::lookup("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(adapters::lambda::serve(answer)).unwrap();
}

async fn answer(event: Value, deadline: Timestamp) -> Result<Value, TaskFailure> {
    let failure = |error: &Value, cause: &Value| TaskFailure {
        error: error.as_str().unwrap().to_owned(),
        cause: cause.as_str().unwrap().to_owned(),
    };
    match event["do"].as_str() {
        Some("pid") => Ok(std::process::id().into()),
        Some("meet") => meet(event["mine"].as_str().unwrap(), event["other"].as_str().unwrap()).await,
        Some("hang") => futures::future::pending().await,
        Some("abort") => std::process::abort(),
        Some("deadline") => Ok(deadline.as_millis().into()),
        Some("large") => Ok("x".repeat(6_291_556).into()),
        Some("environment") => {
            let names = event["names"].as_array().unwrap().iter();
            let pair = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), adapters::env::lookup(name).into())
            };
            Ok(Value::Object(names.map(pair).collect()))
        }
        _ if event["error"].is_string() => Err(failure(&event["error"], &event["cause"])),
        _ => Ok(event),
    }
}

/// Makes a file, and waits for that of another process.
async fn meet(mine: &str, other: &str) -> Result<Value, TaskFailure> {
    std::fs::write(mine, "").unwrap();
    while !std::path::Path::new(other).exists() {
        tokio::task::yield_now().await;
    }
    Ok(std::process::id().into())
}

/// Keeps lines, and says when there is another one.
#[derive(Debug)]
struct Lines {
    lines: Mutex<Vec<LogLine>>,
    count: watch::Sender<usize>,
}

impl LogSink for Lines {
    fn write(&self, line: LogLine) {
        self.lines.lock().unwrap().push(line);
        self.count.send_modify(|count| *count += 1);
    }
}

impl Lines {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::default(),
            count: watch::Sender::new(0),
        })
    }

    fn texts(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| line.text.clone())
            .collect()
    }

    /// Waits for a line that begins so.
    async fn until(&self, start: &str) {
        let mut count = self.count.subscribe();
        let there = |_: &usize| self.texts().iter().any(|text| text.starts_with(start));
        count.wait_for(there).await.unwrap();
    }
}

fn settings(program: &str, arguments: &[&str]) -> ProcessSettings {
    ProcessSettings {
        arn: ARN.into(),
        program: PathBuf::from(program),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        task_root: PathBuf::from("/tmp"),
        handler: "tried.handler".to_owned(),
        variables: BTreeMap::from([
            ("OWN".to_owned(), "value".to_owned()),
            ("AWS_REGION".to_owned(), "x".to_owned()),
        ]),
        memory_mib: 256,
        timeout: Duration::from_mins(1),
        concurrency_max: 2,
        idle_max: Duration::from_mins(5),
    }
}

fn tried() -> ProcessSettings {
    let program = std::env::current_exe().unwrap();
    settings(program.to_str().unwrap(), &["--exact", "function", "--nocapture"])
}

fn shell(script: &str) -> ProcessSettings {
    settings("/bin/sh", &["-c", script])
}

fn process(settings: ProcessSettings) -> Process {
    Process::new(settings, Arc::new(Clock), Lines::new())
}

fn later() -> Timestamp {
    Clock.now().plus(Duration::from_mins(10))
}

async fn ask(function: &Process, event: Value) -> Result<Value, TaskFailure> {
    let answer = function.invoke(event.to_string(), later()).await?;
    Ok(serde_json::from_str(&answer).unwrap())
}

#[tokio::test]
async fn a_process_passes_every_check() {
    let names = conformance::task_invoker::Functions {
        echo: ARN.into(),
        fail: ARN.into(),
        missing: FunctionArn::from("arn:aws:lambda:eu-west-1:111111111111:function:missing"),
    };
    // The same program echoes and fails: an event with an error is one to fail with.
    let tasks = Tasks::new(Functions::default().with(ARN, process(tried())));
    conformance::task_invoker::all(&tasks, &Clock, &names).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_the_payload_that_the_runtime_sent() {
    let function = process(tried());
    let failure = ask(&function, json!({"error": "Gantry.X", "cause": "why"}))
        .await
        .unwrap_err();
    let payload: Value = serde_json::from_str(&failure.cause).unwrap();
    assert_eq!(failure.error, "Gantry.X");
    assert_eq!(
        (&payload["errorType"], &payload["errorMessage"]),
        (&json!("Gantry.X"), &json!("why"))
    );
}

#[tokio::test]
async fn a_process_has_the_variables_that_lambda_sets() {
    let names = [
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "_HANDLER",
        "LAMBDA_TASK_ROOT",
        "TZ",
        "OWN",
        "HOME",
    ];
    let found = ask(&process(tried()), json!({"do": "environment", "names": names}))
        .await
        .unwrap();
    let expected = json!({
        "AWS_LAMBDA_FUNCTION_NAME": "tried",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tried",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "_HANDLER": "tried.handler",
        "LAMBDA_TASK_ROOT": "/tmp",
        "TZ": ":UTC",
        "OWN": "value",
        "HOME": null,
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_deadline_is_the_time_out_or_the_callers() {
    let clock = Arc::new(memory::Clock::at(Timestamp::from_millis(1_000_000)));
    let function = Process::new(tried(), clock, Lines::new());
    for (caller, expected) in [(9_000_000, "1060000"), (1_000_500, "1000500")] {
        let event = json!({"do": "deadline"}).to_string();
        let answer = function.invoke(event, Timestamp::from_millis(caller)).await;
        assert_eq!(answer.as_deref(), Ok(expected));
    }
}

#[tokio::test]
async fn a_process_is_used_again() {
    let function = process(tried());
    let first = ask(&function, json!({"do": "pid"})).await.unwrap();
    assert_eq!(ask(&function, json!({"do": "pid"})).await.unwrap(), first);
    assert_eq!(function.idle(), 1);
}

#[tokio::test]
async fn as_many_processes_run_at_once_as_there_may() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let function = process(tried());
    let meet = |mine: &str, other: &str| {
        ask(
            &function,
            json!({"do": "meet", "mine": path(mine), "other": path(other)}),
        )
    };
    let (left, right, third) = tokio::join!(meet("a", "b"), meet("b", "a"), ask(&function, json!({"do": "pid"})));
    let (left, right) = (left.unwrap(), right.unwrap());
    assert_ne!(left, right);
    assert!(
        [left, right].contains(&third.unwrap()),
        "the third waits for one of the two"
    );
    assert_eq!(function.idle(), 2);
}

#[tokio::test]
async fn an_idle_process_is_ended() {
    let clock = Arc::new(memory::Clock::default());
    let function = Process::new(tried(), Arc::clone(&clock) as _, Lines::new());
    let first = ask(&function, json!({"do": "pid"})).await.unwrap();
    let mut pids = vec![first.clone()];
    // The reaper counts from the moment at which the process became idle.
    while function.idle() > 0 {
        clock.advance_to_next();
        tokio::task::yield_now().await;
    }
    assert!(clock.now().since(Timestamp::default()) >= Duration::from_mins(5));
    pids.push(ask(&function, json!({"do": "pid"})).await.unwrap());
    assert_ne!(pids[0], pids[1]);
}

#[tokio::test]
async fn a_process_is_killed_at_its_time_out() {
    let clock = Arc::new(memory::Clock::default());
    let lines = Lines::new();
    let settings = ProcessSettings {
        timeout: Duration::from_secs(3),
        ..tried()
    };
    let function = Process::new(settings, Arc::clone(&clock) as _, Arc::clone(&lines) as _);
    let hang = function.invoke(json!({"do": "hang"}).to_string(), Timestamp::from_millis(1_000_000));
    let time_passes = async {
        lines.until("START RequestId: ").await;
        clock.advance(Duration::from_secs(3));
    };
    let (answer, ()) = tokio::join!(hang, time_passes);
    let failure = answer.unwrap_err();
    assert_eq!(failure.error, "Sandbox.Timedout");
    assert!(
        failure.cause.contains("Task timed out after 3.00 seconds"),
        "{}",
        failure.cause
    );
    assert_eq!(function.idle(), 0);
    let texts = lines.texts();
    let has = |part: &str| texts.iter().any(|text| text.contains(part));
    assert!(
        has("Task timed out after 3.00 seconds") && has("END RequestId: ") && has("Status: timeout"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn a_process_that_ends_by_itself_is_an_exit_error() {
    let cases = [
        (process(shell("exit 1")), "Runtime exited with error: exit status 1"),
        (process(shell("exit 0")), "Runtime exited without providing a reason"),
        (process(tried()), "Runtime exited with error: signal: aborted"),
    ];
    for (function, text) in cases {
        let failure = ask(&function, json!({"do": "abort"})).await.unwrap_err();
        assert_eq!(failure.error, "Runtime.ExitError");
        assert!(failure.cause.contains(text), "{}", failure.cause);
    }
}

#[tokio::test]
async fn a_process_that_died_between_two_events_is_replaced() {
    let function = process(tried());
    let first = ask(&function, json!({"do": "pid"})).await.unwrap();
    let pid = i32::try_from(first.as_i64().unwrap()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_ne!(ask(&function, json!({"do": "pid"})).await.unwrap(), first);
}

#[tokio::test]
async fn what_a_function_writes_stands_between_lambdas_lines() {
    let lines = Lines::new();
    let script = "echo to stdout; echo to stderr >&2; printf 'no line feed'; exit 1";
    let function = Process::new(shell(script), Arc::new(Clock), Arc::clone(&lines) as _);
    ask(&function, json!({})).await.unwrap_err();
    let mut texts = lines.texts();
    let (report, end) = (texts.pop().unwrap(), texts.pop().unwrap());
    assert!(end.starts_with("END RequestId: "), "{end}");
    assert!(
        report.starts_with("REPORT RequestId: ") && report.contains("Memory Size: 256 MB"),
        "{report}"
    );
    assert!(
        report.ends_with("Status: error\tError Type: Runtime.ExitError"),
        "{report}"
    );
    for line in ["to stdout", "to stderr", "no line feed"] {
        assert!(texts.iter().any(|text| text == line), "{line}: {texts:?}");
    }
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("START RequestId: ") && text.ends_with("Version: $LATEST"))
    );
    let first = lines.lines.lock().unwrap()[0].clone();
    assert_eq!(first.group, "/aws/lambda/tried");
    assert!(first.stream.contains("/[$LATEST]"), "{}", first.stream);
}

#[tokio::test]
async fn events_and_responses_have_lambdas_limits() {
    let function = process(tried());
    let failure = ask(&function, json!({"do": "large"})).await.unwrap_err();
    assert_eq!(failure.error, "Function.ResponseSizeTooLarge");
    let event = format!("\"{}\"", "x".repeat(6 * 1_024 * 1_024));
    let failure = function.invoke(event, later()).await.unwrap_err();
    assert_eq!(failure.error, "Lambda.RequestTooLargeException");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let function = process(settings("/nowhere/bootstrap", &[]));
    let failure = ask(&function, json!({})).await.unwrap_err();
    assert_eq!(failure.error, "Runtime.InvalidEntrypoint");
    assert!(failure.cause.contains("/nowhere/bootstrap"), "{}", failure.cause);
}

/// A Lambda endpoint with three functions.
async fn endpoint() -> listener::Server {
    listener::serve(|request: hyper::Request<hyper::body::Incoming>| async move {
        let path = request.uri().path().to_owned();
        let body = http_body_util::BodyExt::collect(request.into_body()).await?.to_bytes();
        let mut response = match path.as_str() {
            "/2015-03-31/functions/echo/invocations" => listener::answer(200, "application/json", body),
            "/2015-03-31/functions/fail/invocations" => {
                let asked: Value = serde_json::from_slice(&body).unwrap();
                let payload = json!({"errorType": asked["error"], "errorMessage": asked["cause"]});
                listener::answer(200, "application/json", payload.to_string())
            }
            _ => listener::answer(
                404,
                "application/json",
                "{\"Type\":\"User\",\"Message\":\"Function not found\"}",
            ),
        };
        if path.contains("/fail/") {
            response
                .headers_mut()
                .insert("x-amz-function-error", "Unhandled".parse().unwrap());
        }
        if response.status() == 404 {
            response
                .headers_mut()
                .insert("x-amzn-errortype", "ResourceNotFoundException".parse().unwrap());
        }
        Ok::<_, hyper::Error>(response)
    })
    .await
}

#[tokio::test]
async fn a_remote_function_passes_every_check() {
    let server = endpoint().await;
    let arn = |name: &str| FunctionArn::from(format!("arn:aws:lambda:eu-west-1:111111111111:function:{name}"));
    let remote = |name: &str| Remote::new(&server.url, &arn(name), Arc::new(Clock)).unwrap();
    let names = conformance::task_invoker::Functions {
        echo: arn("echo"),
        fail: arn("fail"),
        missing: arn("missing"),
    };
    let functions = ["echo", "fail", "missing"]
        .map(|name| (arn(name), remote(name)))
        .into_iter();
    let functions = functions.fold(Functions::default(), |all, (arn, function)| all.with(arn, function));
    conformance::task_invoker::all(&Tasks::new(functions), &Clock, &names)
        .await
        .unwrap();
    drop(server);
    let gone = Remote::new("http://127.0.0.1:1", &arn("echo"), Arc::new(Clock)).unwrap();
    let failure = gone.invoke("{}".to_owned(), later()).await.unwrap_err();
    assert_eq!(failure.error, "Lambda.SdkClientException");
}
