//! An endpoint on a socket of this machine, and a client that writes HTTP by hand and checks every answer's shape.

mod shapes;

use std::sync::Arc;

use endpoint::{App, Parts, Settings};
use engine::{Engine, Executor, Stop, Supervisor, SupervisorBounds};
use ports::{ExecutionArn, TaskFailure, memory};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A running endpoint.
pub(crate) struct Served {
    address: String,
    stop: Stop,
    running: JoinSet<std::io::Result<()>>,
    supervisor: Supervisor,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).next()
    }
}

impl Served {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let settings = Settings {
            account: "111111111111".to_owned(),
            region: "us-east-1".to_owned(),
        };
        // Time stands still: every date is 0.
        let clock = Arc::new(memory::Clock::default());
        let journal = Arc::new(memory::Journal::default());
        let engine = engine(&settings, &journal, &clock);
        let opened = Supervisor::open(engine.clone(), SupervisorBounds::default()).await;
        let (supervisor, executor) = opened.unwrap();
        let parts = Parts {
            state_machines: Arc::new(memory::StateMachines::default()),
            activities: Arc::new(memory::Activities::default()),
            journal,
            engine,
            supervisor: supervisor.clone(),
            clock,
            report: |cause| println!("{cause}"),
        };
        let app = Arc::new(App::new(settings, parts).unwrap());
        let stop = Stop::default();
        let asked = stop.clone();
        let mut running = JoinSet::new();
        running.spawn(async move { endpoint::run(listener, app, asked.requested()).await });
        running.spawn(execute(executor, stop.clone()));
        Self {
            address,
            stop,
            running,
            supervisor,
        }
    }

    /// Sends bytes as they are and reads until the connection closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The endpoint may answer and close before it has read all.
        stream.write_all(bytes).await.unwrap_or_default();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map(drop).unwrap_or_default();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// Sends a request with these headers; `Host` is the endpoint's unless it is among them.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        let host = ("host", self.address.as_str());
        let host = (!headers.iter().any(|(name, _)| *name == "host")).then_some(&host);
        for (name, value) in headers.iter().chain(host) {
            request = request + name + ": " + value + "\r\n";
        }
        let answer = self.raw(format!("{request}\r\n{body}").as_bytes()).await;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {answer:?}"));
        Reply {
            status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Calls an operation of Step Functions.
    pub(crate) async fn call(&self, operation: &str, body: &str) -> Reply {
        let target = format!("AWSStepFunctions.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        self.send("POST", "/", &headers, body).await
    }

    /// Calls an operation that must succeed; its answer has the shape that the service model says.
    pub(crate) async fn ok(&self, operation: &str, body: &Value) -> Value {
        let reply = self.call(operation, &body.to_string()).await;
        assert_eq!(reply.status, 200, "{operation} {body}: {reply:?}");
        let answer = reply.json();
        shapes::check_output(operation, &answer);
        answer
    }

    /// Calls an operation that must be refused; its code and its message.
    pub(crate) async fn refused(&self, operation: &str, body: &Value) -> (String, String) {
        let reply = self.call(operation, &body.to_string()).await;
        assert_ne!(reply.status, 200, "{operation} {body}: {reply:?}");
        let answer = reply.json();
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(reply.header("x-amzn-errortype"), Some(text("__type").as_str()));
        (text("__type"), text("message"))
    }

    /// Waits for an execution's end; its description.
    pub(crate) async fn ended(&self, started: &Value) -> Value {
        let arn = started["executionArn"].as_str().unwrap();
        self.supervisor.wait(&ExecutionArn(arn.to_owned())).await.unwrap();
        self.ok("DescribeExecution", &json!({"executionArn": arn})).await
    }

    /// Waits until the events of an execution hold one of a type.
    pub(crate) async fn event(&self, started: &Value, kind: &str) {
        let asked = json!({"executionArn": started["executionArn"], "maxResults": 1000});
        loop {
            let answer = self.ok("GetExecutionHistory", &asked).await;
            let mut events = answer["events"].as_array().unwrap().iter();
            if events.any(|event| event["type"] == kind) {
                return;
            }
        }
    }

    /// Asks for the end and waits for it.
    pub(crate) async fn stop(mut self) {
        self.stop.request();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

/// A refusal by the service model's rules.
pub(crate) fn validation(message: &str) -> (String, String) {
    ("ValidationException".to_owned(), message.to_owned())
}

/// A definition of one state that ends at once.
pub(crate) fn pass() -> String {
    json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}).to_string()
}

async fn execute(executor: Executor, stop: Stop) -> std::io::Result<()> {
    executor.run(&stop, |failure| panic!("{failure:?}")).await;
    Ok(())
}

/// An engine in memory with two functions: `double` doubles a number, `fail` fails.
fn engine(settings: &Settings, journal: &Arc<memory::Journal>, clock: &Arc<memory::Clock>) -> Engine {
    let double = |call: ports::Invocation| async move {
        let number: i64 = serde_json::from_str(&call.input).unwrap();
        Ok((number * 2).to_string())
    };
    let fail = |_call| async move {
        Err(TaskFailure {
            error: "Broken".to_owned(),
            cause: "as asked".to_owned(),
        })
    };
    let invoker = memory::TaskInvoker::default();
    let invoker = invoker
        .with(format!("{FUNCTION}double"), double)
        .with(format!("{FUNCTION}fail"), fail);
    let ports = engine::Ports {
        store: Arc::new(memory::ObjectStore::default()),
        invoker: Arc::new(invoker),
        journal: Arc::clone(journal) as _,
        ledger: Arc::new(memory::Ledger::default()),
        clock: Arc::clone(clock) as _,
    };
    let settings = engine::Settings {
        account: settings.account.clone(),
        region: settings.region.clone(),
        halt_on: std::collections::BTreeSet::new(),
    };
    Engine::new(ports, settings)
}

/// What ARNs of the functions begin with.
pub(crate) const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:";
