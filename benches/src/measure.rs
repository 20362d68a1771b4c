//! What a command costs: wall time, CPU time and peak memory of the whole process, from outside.
//!
//! The harness starts itself between: a process that has only one child knows exactly what that child has cost.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

/// How to measure.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) dir: PathBuf,
}

/// What one run of a command has cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// **Seconds.**
    pub(crate) wall: f64,
    /// **Seconds** of user and system time.
    pub(crate) cpu: f64,
    /// **KiB** of the largest process.
    pub(crate) peak: u64,
    /// Its exit code.
    pub(crate) exit: i32,
}

/// Runs the command and prints its cost: the inside of [`run`].
pub(crate) fn inside(command: &[String]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else {
        bail!("no command");
    };
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    let started = std::time::Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .with_context(|| format!("failed to start `{program}`"))?;
    let wall = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = Duration::from_micros(u64::try_from(
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds(),
    )?);
    let cost = Cost {
        wall,
        cpu: cpu.as_secs_f64(),
        peak: u64::try_from(usage.max_rss())?,
        exit: status.code().unwrap_or(-1),
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Runs a command once and says what it has cost. What it prints to stderr is shown when it fails.
pub(crate) fn run(program: &str, arguments: &[String]) -> anyhow::Result<Cost> {
    let output = Command::new(std::env::current_exe()?)
        .arg("measure")
        .arg("--")
        .arg(program)
        .args(arguments)
        .output()
        .with_context(|| format!("failed to measure `{program}`"))?;
    let cost: Cost = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{program}`: {}", String::from_utf8_lossy(&output.stderr)))?;
    if cost.exit != 0 {
        bail!(
            "`{program}` ended with {}: {}",
            cost.exit,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(cost)
}

/// Whether a program is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let found = Command::new("sh")
        .arg("-c")
        .arg(format!("command -v {program}"))
        .output();
    found.is_ok_and(|output| output.status.success())
}

/// The middle of some numbers; the lower one of two.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len().saturating_sub(1) / 2;
    numbers.get(middle).copied().unwrap_or(f64::NAN)
}
