//! A world that holds nothing: the source is made as it is read, results are counted and thrown away.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use futures::{StreamExt, stream};
use ports::{
    BodyStream, Clock, Commit, CopyOptions, ErrorKind, ExecutionArn, ExecutionRow, GetOptions, Ledger, LedgerState,
    Listing, MapRunArn, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions, PutResult, ResultStatus, Timestamp,
    memory,
};
use serde_json::Value;

/// **Bytes** of a piece of the source.
pub(crate) const PIECE_BYTES: usize = 64 * 1_024;

/// How long a commit takes in the clock's time: everything that can happen meanwhile does.
const COMMIT: Duration = Duration::from_secs(1);

/// An object of so many lines, all of one length.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    /// The first line, with its end.
    pub(crate) header: &'static str,
    pub(crate) rows: u64,
    /// A row without its number, which has ten digits and stands between.
    pub(crate) before: &'static str,
    pub(crate) after: String,
}

impl Lines {
    fn row_bytes(&self) -> u64 {
        (self.before.len() + 10 + self.after.len()) as u64
    }

    fn size(&self) -> u64 {
        self.header.len() as u64 + self.rows * self.row_bytes()
    }

    /// These bytes of it, and no others.
    fn piece(&self, range: Range<u64>) -> Bytes {
        let mut piece = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap());
        let mut put = |part: &str, at: u64| {
            let end = at + part.len() as u64;
            let within = |byte: u64| usize::try_from(byte.clamp(at, end) - at).unwrap();
            piece.extend_from_slice(&part.as_bytes()[within(range.start)..within(range.end)]);
            end
        };
        let header = put(self.header, 0);
        let first = range.start.saturating_sub(header) / self.row_bytes();
        for row in first.. {
            let at = header + row * self.row_bytes();
            if at >= range.end {
                break;
            }
            let at = put(self.before, at);
            let at = put(&format!("{row:010}"), at);
            put(&self.after, at);
        }
        piece.into()
    }
}

#[derive(Debug)]
struct Source {
    lines: Arc<Lines>,
    written: Arc<AtomicU64>,
}

#[async_trait]
impl ObjectStore for Source {
    async fn head(&self, at: &ObjectKey) -> ports::Result<ObjectInfo> {
        Ok(ObjectInfo {
            key: at.key.clone(),
            size: self.lines.size(),
            etag: "\"1\"".to_owned(),
            version: None,
            modified: Timestamp::default(),
        })
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> ports::Result<(ObjectInfo, BodyStream)> {
        let info = self.head(at).await?;
        let range = options.range.unwrap_or(0..u64::MAX);
        let (lines, end) = (Arc::clone(&self.lines), range.end.min(info.size));
        let pieces = (range.start..end).step_by(PIECE_BYTES).map(move |start| {
            let end = end.min(start + PIECE_BYTES as u64);
            Ok(lines.piece(start..end))
        });
        Ok((info, stream::iter(pieces).boxed()))
    }

    async fn put(&self, _: &ObjectKey, body: ObjectBody, _: PutOptions) -> ports::Result<PutResult> {
        let mut pieces = match body {
            ObjectBody::Bytes(bytes) => stream::iter([Ok(bytes)]).boxed(),
            ObjectBody::Stream(pieces) => pieces,
        };
        while let Some(piece) = pieces.next().await {
            self.written.fetch_add(piece?.len() as u64, Ordering::Relaxed);
        }
        Ok(PutResult {
            etag: "\"2\"".to_owned(),
            size: None,
        })
    }

    async fn copy(&self, _: &ObjectKey, _: &ObjectKey, _: CopyOptions) -> ports::Result<PutResult> {
        Err(not_here())
    }

    async fn list(&self, _: &str, _: &str, _: Option<String>) -> ports::Result<Listing> {
        Err(not_here())
    }

    async fn delete(&self, _: &ObjectKey) -> ports::Result<()> {
        Err(not_here())
    }
}

fn not_here() -> ports::Error {
    ports::Error::new(ErrorKind::Malformed, "no map run asks for this here")
}

/// The ledger of one map run. Of results it remembers how long they were, and reads as many bytes back.
#[derive(Debug)]
struct Lengths {
    clock: Arc<dyn Clock>,
    state: Mutex<LedgerState>,
    succeeded: Mutex<Vec<usize>>,
}

#[async_trait]
impl Ledger for Lengths {
    async fn state(&self, _: &MapRunArn) -> ports::Result<Option<LedgerState>> {
        Ok(Some(self.state.lock().unwrap().clone()))
    }

    async fn commit(&self, _: &MapRunArn, commit: Commit) -> ports::Result<()> {
        self.clock.sleep_until(self.clock.now().plus(COMMIT)).await;
        let lengths = commit.results.iter().map(|chunk| chunk.lines.len());
        self.succeeded.lock().unwrap().extend(lengths);
        *self.state.lock().unwrap() = commit.state;
        Ok(())
    }

    async fn result(&self, _: &MapRunArn, status: ResultStatus, position: u64) -> ports::Result<Option<Bytes>> {
        let lengths = self.succeeded.lock().unwrap();
        let length = lengths.get(usize::try_from(position).unwrap());
        let lines = length.map(|length| Bytes::from("1".repeat(*length - 1) + "\n"));
        Ok(lines.filter(|_| status == ResultStatus::Succeeded))
    }

    async fn forget_results(&self, _: &MapRunArn, status: ResultStatus) -> ports::Result<()> {
        if status == ResultStatus::Succeeded {
            self.succeeded.lock().unwrap().clear();
        }
        Ok(())
    }

    async fn unsuccessful(&self, _: &MapRunArn, _: u32, _: u64) -> ports::Result<Option<Bytes>> {
        Ok(None)
    }

    async fn map_runs(&self, _: &ExecutionArn, _: usize, _: usize) -> ports::Result<Vec<(MapRunArn, LedgerState)>> {
        Ok(Vec::new())
    }
}

/// How a map run over such an object ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) row: ExecutionRow,
    /// **Bytes** of result files.
    pub(crate) written: u64,
    pub(crate) items: u64,
}

/// Runs a machine over the object, on this thread and in paused time.
pub(crate) fn run(lines: Lines, definition: &Value) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(run_inside(lines, definition))
}

async fn run_inside(lines: Lines, definition: &Value) -> Ended {
    let clock: Arc<dyn Clock> = Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000)));
    let written = Arc::new(AtomicU64::new(0));
    let ledger = Arc::new(Lengths {
        clock: Arc::clone(&clock),
        state: Mutex::default(),
        succeeded: Mutex::default(),
    });
    let ports = Ports {
        store: Arc::new(Source {
            lines: Arc::new(lines),
            written: Arc::clone(&written),
        }),
        invoker: Arc::new(memory::TaskInvoker::default()),
        journal: Arc::new(memory::Journal::default()),
        ledger: ledger.clone(),
        clock,
    };
    let settings = Settings {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        halt_on: BTreeSet::new(),
    };
    let engine = Engine::new(ports, settings);
    let new = NewExecution {
        state_machine: "machine".to_owned(),
        definition: definition.to_string(),
        name: "run".to_owned(),
        input: "{}".to_owned(),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    };
    let arn = engine.start(new).await.unwrap();
    let RunEnd::Ended(row) = engine.run(&arn, &Stop::default()).await.unwrap() else {
        panic!("nobody asked it to stop");
    };
    let items = ledger.state.lock().unwrap().items.succeeded;
    Ended {
        row: *row,
        written: written.load(Ordering::Relaxed),
        items,
    }
}
