//! A world in memory whose tasks can be made to fail or to wait while a map run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Engine, ItemSubset, MapRunDescription, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{
    Commit, ExecutionArn, ExecutionRow, FaultInjector, Faults, Journal, Ledger, LedgerState, MapRunArn, ObjectKey,
    ObjectStore, ResultStatus, Target, TaskFailure, Timestamp, memory,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What survives a crash, and how its tasks behave.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<memory::ObjectStore>,
    pub(crate) journal: Arc<memory::Journal>,
    pub(crate) ledger: Arc<memory::Ledger>,
    /// Items that fail, with the error's name.
    bad: Arc<Mutex<BTreeMap<u64, &'static str>>>,
    /// Every call, as `task-item`.
    called: Arc<Mutex<Vec<String>>>,
    /// Task tokens that a queue was sent.
    pub(crate) sent: Arc<Mutex<Vec<String>>>,
    /// While it is shut, `work` waits for a permit.
    shut: Arc<AtomicBool>,
    gate: Arc<Semaphore>,
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

fn task(name: &str) -> Value {
    json!({"Type": "Task", "Resource": function(name), "ResultPath": format!("$.{name}")})
}

/// A Map over `items.jsonl` whose children call `first`, then `work`; with these fields on top.
pub(crate) fn map(execution_type: &str, fields: Value) -> Value {
    let (mut first, mut work) = (task("first"), task("work"));
    first["Next"] = json!("Work");
    work["End"] = json!(true);
    let mut map = json!({
        "Type": "Map", "Label": "Files", "End": true, "MaxConcurrency": 1,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
            "StartAt": "First", "States": {"First": first, "Work": work},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bucket", "Prefix": "results"},
        },
    });
    let Value::Object(fields) = fields else {
        panic!("fields")
    };
    map.as_object_mut().unwrap().extend(fields);
    map
}

pub(crate) fn machine(map: &Value) -> Value {
    json!({"StartAt": "Map", "States": {"Map": map}})
}

pub(crate) fn new_execution(name: &str, definition: &Value, item_subset: Option<ItemSubset>) -> NewExecution {
    NewExecution {
        state_machine: "machine".to_owned(),
        definition: definition.to_string(),
        name: name.to_owned(),
        input: "{}".to_owned(),
        identity: None,
        rerun_of: None,
        item_subset,
        composition: None,
    }
}

impl World {
    /// With items `{"n":0}`, `{"n":1}`, … of which these fail with `Test.Bad`.
    pub(crate) fn new(items: u64, bad: &[u64]) -> Self {
        let world = Self {
            store: Arc::default(),
            journal: Arc::default(),
            ledger: Arc::default(),
            bad: Arc::default(),
            called: Arc::default(),
            sent: Arc::default(),
            shut: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        world.put_items(0..items);
        for n in bad {
            world.break_item(*n, "Test.Bad");
        }
        world
    }

    pub(crate) fn put_items(&self, items: impl Iterator<Item = u64>) {
        let lines: Vec<String> = items.map(|n| format!("{{\"n\":{n}}}\n")).collect();
        self.store.insert("bucket", "items.jsonl", lines.concat());
    }

    pub(crate) async fn remove(&self, key: &str) {
        self.store.delete(&ObjectKey::new("bucket", key)).await.unwrap();
    }

    pub(crate) fn break_item(&self, n: u64, error: &'static str) {
        self.bad.lock().unwrap().insert(n, error);
    }

    pub(crate) fn mend_all(&self) {
        self.bad.lock().unwrap().clear();
    }

    /// From now on `work` waits until it is let through.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn let_through(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    pub(crate) fn open(&self) {
        self.shut.store(false, Ordering::SeqCst);
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine_until(u64::MAX)
    }

    /// An engine whose store refuses everything from that call on.
    pub(crate) fn engine_until(&self, store_calls: u64) -> Engine {
        let store = FaultInjector::<dyn ObjectStore>::new(self.store.clone(), Faults::DeadFrom(store_calls));
        Self::engine_over(Ports {
            store: Arc::new(store),
            ..self.ports()
        })
    }

    /// An engine whose journal refuses everything from that call on.
    pub(crate) fn engine_with_journal_until(&self, calls: u64) -> Engine {
        let journal = FaultInjector::<dyn Journal>::new(self.journal.clone(), Faults::DeadFrom(calls));
        Self::engine_over(Ports {
            journal: Arc::new(journal),
            ..self.ports()
        })
    }

    /// An engine whose ledger refuses everything from that call on.
    pub(crate) fn engine_with_ledger_until(&self, calls: u64) -> Engine {
        let ledger = FaultInjector::<dyn Ledger>::new(self.ledger.clone(), Faults::DeadFrom(calls));
        Self::engine_over(Ports {
            ledger: Arc::new(ledger),
            ..self.ports()
        })
    }

    /// An engine one of whose ports refuses everything from that call on.
    pub(crate) fn engine_with_until(&self, port: &str, calls: u64) -> Engine {
        match port {
            "journal" => self.engine_with_journal_until(calls),
            "ledger" => self.engine_with_ledger_until(calls),
            _ => self.engine_until(calls),
        }
    }

    /// An engine whose ledger lets everybody else go first.
    pub(crate) fn engine_with_slow_ledger(&self) -> Engine {
        Self::engine_over(Ports {
            ledger: Arc::new(Slow(self.ledger.clone())),
            ..self.ports()
        })
    }

    /// An engine that begins so many seconds after the others.
    pub(crate) fn engine_later(&self, seconds: i64) -> Engine {
        Self::engine_over(Ports {
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(
                1_000_000 + seconds * 1_000,
            ))),
            ..self.ports()
        })
    }

    fn ports(&self) -> Ports {
        Ports {
            store: Arc::clone(&self.store) as _,
            invoker: Arc::new(self.tasks()),
            journal: Arc::clone(&self.journal) as _,
            ledger: Arc::clone(&self.ledger) as _,
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
        }
    }

    fn engine_over(ports: Ports) -> Engine {
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::new(),
        };
        Engine::new(ports, settings)
    }

    fn tasks(&self) -> memory::TaskInvoker {
        let (one, other) = (self.clone(), self.clone());
        let sent = Arc::clone(&self.sent);
        memory::TaskInvoker::default()
            .with(function("first"), move |call| {
                one.note("first", &call.input);
                async { Ok("1".to_owned()) }
            })
            .with_target(Target::optimised("sqs", "sendMessage"), move |call| {
                let input: Value = serde_json::from_str(&call.input).unwrap();
                let token = input["MessageBody"].as_str().unwrap().to_owned();
                sent.lock().unwrap().push(token);
                async { Ok("{}".to_owned()) }
            })
            .with(function("work"), move |call| {
                let world = other.clone();
                async move {
                    let items = world.note("work", &call.input);
                    if world.shut.load(Ordering::SeqCst) {
                        world.gate.acquire().await.unwrap().forget();
                    }
                    world.answer(&items)
                }
            })
    }

    /// The items of an input, which are noted as worked on.
    fn note(&self, task: &str, input: &str) -> Vec<u64> {
        let input: Value = serde_json::from_str(input).unwrap();
        let items = match input["Items"].as_array() {
            Some(items) => items.iter().map(|item| item["n"].as_u64().unwrap()).collect(),
            None => vec![input["n"].as_u64().unwrap()],
        };
        let mut called = self.called.lock().unwrap();
        called.extend(items.iter().map(|n| format!("{task}-{n}")));
        items
    }

    fn answer(&self, items: &[u64]) -> Result<String, TaskFailure> {
        let bad = self.bad.lock().unwrap();
        match items.iter().find_map(|n| Some((n, bad.get(n)?))) {
            Some((n, error)) => Err(TaskFailure {
                error: (*error).to_owned(),
                cause: format!("item {n}"),
            }),
            None => Ok(json!(items).to_string()),
        }
    }

    /// How many calls of a task there were since the last look.
    pub(crate) fn noted(&self, task: &str) -> usize {
        let called = self.called.lock().unwrap();
        called.iter().filter(|call| call.starts_with(task)).count()
    }

    /// How often each item came to a task since the last look; items that did not are left out.
    pub(crate) fn calls(&self, task: &str) -> BTreeMap<u64, u32> {
        let mut calls = BTreeMap::new();
        self.called.lock().unwrap().retain(|call| {
            let (name, n) = call.split_once('-').unwrap();
            if name == task {
                *calls.entry(n.parse().unwrap()).or_default() += 1;
            }
            name != task
        });
        calls
    }

    pub(crate) async fn start(
        &self,
        engine: &Engine,
        name: &str,
        map: &Value,
        item_subset: Option<ItemSubset>,
    ) -> ExecutionArn {
        self.start_machine(engine, name, &machine(map), item_subset).await
    }

    pub(crate) async fn start_machine(
        &self,
        engine: &Engine,
        name: &str,
        definition: &Value,
        item_subset: Option<ItemSubset>,
    ) -> ExecutionArn {
        engine
            .start(new_execution(name, definition, item_subset))
            .await
            .unwrap()
    }

    /// Starts it and runs it to its end.
    pub(crate) async fn run(&self, map: &Value) -> Told {
        let engine = self.engine();
        let arn = self.start(&engine, "run", map, None).await;
        self.finish(engine, arn).await
    }

    /// Runs it to its end.
    pub(crate) async fn finish(&self, engine: Engine, arn: ExecutionArn) -> Told {
        let row = ended(engine.run(&arn, &Stop::default()).await.unwrap());
        let map_runs = engine.list_map_runs(&arn, 0, 10).await.unwrap();
        Told {
            engine,
            arn,
            row,
            map_run: map_runs[0].map_run_arn.clone(),
        }
    }

    /// Redrives it in another process, and runs it to its end.
    pub(crate) async fn redrive(&self, run: &Told) -> Told {
        let engine = self.engine();
        engine.redrive(&run.arn).await.unwrap();
        self.finish(engine, run.arn.clone()).await
    }

    pub(crate) fn json(&self, key: &str) -> Value {
        let bytes = self.store.bytes("bucket", key);
        let bytes = bytes.unwrap_or_else(|| panic!("no `{key}` among {:?}", self.store.keys("bucket")));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The manifest of an attempt of a run: 0 for the first.
    pub(crate) fn manifest(&self, run: &Told, attempt: u32) -> Value {
        let id = run.map_run.0.rsplit(':').next().unwrap();
        let folder = match attempt {
            0 => String::new(),
            attempt => format!("Redrive-{attempt}/"),
        };
        self.json(&format!("results/{id}/{folder}manifest.json"))
    }

    /// The items in the files of a status that a manifest names, in order.
    pub(crate) fn items(&self, manifest: &Value, status: &str) -> Vec<u64> {
        let mut items: Vec<u64> = self.records(manifest, status).iter().map(item_of).collect();
        items.sort_unstable();
        items
    }

    pub(crate) fn records(&self, manifest: &Value, status: &str) -> Vec<Value> {
        let files = manifest["ResultFiles"][status].as_array().unwrap().iter();
        files
            .flat_map(|file| self.json(file["Key"].as_str().unwrap()).as_array().unwrap().clone())
            .collect()
    }
}

fn item_of(record: &Value) -> u64 {
    let input: Value = serde_json::from_str(record["Input"].as_str().unwrap()).unwrap();
    input["n"].as_u64().unwrap()
}

/// An execution that is over.
pub(crate) struct Told {
    pub(crate) engine: Engine,
    pub(crate) arn: ExecutionArn,
    pub(crate) row: ExecutionRow,
    pub(crate) map_run: MapRunArn,
}

impl Told {
    pub(crate) async fn describe(&self) -> MapRunDescription {
        self.engine.describe_map_run(&self.map_run).await.unwrap()
    }

    pub(crate) async fn kinds(&self) -> Vec<String> {
        let history = self.engine.history(&self.arn).await.unwrap();
        history.iter().map(|event| event.kind.as_str().to_owned()).collect()
    }
}

pub(crate) fn ended(outcome: RunEnd) -> ExecutionRow {
    match outcome {
        RunEnd::Ended(row) => *row,
        RunEnd::Stopped => panic!("it was not to be stopped"),
    }
}

/// A ledger that lets everybody else go first.
#[derive(Debug)]
struct Slow(Arc<memory::Ledger>);

/// As many steps of the others.
async fn others_first() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Ledger for Slow {
    async fn state(&self, map_run: &MapRunArn) -> ports::Result<Option<LedgerState>> {
        self.0.state(map_run).await
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> ports::Result<()> {
        others_first().await;
        self.0.commit(map_run, commit).await?;
        others_first().await;
        Ok(())
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> ports::Result<Option<Bytes>> {
        self.0.result(map_run, status, position).await
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> ports::Result<()> {
        self.0.forget_results(map_run, status).await
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> ports::Result<Option<Bytes>> {
        others_first().await;
        self.0.unsuccessful(map_run, attempt, position).await
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> ports::Result<Vec<(MapRunArn, LedgerState)>> {
        self.0.map_runs(execution, skip, limit).await
    }
}
