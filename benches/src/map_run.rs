//! Map runs by themselves: rows of a CSV to children to result files, durable, without stages and network.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adapters::local::{Access, Clock, Directory, Records};
use anyhow::{Context, bail};
use bytes::Bytes;
use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{
    Clock as _, Commit, ExecutionArn, ExecutionStatus, Invocation, Journal, Ledger, LedgerState, MapRunArn,
    ResultStatus, TaskFailure, TaskInvoker, Timestamp,
};
use serde_json::{Value, json};

use crate::measure::{Cost, Options, median, run as measure};
use crate::table::Table;

/// Rows of the run whose peak memory the larger one is held against.
const FEW: u64 = 100_000;
/// Items of a batch.
const BATCH_ITEMS: u64 = 100;
/// Items of an inline Map, and how often it runs.
const INLINE_ITEMS: u64 = 1_000;
const INLINE_RUNS: u64 = 100;

/// What is run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A child for each row, which passes it on.
    Each,
    /// A child for a hundred rows.
    Batched,
    /// A Standard child for each row: each has a row and a journal of its own.
    Standard,
    /// A child for each row, which calls a task.
    Task,
    /// An inline Map, again and again.
    Inline,
}

/// All rows of the table.
pub(crate) fn run_all(options: &Options, items: u64, many: u64) -> anyhow::Result<Table> {
    let work = tempfile::tempdir_in(&options.dir)?;
    let csv = |count: u64| -> anyhow::Result<PathBuf> {
        let path = work.path().join(format!("{count}.csv"));
        write_csv(&path, count)?;
        Ok(path)
    };
    let file = csv(items)?;
    let mut rows = Vec::new();
    for (name, kind, file, count) in [
        ("CSV rows, a Pass child each", Kind::Each, &file, items),
        ("the same, 100 a batch", Kind::Batched, &file, items),
        (
            "inline Map of 1,000, journalled",
            Kind::Inline,
            &file,
            INLINE_ITEMS * INLINE_RUNS,
        ),
    ] {
        let costs = several(options.rounds, || once(work.path(), kind, file))?;
        rows.push(row(name, count, &costs));
    }
    std::fs::remove_file(file)?;
    let standard = csv(FEW)?;
    let cost = several(options.rounds, || once(work.path(), Kind::Standard, &standard))?;
    std::fs::remove_file(standard)?;
    rows.push(row("CSV rows, a Standard Pass child each", FEW, &cost));
    for count in [FEW, many] {
        let file = csv(count)?;
        let cost = once(work.path(), Kind::Batched, &file)?;
        std::fs::remove_file(file)?;
        rows.push(row("CSV rows, 100 a batch, once", count, &[cost]));
    }
    let file = csv(items)?;
    let resumed = several(options.rounds, || resume(work.path(), &file, items))?;
    Ok(Table {
        work: format!(
            "map runs with ResultWriter, journal and ledger on {}",
            options.dir.display()
        ),
        header: vec!["", "items", "items per CPU second", "items/s", "peak MiB"],
        rows,
        notes: vec![
            format!("median of {} rounds where not said otherwise", options.rounds),
            format!(
                "killed after half of {items} children: {:.0} ms from the next process' start to its first new child",
                median(resumed)
            ),
        ],
    })
}

fn several<T>(rounds: usize, mut once: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
    (0..rounds).map(|_| once()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of items and KiB")]
fn row(name: &str, items: u64, costs: &[Cost]) -> Vec<String> {
    let middle = |of: fn(&Cost) -> f64| median(costs.iter().map(of).collect());
    vec![
        name.to_owned(),
        items.to_string(),
        format!("{:.0}", items as f64 / middle(|cost| cost.cpu)),
        format!("{:.0}", items as f64 / middle(|cost| cost.wall)),
        format!("{:.1}", middle(|cost| cost.peak as f64) / 1_024.0),
    ]
}

fn write_csv(path: &Path, rows: u64) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "id,url,size")?;
    for row in 0..rows {
        writeln!(
            file,
            "{row},https://example.com/{}/{row}.gif,{}",
            row / 1_000,
            row % 977
        )?;
    }
    Ok(file.flush()?)
}

fn words(kind: Kind, file: &Path, work: &Path) -> Vec<String> {
    let kind = clap::ValueEnum::to_possible_value(&kind).map_or_else(String::new, |value| value.get_name().to_owned());
    let text = |path: &Path| path.display().to_string();
    vec!["map".to_owned(), kind, text(file), text(&work.join("state"))]
}

fn once(work: &Path, kind: Kind, file: &Path) -> anyhow::Result<Cost> {
    eprintln!("{kind:?} over {}", file.display());
    // The allocator as gantry sets it for itself.
    let mut command: Vec<String> = ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=262144"]
        .map(str::to_owned)
        .into();
    command.push(std::env::current_exe()?.display().to_string());
    command.extend(words(kind, file, work));
    let cost = measure("env", &command)?;
    std::fs::remove_dir_all(work.join("state"))?;
    Ok(cost)
}

/// Kills a run in its middle, starts it again, and says how many milliseconds its first new child took.
fn resume(work: &Path, file: &Path, items: u64) -> anyhow::Result<f64> {
    eprintln!("kill and resume");
    let start = || {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.args(words(Kind::Task, file, work)).stdout(Stdio::piped());
        command.spawn().context("failed to start this program again")
    };
    let mut first = start()?;
    wait_for(&mut first, |line| {
        line.parse::<u64>().is_ok_and(|calls| calls >= items / 2)
    })?;
    first.kill()?;
    first.wait()?;
    let mut second = start()?;
    let line = wait_for(&mut second, |line| line.starts_with("first "))?;
    let ended = second.wait()?;
    std::fs::remove_dir_all(work.join("state"))?;
    if !ended.success() {
        bail!("the resumed run ended with {ended}");
    }
    Ok(line.trim_start_matches("first ").parse()?)
}

/// Reads what the process prints until a line is the wanted one; the rest is read on a thread of its own.
fn wait_for(child: &mut std::process::Child, wanted: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    let found = lines.by_ref().map_while(Result::ok).find(|line| wanted(line));
    std::thread::spawn(move || lines.for_each(drop));
    found.context("the process ended before it said what was waited for")
}

/// Says when the first call came, and counts them.
#[derive(Debug)]
struct Counting {
    started: Timestamp,
    calls: AtomicU64,
}

/// How often the number of calls is printed.
const PRINT_EVERY: u64 = 10_000;

#[async_trait::async_trait]
impl TaskInvoker for Counting {
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure> {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        if calls == 0 {
            println!("first {}", Clock.now().since(self.started).as_millis());
        }
        if calls.is_multiple_of(PRINT_EVERY) {
            println!("{calls}");
        }
        Ok(invocation.input)
    }
}

/// A ledger that says how far it has come.
#[derive(Debug)]
struct Telling(Arc<Records>);

#[async_trait::async_trait]
impl Ledger for Telling {
    async fn state(&self, map_run: &MapRunArn) -> ports::Result<Option<LedgerState>> {
        self.0.state(map_run).await
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> ports::Result<()> {
        let ended = commit.state.executions.ended();
        self.0.commit(map_run, commit).await?;
        println!("committed {ended}");
        Ok(())
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> ports::Result<Option<Bytes>> {
        let result = self.0.result(map_run, status, position).await?;
        println!("exported {position}");
        Ok(result)
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> ports::Result<()> {
        self.0.forget_results(map_run, status).await
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> ports::Result<Option<Bytes>> {
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

fn definition(kind: Kind) -> Value {
    let pass = json!({"Type": "Pass", "End": true});
    let task = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true});
    let child = if kind == Kind::Task { task } else { pass };
    if kind == Kind::Inline {
        return json!({"StartAt": "Map", "States": {"Map": {
            "Type": "Map", "End": true, "ResultPath": null,
            "ItemProcessor": {"StartAt": "Child", "States": {"Child": child}},
        }}});
    }
    let execution_type = if kind == Kind::Standard { "STANDARD" } else { "EXPRESS" };
    let mut map = json!({
        "Type": "Map", "End": true, "MaxConcurrency": 1_000,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
            "StartAt": "Child", "States": {"Child": child},
        },
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "manifest", "Key.$": "$.key"},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "results", "Prefix": "run"},
        },
    });
    if kind == Kind::Batched
        && let Some(fields) = map.as_object_mut()
    {
        fields.insert("ItemBatcher".to_owned(), json!({"MaxItemsPerBatch": BATCH_ITEMS}));
    }
    json!({"StartAt": "Map", "States": {"Map": map}})
}

/// One run, in this process.
pub(crate) fn inside(kind: Kind, file: &Path, state: &Path, tell: bool) -> anyhow::Result<()> {
    let started = Clock.now();
    std::fs::create_dir_all(state)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Directory::below(state.join("objects"));
        store.mount("manifest", file.parent().context("a folder")?, Access::ReadOnly)?;
        let records = Arc::new(Records::open(&state.join("state.db"))?);
        let journal = Arc::clone(&records) as Arc<dyn Journal>;
        let ledger: Arc<dyn Ledger> = if tell { Arc::new(Telling(records)) } else { records };
        let calls = AtomicU64::new(0);
        let ports = Ports {
            store: Arc::new(store),
            invoker: Arc::new(Counting { started, calls }),
            journal,
            ledger,
            clock: Arc::new(Clock),
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: std::collections::BTreeSet::new(),
        };
        let engine = Engine::new(ports, settings.clone());
        if kind == Kind::Inline {
            let items: Vec<u64> = (0..INLINE_ITEMS).collect();
            for number in 0..INLINE_RUNS {
                execute(&engine, &settings, kind, &format!("run-{number}"), &json!(items)).await?;
            }
            return Ok(());
        }
        let key = file.file_name().and_then(|name| name.to_str()).context("a name")?;
        execute(&engine, &settings, kind, "run", &json!({"key": key})).await
    })
}

/// Starts the execution, or goes on with it.
async fn execute(engine: &Engine, settings: &Settings, kind: Kind, name: &str, input: &Value) -> anyhow::Result<()> {
    let new = NewExecution {
        state_machine: "bench".to_owned(),
        definition: definition(kind).to_string(),
        name: name.to_owned(),
        input: input.to_string(),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    };
    // It is there already when an earlier process was killed.
    let arn = engine
        .start(new)
        .await
        .unwrap_or_else(|_there| settings.execution_arn("bench", name));
    match engine.run(&arn, &Stop::default()).await? {
        RunEnd::Ended(row) if row.status == ExecutionStatus::Succeeded => Ok(()),
        other @ (RunEnd::Ended(_) | RunEnd::Stopped) => bail!("the execution ended as {other:?}"),
    }
}
