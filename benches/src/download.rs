//! Downloads beside the peers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use demo::origin::Options as OriginOptions;

use crate::gantry::{self, Shape};
use crate::measure::{Cost, Options, is_installed, median, run};
use crate::nginx::Nginx;
use crate::table::Table;

const CONNECTIONS: u64 = 64;
const LATENCY: Duration = Duration::from_millis(50);

/// A tool and how it is called.
struct Tool {
    name: &'static str,
    program: String,
    arguments: Vec<String>,
}

/// Many small files from nginx.
pub(crate) fn many_small(options: &Options, files: u64, bytes: usize) -> anyhow::Result<Table> {
    let work = tempfile::tempdir_in(&options.dir)?;
    let nginx = Nginx::start(work.path(), bytes)?;
    let urls: Vec<String> = (0..files).map(|n| format!("{}/f/{n}.gif", nginx.url)).collect();
    let tools = tools(work.path(), &urls)?;
    let costs = measure(options, work.path(), &tools, files)?;
    let limit = wrk(&nginx.url, options.rounds);
    let work = format!(
        "{files} files of {bytes} bytes, {CONNECTIONS} connections, files and state on {}, {} rounds",
        options.dir.display(),
        options.rounds
    );
    Ok(as_table(work, files, &costs, limit))
}

/// Files from a server that takes its time.
pub(crate) fn latency(options: &Options, files: u64) -> anyhow::Result<Table> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let origin = runtime.block_on(demo::Origin::start(OriginOptions {
        images: files,
        latency: LATENCY,
        ..OriginOptions::default()
    }))?;
    let work = tempfile::tempdir_in(&options.dir)?;
    let urls: Vec<String> = (0..files).map(|n| origin.url(&format!("/images/{n}.gif"))).collect();
    let mut tools = tools(work.path(), &urls)?;
    // Half of the files to each of the two processors: no batch ends before the run does.
    let shape = Shape {
        batch_items: files.div_ceil(2),
        ..Shape::SIXTY_FOUR
    };
    if let Some(tool) = tools.first_mut() {
        tool.arguments = gantry::arguments(&work.path().join("urls.txt"), work.path(), shape);
    }
    let costs = measure(options, work.path(), &tools, files)?;
    #[expect(clippy::cast_precision_loss, reason = "64")]
    let limit = CONNECTIONS as f64 / LATENCY.as_secs_f64();
    let work = format!("{files} files, {LATENCY:?} latency, {CONNECTIONS} connections: at most {limit:.0} files/s");
    Ok(as_table(work, files, &costs, Some(limit)))
}

/// Peak memory of many URLs against 20,000.
pub(crate) fn memory(options: &Options, files: u64) -> anyhow::Result<Table> {
    const FEW: u64 = 20_000;
    let work = tempfile::tempdir_in(&options.dir)?;
    // Empty files: a million of them must fit a tmpfs.
    let nginx = Nginx::start(work.path(), 1)?;
    let binary = gantry::binary()?.display().to_string();
    let mut peaks = Vec::new();
    for count in [FEW, files] {
        let manifest = work.path().join(format!("urls-{count}.txt"));
        let urls: Vec<String> = (0..count)
            .map(|n| format!("{}/f/{}/{n}.gif", nginx.url, n / 1_000))
            .collect();
        std::fs::write(&manifest, urls.join("\n"))?;
        eprintln!("{count} URLs");
        let arguments = gantry::arguments(
            &manifest,
            work.path(),
            Shape {
                batch_items: 100,
                ..Shape::SIXTY_FOUR
            },
        );
        let cost = run(&binary, &arguments)?;
        clean(work.path());
        peaks.push((count, cost));
    }
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
    let first = peaks.first().map_or(1.0, |(_, cost)| cost.peak as f64);
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
    let row = |(count, cost): &(u64, Cost)| {
        vec![
            count.to_string(),
            format!("{:.1}", cost.peak as f64 / 1_024.0),
            format!("{:.2}", cost.peak as f64 / first),
            format!("{:.0}", *count as f64 / cost.wall),
            format!("{:.1}", cost.cpu * 1e6 / *count as f64),
        ]
    };
    Ok(Table {
        work: "peak memory of a download".to_owned(),
        header: vec!["URLs", "peak MiB", "ratio", "files/s", "CPU µs/file"],
        rows: peaks.iter().map(row).collect(),
        notes: vec!["one run each; files of one byte from nginx, 100 items a batch".to_owned()],
    })
}

fn tools(work: &Path, urls: &[String]) -> anyhow::Result<Vec<Tool>> {
    let list = work.join("urls.txt");
    std::fs::write(&list, urls.join("\n") + "\n")?;
    let text = |path: PathBuf| path.display().to_string();
    let peers = work.join("peer");
    let mut curl = String::new();
    for (number, url) in urls.iter().enumerate() {
        writeln!(curl, "url = \"{url}\"\noutput = \"{}/{number}\"", peers.display())?;
    }
    std::fs::write(work.join("curl.txt"), curl)?;
    let gantry = Tool {
        name: "gantry",
        program: text(gantry::binary()?),
        arguments: gantry::arguments(&list, work, Shape::SIXTY_FOUR),
    };
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let list = text(list);
    let peers = text(peers);
    let all = vec![
        gantry,
        Tool {
            name: "curl --parallel",
            program: "curl".to_owned(),
            arguments: words(&format!(
                "-s --parallel --parallel-max {CONNECTIONS} --create-dirs -K {}",
                text(work.join("curl.txt"))
            )),
        },
        Tool {
            name: "wget2",
            program: "wget2".to_owned(),
            arguments: words(&format!("-q --max-threads={CONNECTIONS} -i {list} -P {peers}")),
        },
        Tool {
            name: "aria2c",
            program: "aria2c".to_owned(),
            arguments: words(&format!(
                "-q -j{CONNECTIONS} --max-connection-per-server=16 -i {list} -d {peers}"
            )),
        },
    ];
    Ok(all
        .into_iter()
        .filter(|tool| tool.name == "gantry" || is_installed(&tool.program))
        .collect())
}

/// Every tool once a round, in turn; what one has written is removed before the next.
fn measure(
    options: &Options,
    work: &Path,
    tools: &[Tool],
    files: u64,
) -> anyhow::Result<BTreeMap<(usize, &'static str), Vec<Cost>>> {
    let mut costs: BTreeMap<(usize, &'static str), Vec<Cost>> = BTreeMap::new();
    for round in 0..options.rounds {
        for (position, tool) in tools.iter().enumerate() {
            eprintln!("round {}: {}", round + 1, tool.name);
            let cost = run(&tool.program, &tool.arguments)?;
            let written = count_files(&work.join(if tool.name == "gantry" { "gantry" } else { "peer" }))?;
            if written != files {
                bail!("{} wrote {written} files of {files}", tool.name);
            }
            clean(work);
            costs.entry((position, tool.name)).or_default().push(cost);
        }
    }
    Ok(costs)
}

fn clean(work: &Path) {
    for folder in ["gantry", "peer", "state"] {
        // It is not there when another tool ran.
        std::fs::remove_dir_all(work.join(folder)).unwrap_or_default();
    }
}

fn count_files(folder: &Path) -> anyhow::Result<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() {
            count_files(&entry.path())?
        } else {
            1
        };
    }
    Ok(count)
}

/// Requests a second that this machine can do at all, with client and server on it.
fn wrk(url: &str, rounds: usize) -> Option<f64> {
    if !is_installed("wrk") {
        return None;
    }
    let once = || {
        let output = std::process::Command::new("wrk")
            .args(["-t1", &format!("-c{CONNECTIONS}"), "-d2s", &format!("{url}/f/1.gif")])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?;
        line.trim().parse().ok()
    };
    Some(median((0..rounds).filter_map(|_| once()).collect()))
}

fn as_table(work: String, files: u64, costs: &BTreeMap<(usize, &'static str), Vec<Cost>>, limit: Option<f64>) -> Table {
    #[expect(clippy::cast_precision_loss, reason = "counts of files and KiB")]
    let row = |((_, name), costs): (&(usize, &'static str), &Vec<Cost>)| {
        let files = files as f64;
        let rate = files / median(costs.iter().map(|cost| cost.wall).collect());
        let cpu = median(costs.iter().map(|cost| cost.cpu).collect()) * 1e6 / files;
        let peak = median(costs.iter().map(|cost| cost.peak as f64).collect()) / 1_024.0;
        vec![
            (*name).to_owned(),
            format!("{rate:.0}"),
            format!("{cpu:.1}"),
            format!("{peak:.1}"),
            limit.map_or_else(|| "–".to_owned(), |limit| format!("{:.2}", rate / limit)),
        ]
    };
    let notes = limit
        .map(|limit| format!("limit: {limit:.0} files/s"))
        .into_iter()
        .collect();
    Table {
        work,
        header: vec!["tool", "files/s", "CPU µs/file", "peak MiB", "of the limit"],
        rows: costs.iter().map(row).collect(),
        notes,
    }
}
