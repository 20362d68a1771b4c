//! A run that is kept: its table with the machine, the date, the commit and the command, as a Markdown file.
//!
//! `benches/results/` holds these files; the documents quote them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// Records of one work on one day, at most.
const RECORDS_MAX: u32 = 99;

/// What the figures of a run depend on besides the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// When the run ended, RFC 3339.
    date: String,
    commit: String,
    command: String,
    processor: String,
    cores: usize,
    memory: String,
    kernel: String,
}

impl Circumstances {
    /// Those of this process, on this machine.
    pub(crate) fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            date: format!("{:.0}", jiff::Timestamp::now()),
            commit: commit(),
            command: command(std::env::args().skip(1)),
            processor: processor(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: memory(&read("/proc/meminfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }

    /// The day of the run: `2026-11-28`.
    fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }

    fn render(&self, work: &str, table: &str) -> String {
        let Self {
            date,
            commit,
            command,
            processor,
            cores,
            memory,
            kernel,
        } = self;
        let mut text = format!("# `{work}`, {}\n\n| | |\n|---|---|\n", self.day());
        for (what, value) in [
            ("ended", date.as_str()),
            ("commit", commit),
            ("command", &format!("`{command}`")),
            ("processor", &format!("{processor}, {cores} cores")),
            ("memory", memory),
            ("kernel", kernel),
        ] {
            writeln!(text, "| {what} | {value} |").unwrap_or_default();
        }
        format!("{text}\n{}\n", table.trim_end())
    }
}

/// Writes a record of `work` into `folder`; returns its path.
pub(crate) fn write(folder: &Path, work: &str, table: &str, circumstances: &Circumstances) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create `{}`", folder.display()))?;
    let text = circumstances.render(work, table);
    for number in 1..=RECORDS_MAX {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let path = folder.join(format!("{}-{work}{suffix}.md", circumstances.day()));
        match File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("failed to write `{}`", path.display())),
        }
    }
    bail!(
        "`{}` holds {RECORDS_MAX} records of `{work}` from {} already",
        folder.display(),
        circumstances.day()
    );
}

/// The commit that is checked out, and whether files differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        None => "unknown".to_owned(),
        Some(commit) if git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty()) => commit,
        Some(commit) => format!("{commit}, with changes that are not committed"),
    }
}

/// The command that repeats the run: without `--record`, which is about this file.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut command = "cargo run --release -p gantry-benches --".to_owned();
    let mut is_folder = false;
    for argument in arguments {
        if std::mem::take(&mut is_folder) || argument.starts_with("--record=") {
            continue;
        }
        if argument == "--record" {
            is_folder = true;
            continue;
        }
        command.push(' ');
        command.push_str(&argument);
    }
    command
}

/// The model in the text of `/proc/cpuinfo`.
fn processor(cpuinfo: &str) -> String {
    value_of(cpuinfo, "model name").unwrap_or("unknown").to_owned()
}

/// The size in the text of `/proc/meminfo`, in GiB.
fn memory(meminfo: &str) -> String {
    let kibibytes = value_of(meminfo, "MemTotal")
        .and_then(|value| value.strip_suffix(" kB"))
        .and_then(|value| value.parse::<u64>().ok());
    kibibytes.map_or_else(
        || "unknown".to_owned(),
        |kibibytes| format!("{} GiB", (kibibytes + (1 << 19)) >> 20),
    )
}

/// The value in a line `name : value`.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            date: "2026-11-28T10:30:00Z".into(),
            commit: "fd9cdeb0c1a2".into(),
            command: "cargo run --release -p gantry-benches -- memory".into(),
            processor: "Some CPU @ 2.80GHz".into(),
            cores: 2,
            memory: "24 GiB".into(),
            kernel: "6.1.0".into(),
        }
    }

    #[test]
    fn a_record_says_where_its_figures_are_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "memory", "| a |\n|---|\n| 1 |\n", &circumstances()).unwrap();
        assert_eq!(path, folder.path().join("2026-11-28-memory.md"));
        let expected = "\
# `memory`, 2026-11-28

| | |
|---|---|
| ended | 2026-11-28T10:30:00Z |
| commit | fd9cdeb0c1a2 |
| command | `cargo run --release -p gantry-benches -- memory` |
| processor | Some CPU @ 2.80GHz, 2 cores |
| memory | 24 GiB |
| kernel | 6.1.0 |

| a |
|---|
| 1 |
";
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn a_second_record_of_a_day_leaves_the_first_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "batch", "first", &circumstances()).unwrap();
        let second = write(folder.path(), "batch", "second", &circumstances()).unwrap();
        assert_eq!(second, folder.path().join("2026-11-28-batch-2.md"));
        let first = fs::read_to_string(folder.path().join("2026-11-28-batch.md")).unwrap();
        assert!(first.ends_with("first\n"));
    }

    #[test]
    fn the_command_is_told_without_where_the_record_goes() {
        let told = |arguments: &[&str]| command(arguments.iter().map(|argument| (*argument).to_owned()));
        let expected = "cargo run --release -p gantry-benches -- memory --files 9";
        assert_eq!(told(&["memory", "--record", "results", "--files", "9"]), expected);
        assert_eq!(told(&["--record=results", "memory", "--files", "9"]), expected);
    }

    #[test]
    fn the_machine_is_read_from_proc() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.80GHz\nprocessor\t: 1\nmodel name\t: Other\n";
        assert_eq!(processor(cpuinfo), "Some CPU @ 2.80GHz");
        assert_eq!(memory("MemTotal:       24689764 kB\nMemFree: 1 kB\n"), "24 GiB");
        assert_eq!((processor(""), memory("")), ("unknown".into(), "unknown".into()));
    }

    #[test]
    fn a_date_is_to_the_second() {
        let date = Circumstances::now().date;
        assert_eq!((date.len(), date.ends_with('Z')), (20, true), "{date}");
    }
}
