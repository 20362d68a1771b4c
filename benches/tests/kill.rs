//! `kill -9` again and again over map runs of 1,000,000 rows in batches, of 100,000 rows with a child each, and of 20,000
//! with a Standard child each: while children run, and while the results are being written. A script that knows nothing of gantry then reads what is left.
//!
//! The run tells its progress on a pipe, and it is killed when it has come as far as the test says: where in its work
//! that finds it is chance, that it is before its end is not. The script needs Python 3.
#![cfg(test)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use adapters::local::Records;
use fastrand::Rng;
use ports::{ExecutionFilter, ExecutionStatus, Journal, Ledger};

/// Kills while children run.
const KILLS: u64 = 10;

/// Kills while results are being written, after so many of their pieces.
const PIECES_BEFORE_KILL: [u64; 3] = [1, 20, 40];

/// One map run, and where it lives.
struct Run {
    place: tempfile::TempDir,
    kind: &'static str,
    rows: u64,
    children: u64,
}

/// What the run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// So many children are done, and the ledger says so.
    Committed(u64),
    /// The piece of the results with this number is being written.
    Exported(u64),
}

impl Run {
    fn new(kind: &'static str, rows: u64, items_per_child: u64) -> Self {
        let run = Self {
            place: tempfile::tempdir().unwrap(),
            kind,
            rows,
            children: rows / items_per_child,
        };
        std::fs::create_dir(run.path("source")).unwrap();
        let mut csv = std::io::BufWriter::new(std::fs::File::create(run.source()).unwrap());
        writeln!(csv, "id,text,size").unwrap();
        for row in 0..rows {
            writeln!(csv, "{row},\"a \"\"{}\"\",\nof {row}\",{}", row % 7, row % 977).unwrap();
        }
        csv.flush().unwrap();
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn source(&self) -> PathBuf {
        self.path("source").join("rows.csv")
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
        command
            .args(["map", self.kind])
            .arg(self.source())
            .arg(self.path("state"));
        command.arg("--tell").stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts it, kills it once it says what is waited for, and returns how many children it had committed by then.
    fn killed_when(&self, is_time: impl Fn(Told) -> bool) -> u64 {
        let mut child = self.start();
        let mut told = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(|line| told(&line.unwrap()));
        let mut committed = Vec::new();
        let came = told.by_ref().any(|now| {
            committed.extend(now.committed());
            is_time(now)
        });
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(came, "it ended before it came to where it was to be killed: {ended}");
        assert_eq!(ended.signal(), Some(9), "it ended before it was killed: {ended}");
        committed.extend(told.filter_map(Told::committed));
        assert!(committed.is_sorted(), "what is done stays done: {committed:?}");
        committed.last().copied().unwrap_or_default()
    }

    /// Starts it for the last time.
    fn ends(&self) {
        let mut child = self.start();
        let mut stdout = child.stdout.take().unwrap();
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// What the script says of the results.
    fn read(&self) -> serde_json::Value {
        let results = self.path("state/objects/results");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_results.py");
        let mut python = Command::new("python3");
        python
            .arg(script)
            .arg(&results)
            .arg(manifest(&results))
            .arg(self.source());
        let said = python
            .stderr(Stdio::inherit())
            .output()
            .expect("the script needs python3");
        assert!(said.status.success(), "the script refuses the results: {}", said.status);
        serde_json::from_slice(&said.stdout).unwrap()
    }
}

impl Told {
    const fn committed(self) -> Option<u64> {
        match self {
            Self::Committed(children) => Some(children),
            Self::Exported(_) => None,
        }
    }
}

fn told(line: &str) -> Told {
    let (what, number) = line.split_once(' ').unwrap();
    let number = number.parse().unwrap();
    match what {
        "committed" => Told::Committed(number),
        "exported" => Told::Exported(number),
        other => panic!("it says {other}"),
    }
}

/// The key of the only manifest.
fn manifest(results: &Path) -> PathBuf {
    let runs = std::fs::read_dir(results.join("run")).unwrap();
    let manifests: Vec<PathBuf> = runs.map(|run| run.unwrap().path().join("manifest.json")).collect();
    assert_eq!(manifests.len(), 1, "{manifests:?}");
    manifests[0].strip_prefix(results).unwrap().to_owned()
}

/// Kills the run before each eleventh of its children, and thrice over its results; then every row is there once.
fn is_killed_and_loses_nothing(run: &Run) {
    let mut random = Rng::with_seed(run.rows);
    let mut done = 0;
    for kill in 0..KILLS {
        let part = run.children / (KILLS + 1);
        let until = (kill * part + random.u64(..part)).max(done + 1);
        let committed = run.killed_when(|told| told.committed().is_some_and(|children| children >= until));
        assert!(
            committed >= until && committed < run.children,
            "{committed} of {}",
            run.children
        );
        done = committed;
    }
    for pieces in PIECES_BEFORE_KILL {
        run.killed_when(|told| told == Told::Exported(pieces));
    }
    run.ends();
    let expected = serde_json::json!({"FAILED": 0, "PENDING": 0, "SUCCEEDED": run.rows, "children": run.children});
    assert_eq!(run.read(), expected);
}

#[test]
fn a_million_rows_in_batches_outlive_kills() {
    is_killed_and_loses_nothing(&Run::new("batched", 1_000_000, 100));
}

#[test]
fn a_hundred_thousand_rows_with_a_child_each_outlive_kills() {
    is_killed_and_loses_nothing(&Run::new("each", 100_000, 1));
}

#[test]
fn standard_children_outlive_kills_and_end_once() {
    let run = Run::new("standard", 20_000, 1);
    is_killed_and_loses_nothing(&run);
    let state = run.path("state/state.db");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let children = runtime.block_on(children(&state));
    assert_eq!(children.len(), 20_000);
    for (status, position) in &children {
        assert_eq!(*status, ExecutionStatus::Succeeded, "child {position}");
    }
    let positions: BTreeSet<u64> = children.iter().map(|(_, position)| *position).collect();
    assert_eq!(positions, (0..20_000).collect(), "each is there once");
}

/// How the children of the only map run ended, with their positions.
async fn children(state: &Path) -> Vec<(ExecutionStatus, u64)> {
    let records = Records::open(state).unwrap();
    let execution = &records
        .executions(&ExecutionFilter::default(), None, 1)
        .await
        .unwrap()
        .items[0]
        .arn;
    let (map_run, _) = &records.map_runs(execution, 0, 1).await.unwrap()[0];
    let (children, mut after) = (ExecutionFilter::children_of(map_run), None);
    let mut found = Vec::new();
    loop {
        let page = records.executions(&children, after, 1_000).await.unwrap();
        found.extend(
            page.items
                .into_iter()
                .map(|row| (row.status, row.child_of.unwrap().position)),
        );
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}
