//! A world in memory: functions, a queue that keeps what it is sent, a table that refuses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{
    Cursor, ExecutionArn, ExecutionFilter, ExecutionRow, FaultInjector, Faults, Journal, JournalRecord, Page, Target,
    TaskFailure, Timestamp, memory,
};
use serde_json::{Value, json};

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    journal: Arc<memory::Journal>,
    /// Tokens that the queue was sent, in order.
    sent: Arc<Mutex<Vec<String>>>,
    pub(crate) mended: Arc<AtomicBool>,
}

/// A Task state that ends its machine.
pub(crate) fn task(resource: &str, parameters: &Value) -> Value {
    json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true})
}

pub(crate) fn ended(outcome: RunEnd) -> ExecutionRow {
    match outcome {
        RunEnd::Ended(row) => *row,
        RunEnd::Stopped => panic!("it was not to be stopped"),
    }
}

/// Does something while the execution runs to its end.
pub(crate) async fn while_it_runs(engine: &Engine, arn: &ExecutionArn, act: impl Future<Output = ()>) -> ExecutionRow {
    let stop = Stop::default();
    let (outcome, ()) = tokio::join!(engine.run(arn, &stop), act);
    ended(outcome.unwrap())
}

/// As long as everybody else takes for so many steps.
pub(crate) async fn steps(steps: u32) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

/// Waits until somebody waits with the token.
pub(crate) async fn until_known(engine: &Engine, token: &str) {
    while engine.send_task_heartbeat(token).await.is_err() {
        tokio::task::yield_now().await;
    }
}

fn failed(error: &str, cause: &str) -> TaskFailure {
    TaskFailure {
        error: error.to_owned(),
        cause: cause.to_owned(),
    }
}

impl World {
    pub(crate) fn engine(&self) -> Engine {
        self.mortal(u64::MAX)
    }

    /// An engine that knows the machine `child`.
    pub(crate) fn with_child(&self) -> Engine {
        let engine = self.engine();
        let function = "arn:aws:lambda:us-east-1:000000000000:function:double";
        let child = json!({"StartAt": "A", "States": {"A": task(function, &json!({"n.$": "$.n"}))}});
        engine.register("child", &child.to_string()).unwrap();
        engine
    }

    /// An engine that dies at that call of its journal.
    pub(crate) fn mortal(&self, lives: u64) -> Engine {
        let journal = FaultInjector::<dyn Journal>::new(self.journal.clone(), Faults::DeadFrom(lives));
        self.engine_over(Arc::new(journal), 0)
    }

    /// An engine whose journal lets everybody else go first.
    pub(crate) fn slow_engine(&self) -> Engine {
        self.engine_over(Arc::new(Slow(self.journal.clone())), 0)
    }

    /// An engine that begins so many seconds after the others.
    pub(crate) fn later_engine(&self, seconds: i64) -> Engine {
        self.engine_over(self.journal.clone(), seconds)
    }

    fn engine_over(&self, journal: Arc<dyn Journal>, seconds: i64) -> Engine {
        let now = Timestamp::from_millis(1_000_000 + seconds * 1_000);
        let ports = Ports {
            store: Arc::new(memory::ObjectStore::default()),
            invoker: Arc::new(self.tasks()),
            journal,
            ledger: Arc::new(memory::Ledger::default()),
            clock: Arc::new(memory::PausedClock::at(now)),
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: std::collections::BTreeSet::default(),
        };
        Engine::new(ports, settings)
    }

    fn tasks(&self) -> memory::TaskInvoker {
        let function = |name: &str| format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
        let (sent, mended) = (Arc::clone(&self.sent), Arc::clone(&self.mended));
        memory::TaskInvoker::default()
            .with(function("double"), |call| async move {
                let input: Value = serde_json::from_str(&call.input).unwrap();
                Ok(json!({"doubled": input["n"].as_u64().unwrap() * 2}).to_string())
            })
            .with(function("fail"), |_| async { Err(failed("CustomError", "on purpose")) })
            .with(function("mended"), move |_| {
                let mended = mended.load(Ordering::SeqCst);
                async move {
                    if mended {
                        Ok("\"mended\"".to_owned())
                    } else {
                        Err(failed("CustomError", "not yet"))
                    }
                }
            })
            .with_target(Target::optimised("sqs", "sendMessage"), move |call| {
                let input: Value = serde_json::from_str(&call.input).unwrap();
                let token = input["MessageBody"]["token"].as_str().unwrap().to_owned();
                sent.lock().unwrap().push(token);
                async { Ok(json!({"MessageId": "1"}).to_string()) }
            })
            .with_target(Target::optimised("dynamodb", "putItem"), |_| async {
                Err(failed(
                    "ConditionalCheckFailedException",
                    "The conditional request failed",
                ))
            })
            .with_target(Target::aws_sdk("dynamodb", "putItem"), |_| async {
                Err(failed(
                    "ConditionalCheckFailedException",
                    "The conditional request failed",
                ))
            })
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    /// The token of that number, once the queue has it.
    pub(crate) async fn token(&self, number: usize) -> String {
        loop {
            let token = self.tokens().get(number).cloned();
            if let Some(token) = token {
                return token;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the journal has a submitted task.
    pub(crate) async fn submitted(&self, engine: &Engine, arn: &ExecutionArn) {
        while !self.kinds(engine, arn).await.iter().any(|kind| kind == "TaskSubmitted") {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn start(&self, engine: &Engine, machine: &Value) -> ExecutionArn {
        self.start_as(engine, "run", machine).await
    }

    async fn start_as(&self, engine: &Engine, name: &str, machine: &Value) -> ExecutionArn {
        let new = NewExecution {
            state_machine: "machine".to_owned(),
            definition: machine.to_string(),
            name: name.to_owned(),
            input: "{}".to_owned(),
            identity: None,
            rerun_of: None,
            item_subset: None,
            composition: None,
        };
        engine.start(new).await.unwrap()
    }

    pub(crate) async fn run(&self, machine: &Value) -> ExecutionRow {
        self.run_on(&self.engine(), machine).await
    }

    pub(crate) async fn run_on(&self, engine: &Engine, machine: &Value) -> ExecutionRow {
        let arn = self.start(engine, machine).await;
        ended(engine.run(&arn, &Stop::default()).await.unwrap())
    }

    /// The same under a name of its own, beside others.
    pub(crate) async fn run_as(&self, engine: &Engine, name: &str, machine: &Value) -> ExecutionRow {
        let arn = self.start_as(engine, name, machine).await;
        ended(engine.run(&arn, &Stop::default()).await.unwrap())
    }

    pub(crate) async fn kinds(&self, engine: &Engine, arn: &ExecutionArn) -> Vec<String> {
        let history = engine.history(arn).await.unwrap();
        history.iter().map(|event| event.kind.as_str().to_owned()).collect()
    }

    pub(crate) async fn rows(&self) -> Vec<ExecutionRow> {
        self.journal
            .executions(&ExecutionFilter::default(), None, 100)
            .await
            .unwrap()
            .items
    }
}

/// A journal that lets everybody else go first.
#[derive(Debug)]
struct Slow(Arc<memory::Journal>);

impl Slow {
    async fn call<T>(&self, work: impl Future<Output = ports::Result<T>> + Send) -> ports::Result<T> {
        tokio::task::yield_now().await;
        let answer = work.await;
        tokio::task::yield_now().await;
        answer
    }
}

#[async_trait]
impl Journal for Slow {
    async fn create(&self, row: ExecutionRow) -> ports::Result<()> {
        self.call(self.0.create(row)).await
    }

    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> ports::Result<()> {
        self.call(self.0.append(execution, records)).await
    }

    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> ports::Result<Vec<JournalRecord>> {
        self.call(self.0.read(execution, sequence, limit)).await
    }

    async fn update(&self, row: ExecutionRow) -> ports::Result<()> {
        self.call(self.0.update(row)).await
    }

    async fn execution(&self, execution: &ExecutionArn) -> ports::Result<ExecutionRow> {
        self.call(self.0.execution(execution)).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> ports::Result<Page<ExecutionRow>> {
        self.call(self.0.executions(filter, after, limit)).await
    }
}
