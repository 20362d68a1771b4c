//! The batch list of a large CSV, beside the csv crate.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use adapters::local::{Access, Clock, Directory};
use anyhow::Context;
use fixtures::generate::{self, CsvShape};
use ports::{Clock as _, ObjectStore};
use serde_json::json;

use crate::measure::{Options, median, run as measure};
use crate::table::Table;

/// Splits a CSV of so many MiB, and counts its records with the csv crate.
pub(crate) fn run(options: &Options, mebibytes: u64) -> anyhow::Result<Table> {
    let work = tempfile::tempdir_in(&options.dir)?;
    let file = work.path().join("manifest.csv");
    eprintln!("writing {mebibytes} MiB of CSV");
    let bytes = write_csv(&file, mebibytes << 20)?;
    let this = std::env::current_exe()?.display().to_string();
    let path = file.display().to_string();
    let mut rows = Vec::new();
    for (name, verb) in [("gantry: batch list", "split"), ("csv crate: count records", "count")] {
        let mut costs = Vec::new();
        for _ in 0..options.rounds {
            costs.push(measure(&this, &[verb.to_owned(), path.clone()])?);
        }
        #[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
        let gigabytes = bytes as f64 / 1e9;
        #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
        rows.push(vec![
            name.to_owned(),
            format!("{:.2}", gigabytes / median(costs.iter().map(|cost| cost.cpu).collect())),
            format!(
                "{:.2}",
                gigabytes / median(costs.iter().map(|cost| cost.wall).collect())
            ),
            format!(
                "{:.1}",
                median(costs.iter().map(|cost| cost.peak as f64).collect()) / 1_024.0
            ),
        ]);
    }
    Ok(Table {
        work: format!(
            "a CSV of {bytes} bytes, one record in five with quoted newlines, one in a hundred with a CSV file in a cell, on {}",
            options.dir.display()
        ),
        header: vec!["", "GB per CPU second", "GB/s", "peak MiB"],
        rows,
        notes: vec![format!(
            "median of {} rounds, reading the file included",
            options.rounds
        )],
    })
}

/// A few MiB of records, again and again.
fn write_csv(path: &Path, size: u64) -> anyhow::Result<u64> {
    let block = generate::csv(7, "https://example.com", 20_000, CsvShape::QUOTED).text;
    let (header, records) = block.split_once('\n').context("a header")?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "{header}")?;
    let mut written = header.len() as u64 + 1;
    while written < size {
        file.write_all(records.as_bytes())?;
        written += records.len() as u64;
    }
    file.flush()?;
    Ok(written)
}

/// The batcher's work on one file, as its own process.
pub(crate) fn split(file: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let state = tempfile::tempdir_in(file.parent().context("a folder")?)?;
        let store = Directory::below(state.path());
        store.mount("manifest", file.parent().context("a folder")?, Access::ReadOnly)?;
        let ports = batcher::Ports {
            store: Arc::new(store) as Arc<dyn ObjectStore>,
            clock: Arc::new(Clock),
        };
        let config = batcher::Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned()))?;
        let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
        let event = serde_json::from_value(json!({
            "execution": "bench", "round": 0, "manifest": {"bucket": "manifest", "key": name},
            "request": {"manifest": {"bucket": "m", "key": "k"}, "work": {"action": "download", "destination": {"bucket": "images"}}},
        }))?;
        let deadline = Clock.now().plus(std::time::Duration::from_hours(1));
        let answer = batcher::handle(event, &ports, &config, deadline).await?;
        println!("{}", serde_json::to_string(&answer)?);
        Ok(())
    })
}

/// The csv crate's work on one file, as its own process.
pub(crate) fn count(file: &Path) -> anyhow::Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file)?;
    let mut record = csv::ByteRecord::new();
    let mut records = 0_u64;
    while reader.read_byte_record(&mut record)? {
        records += 1;
    }
    println!("{records}");
    Ok(())
}
