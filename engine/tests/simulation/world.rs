//! What survives a crash, and the ports through which a life sees it. Broken promises are panics, where they happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Engine, Ports, Settings};
use futures::{StreamExt, stream};
use ports::{
    BodyStream, Commit, CopyOptions, Cursor, ExecutionArn, ExecutionFilter, ExecutionRow, GetOptions, Journal,
    JournalRecord, Ledger, LedgerState, Listing, MapRunArn, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, Page,
    PutOptions, PutResult, ResultStatus, Timestamp, memory,
};

use super::HALT;
use super::invoker::{Invoker, Work};
use super::life::{Fate, Faults, Life, failure};
use super::script::Script;

/// What survives a crash.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) script: Script,
    pub(crate) clock: Arc<memory::PausedClock>,
    pub(crate) store: memory::ObjectStore,
    pub(crate) journal: memory::Journal,
    pub(crate) ledger: memory::Ledger,
    pub(crate) story: Faults,
    pub(crate) seen: Mutex<Seen>,
    pub(crate) work: Mutex<Work>,
}

/// What the ports were given, by whom nobody else asks.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) records: BTreeMap<ExecutionArn, Vec<JournalRecord>>,
    /// Answers of tasks, and map runs, that are in a journal.
    pub(crate) journalled: BTreeSet<String>,
    /// Map runs whose start, or going on in a redrive, is in a journal.
    announced: BTreeSet<String>,
    pub(crate) commits: BTreeMap<MapRunArn, LedgerState>,
    /// The map run that each Map is at.
    pub(crate) map_runs: BTreeMap<String, MapRunArn>,
}

impl World {
    pub(crate) fn new(script: Script) -> Self {
        let store = memory::ObjectStore::default();
        for (key, body) in &script.objects {
            store.insert("bucket", key, body.clone());
        }
        Self {
            script,
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
            store,
            journal: memory::Journal::default(),
            ledger: memory::Ledger::default(),
            story: Faults::default(),
            seen: Mutex::default(),
            work: Mutex::default(),
        }
    }

    pub(crate) fn engine(self: &Arc<Self>, life: &Arc<Life>) -> Engine {
        let (world, life) = (Arc::clone(self), Arc::clone(life));
        let port = Arc::new(Port { world, life });
        let ports = Ports {
            store: Arc::clone(&port) as _,
            journal: Arc::clone(&port) as _,
            ledger: Arc::clone(&port) as _,
            invoker: Arc::new(Invoker::new(self, &port.life)),
            clock: Arc::clone(&self.clock) as _,
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::from([HALT.to_owned()]),
        };
        Engine::new(ports, settings)
    }
}

/// `…:mapRun:machine/S1:id` is a run of `S1`.
pub(crate) fn map_of(arn: &MapRunArn) -> &str {
    let label = arn.0.rsplit('/').next().and_then(|rest| rest.split(':').next());
    label.unwrap_or_default()
}

/// The ports of one life.
#[derive(Debug)]
struct Port {
    world: Arc<World>,
    life: Arc<Life>,
}

impl Port {
    fn appended(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) {
        let mut seen = self.world.seen.lock().unwrap();
        for record in &records {
            if record.record.contains("\"Redrive\"") {
                // Its map runs are announced again.
                seen.announced.clear();
            }
            let found = answers_in(&record.record)
                .into_iter()
                .chain(map_runs_in(&record.record));
            for found in found.collect::<Vec<_>>() {
                let starts = record.record.contains("MapRunStarted");
                let is_new = !starts || seen.announced.insert(found.clone());
                assert!(is_new, "`{found}` is announced twice");
                seen.journalled.insert(found);
            }
        }
        seen.records.entry(execution.clone()).or_default().extend(records);
    }

    fn committed(&self, arn: &MapRunArn, state: &LedgerState) {
        let plan = &self.world.script.maps[map_of(arn)];
        let mut seen = self.world.seen.lock().unwrap();
        assert!(
            seen.journalled.contains(&arn.0),
            "`{arn}` is committed to before it is journalled"
        );
        let before = seen.commits.insert(arn.clone(), state.clone()).unwrap_or_default();
        if state.redrives() > before.redrives() {
            assert_eq!(state.executions.succeeded, before.executions.succeeded);
            return;
        }
        for position in 0..plan.children() {
            assert!(
                is_done(state, position) || !is_done(&before, position),
                "child {position} of `{arn}` is done no more"
            );
        }
        let counted = all(state.executions);
        // What an earlier attempt has done is passed over, and counted already.
        let passed_over = state.redrives() > 0;
        assert!(
            counted == done(state) || passed_over,
            "counts and children of `{arn}`: {state:?}"
        );
        assert!(
            counted <= plan.children() && all(state.items) <= plan.items,
            "{state:?}"
        );
        assert!(counted >= all(before.executions), "{before:?} → {state:?}");
        assert!(state.is_over() || !before.is_over(), "`{arn}` was over");
    }
}

/// The ARNs of map runs in a record.
fn map_runs_in(record: &str) -> Vec<String> {
    let prefix = "arn:aws:states:us-east-1:000000000000:mapRun:";
    let rest = record.split(prefix).skip(1);
    let names = rest.filter_map(|rest| rest.split('"').next());
    names.map(|name| format!("{prefix}{name}")).collect()
}

/// Marks that journalled tasks leave in their answers.
pub(crate) fn answers_in(text: &str) -> Vec<String> {
    let rest = text.split("answer-of-").skip(1);
    rest.filter_map(|rest| rest.split(';').next())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn is_done(state: &LedgerState, position: u64) -> bool {
    position < state.low_water || state.done.contains(position)
}

/// How many children are done.
pub(crate) fn done(state: &LedgerState) -> u64 {
    let spans = state.done.spans().iter();
    state.low_water + spans.map(|span| span.last - span.first + 1).sum::<u64>()
}

pub(crate) const fn all(counts: ports::Counts) -> u64 {
    counts.succeeded + counts.failed + counts.timed_out + counts.aborted
}

#[async_trait]
impl Journal for Port {
    async fn create(&self, row: ExecutionRow) -> ports::Result<()> {
        self.life.call("create", self.world.journal.create(row)).await
    }

    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> ports::Result<()> {
        let work = async {
            self.world.journal.append(execution, records.clone()).await?;
            self.appended(execution, records);
            Ok(())
        };
        self.life.call("append", work).await
    }

    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> ports::Result<Vec<JournalRecord>> {
        self.life
            .call("read", self.world.journal.read(execution, sequence, limit))
            .await
    }

    async fn update(&self, row: ExecutionRow) -> ports::Result<()> {
        self.life.call("update", self.world.journal.update(row)).await
    }

    async fn execution(&self, execution: &ExecutionArn) -> ports::Result<ExecutionRow> {
        self.life
            .call("execution", self.world.journal.execution(execution))
            .await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> ports::Result<Page<ExecutionRow>> {
        self.life
            .call("executions", self.world.journal.executions(filter, after, limit))
            .await
    }
}

#[async_trait]
impl Ledger for Port {
    async fn state(&self, map_run: &MapRunArn) -> ports::Result<Option<LedgerState>> {
        let label = map_of(map_run).to_owned();
        self.world.seen.lock().unwrap().map_runs.insert(label, map_run.clone());
        self.life.call("state", self.world.ledger.state(map_run)).await
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> ports::Result<()> {
        let work = async {
            let state = commit.state.clone();
            self.world.ledger.commit(map_run, commit).await?;
            self.committed(map_run, &state);
            Ok(())
        };
        self.life.call("commit", work).await
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> ports::Result<Option<Bytes>> {
        self.life
            .call("result", self.world.ledger.result(map_run, status, position))
            .await
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> ports::Result<()> {
        self.life
            .call("forget", self.world.ledger.forget_results(map_run, status))
            .await
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> ports::Result<Option<Bytes>> {
        self.life
            .call(
                "unsuccessful",
                self.world.ledger.unsuccessful(map_run, attempt, position),
            )
            .await
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> ports::Result<Vec<(MapRunArn, LedgerState)>> {
        self.life
            .call("map runs", self.world.ledger.map_runs(execution, skip, limit))
            .await
    }
}

#[async_trait]
impl ObjectStore for Port {
    async fn head(&self, at: &ObjectKey) -> ports::Result<ObjectInfo> {
        self.life.call("head", self.world.store.head(at)).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> ports::Result<(ObjectInfo, BodyStream)> {
        let fate = self.life.fate("get").await;
        if fate == Fate::FailsBefore {
            return Err(failure());
        }
        let (info, body) = self.world.store.get(at, options).await?;
        self.life.afterwards(fate).await;
        if fate == Fate::FailsAfter {
            return Ok((info, stream::iter([Err(failure())]).boxed()));
        }
        Ok((info, body))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> ports::Result<PutResult> {
        self.life.call("put", self.world.store.put(at, body, options)).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> ports::Result<PutResult> {
        self.life.call("copy", self.world.store.copy(from, to, options)).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> ports::Result<Listing> {
        self.life
            .call("list", self.world.store.list(bucket, prefix, continuation))
            .await
    }

    async fn delete(&self, at: &ObjectKey) -> ports::Result<()> {
        self.life.call("delete", self.world.store.delete(at)).await
    }
}
