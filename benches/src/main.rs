//! The benchmark harness: whole commands against their peers, in turn, on this machine.
//!
//! `cargo run --release -p gantry-benches -- WORK`. Every figure is a median over interleaved rounds; claims are ratios
//! within one run. It owns no thresholds: it measures and prints.
#![expect(clippy::print_stdout, reason = "a harness prints its table")]
#![expect(clippy::print_stderr, reason = "what is going on goes to stderr")]

mod batch;
mod download;
mod gantry;
mod map_run;
mod measure;
mod nginx;
mod record;
mod sweep;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures gantry beside its peers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    work: Work,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Writes the table into a Markdown file in this folder as well, with the machine, the date, the commit and the
    /// command: `benches/results`.
    #[arg(long, global = true, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Rounds; each runs every tool once.
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,
    /// Where files and state go; a tmpfs measures the tool, a disk the disk.
    #[arg(long, global = true, default_value = "/dev/shm")]
    dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Many small files over 64 connections, beside curl, wget2 and aria2c.
    Download {
        /// How many files.
        #[arg(long, default_value_t = 20_000)]
        files: u64,
        /// **Bytes** of each.
        #[arg(long, default_value_t = 2_048)]
        bytes: usize,
    },
    /// Files from a server that takes 50 ms for each: the limit is connections ÷ latency.
    Latency {
        /// How many files.
        #[arg(long, default_value_t = 10_000)]
        files: u64,
    },
    /// Peak memory of many URLs against few.
    Memory {
        /// The larger number.
        #[arg(long, default_value_t = 1_000_000)]
        files: u64,
    },
    /// The batch list of a large quoted CSV, beside the csv crate.
    Batch {
        /// MiB of the CSV.
        #[arg(long, default_value_t = 2_048)]
        mebibytes: u64,
    },
    /// The pipeline over batch size × cap × children: where throughput and memory bend.
    Sweep {
        /// How many files.
        #[arg(long, default_value_t = 20_000)]
        files: u64,
    },
    /// Map runs by themselves: rows to children to result files, and a resumption after a kill.
    MapRun {
        /// Rows of most runs.
        #[arg(long, default_value_t = 1_000_000)]
        items: u64,
        /// Rows of the run whose memory is held against 100,000 rows.
        #[arg(long, default_value_t = 10_000_000)]
        many: u64,
    },
    /// Runs a command and prints what it cost. Used by the harness on itself.
    #[command(hide = true)]
    Measure {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Splits a file with the batcher. Used by the harness on itself.
    #[command(hide = true)]
    Split { file: PathBuf },
    /// Runs one map. Used by the harness on itself.
    #[command(hide = true)]
    Map {
        kind: map_run::Kind,
        file: PathBuf,
        state: PathBuf,
        /// Prints how far the run has come: `committed N` children, `exported N` pieces of the results.
        #[arg(long)]
        tell: bool,
    },
    /// Counts a file's records with the csv crate. Used by the harness on itself.
    #[command(hide = true)]
    Count { file: PathBuf },
}

impl Work {
    /// The name on the command line.
    const fn name(&self) -> &'static str {
        match self {
            Self::Download { .. } => "download",
            Self::Latency { .. } => "latency",
            Self::Memory { .. } => "memory",
            Self::Batch { .. } => "batch",
            Self::Sweep { .. } => "sweep",
            Self::MapRun { .. } => "map-run",
            Self::Measure { .. } => "measure",
            Self::Split { .. } => "split",
            Self::Map { .. } => "map",
            Self::Count { .. } => "count",
        }
    }
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let options = measure::Options {
        rounds: cli.rounds.max(1),
        dir: cli.dir,
    };
    let name = cli.work.name();
    let table = match cli.work {
        Work::Download { files, bytes } => download::many_small(&options, files, bytes)?,
        Work::Latency { files } => download::latency(&options, files)?,
        Work::Memory { files } => download::memory(&options, files)?,
        Work::Batch { mebibytes } => batch::run(&options, mebibytes)?,
        Work::Sweep { files } => sweep::run_all(&options, files)?,
        Work::MapRun { items, many } => map_run::run_all(&options, items, many)?,
        Work::Map {
            kind,
            file,
            state,
            tell,
        } => return map_run::inside(kind, &file, &state, tell),
        Work::Measure { command } => return measure::inside(&command),
        Work::Split { file } => return batch::split(&file),
        Work::Count { file } => return batch::count(&file),
    };
    if let Some(folder) = cli.record {
        let path = record::write(&folder, name, &table.render(), &record::Circumstances::now())?;
        eprintln!("recorded in {}", path.display());
    }
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&table)?);
    } else {
        println!("{}", table.render());
    }
    Ok(())
}
