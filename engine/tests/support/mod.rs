//! A world in memory for the engine's tests, and machines that use every part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Engine, NewExecution, Ports, Settings};
use ports::{
    Commit, ErrorKind, ExecutionArn, FaultInjector, Faults, Invocation, Journal, Ledger, LedgerState, MapRunArn,
    ResultStatus, TaskFailure, Timestamp, memory,
};
use serde_json::{Value, json};

pub(crate) const WORK: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";
pub(crate) const HALT: &str = "Test.DiskFull";

/// What survives a crash.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<memory::ObjectStore>,
    pub(crate) journal: Arc<memory::Journal>,
    pub(crate) ledger: Arc<memory::Ledger>,
    /// How often each item was worked on.
    pub(crate) worked: Arc<Mutex<BTreeMap<u64, u32>>>,
}

impl World {
    /// With a batch list of so many lines `{"n":0}`, `{"n":1}`, …
    pub(crate) fn with_items(items: u64) -> Self {
        let store = memory::ObjectStore::default();
        let lines: Vec<String> = (0..items).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        store.insert("bucket", "items.jsonl", lines.concat());
        Self {
            store: Arc::new(store),
            journal: Arc::new(memory::Journal::default()),
            ledger: Arc::new(memory::Ledger::default()),
            worked: Arc::default(),
        }
    }

    /// An engine that lives until its journal has been called, or its ledger committed to, so often.
    pub(crate) fn engine(&self, journal_dies: u64, ledger_dies: u64) -> Engine {
        let ports = Ports {
            store: Arc::clone(&self.store) as _,
            invoker: Arc::new(self.tasks()),
            journal: Arc::new(FaultInjector::<dyn Journal>::new(
                self.journal.clone(),
                Faults::DeadFrom(journal_dies),
            )),
            ledger: Arc::new(MortalLedger::new(&self.ledger, ledger_dies)),
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::from([HALT.to_owned()]),
        };
        Engine::new(ports, settings)
    }

    fn tasks(&self) -> memory::TaskInvoker {
        let worked = Arc::clone(&self.worked);
        memory::TaskInvoker::default().with(WORK, move |call| {
            let answer = work(&call, &worked);
            async move {
                tokio::task::yield_now().await;
                if call.input.contains("\"silence\"") {
                    return futures::future::pending().await;
                }
                answer
            }
        })
    }

    /// The object as JSON.
    pub(crate) fn json(&self, key: &str) -> Value {
        let bytes = self
            .store
            .bytes("bucket", key)
            .unwrap_or_else(|| panic!("no object `{key}`"));
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// Doubles `n`; fails, halts or refuses as the input asks.
fn work(call: &Invocation, worked: &Mutex<BTreeMap<u64, u32>>) -> Result<String, TaskFailure> {
    let input: Value = serde_json::from_str(&call.input).unwrap();
    let n = input["n"].as_u64().unwrap_or_default();
    *worked.lock().unwrap().entry(n).or_default() += 1;
    let failure = |error: &str| TaskFailure {
        error: error.to_owned(),
        cause: format!("item {n}"),
    };
    match input["fate"].as_str() {
        Some("fail") => Err(failure("Test.Failed")),
        Some("halt") => Err(failure(HALT)),
        _ => Ok(json!({"n": n, "doubled": n * 2}).to_string()),
    }
}

/// A ledger whose process dies at a commit. Reads do not count: a run's end reads as many chunks as it has.
#[derive(Debug)]
struct MortalLedger {
    inner: Arc<memory::Ledger>,
    lives: AtomicU64,
}

impl MortalLedger {
    fn new(inner: &Arc<memory::Ledger>, commits: u64) -> Self {
        Self {
            inner: Arc::clone(inner),
            lives: AtomicU64::new(commits),
        }
    }
}

#[async_trait]
impl Ledger for MortalLedger {
    async fn state(&self, map_run: &MapRunArn) -> ports::Result<Option<LedgerState>> {
        self.inner.state(map_run).await
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> ports::Result<()> {
        if self.lives.load(Ordering::SeqCst) == 0 {
            return Err(ports::Error::new(ErrorKind::Unavailable, "the process has died"));
        }
        self.lives.fetch_sub(1, Ordering::SeqCst);
        self.inner.commit(map_run, commit).await
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> ports::Result<Option<Bytes>> {
        self.inner.result(map_run, status, position).await
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> ports::Result<()> {
        self.inner.forget_results(map_run, status).await
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> ports::Result<Option<Bytes>> {
        self.inner.unsuccessful(map_run, attempt, position).await
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> ports::Result<Vec<(MapRunArn, LedgerState)>> {
        self.inner.map_runs(execution, skip, limit).await
    }
}

/// The machine of the main job in small: Pass, Task, Map with reader and writer, Catch, Choice, Succeed.
pub(crate) fn machine(max_concurrency: u64, writer: bool) -> String {
    let mut map = json!({
        "Type": "Map", "Label": "Map", "MaxConcurrency": max_concurrency, "ToleratedFailurePercentage": 100,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemSelector": {"n.$": "$$.Map.Item.Value.n", "fate.$": "$.fate"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Work",
            "States": {"Work": {"Type": "Task", "Resource": WORK, "End": true}},
        },
        "ResultPath": "$.map", "Next": "Count",
    });
    if writer {
        map["ResultWriter"] = json!({
            "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bucket", "Prefix": "results"},
        });
    }
    json!({
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Parameters": {"round": 0, "fate.$": "$.fate"}, "Next": "Map"},
            "Map": map,
            "Count": {
                "Type": "Task", "Resource": WORK, "Parameters": {"n": 1_000_000}, "ResultPath": "$.count",
                "TimeoutSeconds": 900, "Next": "Enough",
            },
            "Enough": {
                "Type": "Choice", "Default": "Pause",
                "Choices": [{"Variable": "$.round", "NumericEquals": 1, "Next": "Done"}],
            },
            "Pause": {"Type": "Wait", "Seconds": 3_600, "Next": "Again"},
            "Again": {
                "Type": "Pass", "Parameters": {"round.$": "States.MathAdd($.round, 1)", "fate.$": "$.fate"}, "Next": "Map",
            },
            "Done": {"Type": "Succeed"},
        },
    })
    .to_string()
}

pub(crate) fn new_execution(definition: String, fate: &str) -> NewExecution {
    NewExecution {
        state_machine: "machine".to_owned(),
        definition,
        name: "run".to_owned(),
        input: json!({"fate": fate}).to_string(),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    }
}
