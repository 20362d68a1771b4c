//! Running something, watching it, and saying how it ended: what every verb that runs something shares.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use manifest::error_name::{ADDRESS_REFUSED, PORT_REFUSED};
use ports::ExecutionStatus;
use runs::{Ended, NewRun, Run, RunEnd, RunSummary, State, Stop};
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output::{self, Output};
use crate::progress::ProgressLine;

/// Starts or resumes a run, and runs it to its end or until the user interrupts.
pub(crate) async fn execute(context: &Context, state: &State, new: NewRun) -> Result<Exit, CliError> {
    let run = Run::start_or_resume(state, new).await?;
    watch(context, state, run).await
}

/// Runs it to its end, or until the user interrupts.
pub(crate) async fn watch(context: &Context, state: &State, run: Run<'_>) -> Result<Exit, CliError> {
    let signals = Signals::listen();
    let output = context.output;
    let verb = if run.is_resumed() { "resuming" } else { "starting" };
    output.say(format!("{verb} {}", run.name()));
    let progress = ProgressLine {
        progress: run.progress(),
        clock: std::sync::Arc::clone(&state.clock),
        output,
    };
    let stop = Stop::default();
    let end = tokio::select! {
        end = run.run(&stop) => end,
        never = progress.show() => match never {},
        () = interrupted_twice(output, &stop, signals) => return Ok(Exit::Interrupted),
    };
    match end {
        Ok(RunEnd::Ended(ended)) => Ok(tell(context, &ended)),
        Ok(RunEnd::Stopped) => {
            output.say(format!("stopped {}; the same command resumes it", run.name()));
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(resumable(error)),
    }
}

/// What was run can be resumed unless the manifest was refused.
fn resumable(error: runs::Error) -> CliError {
    match error.kind {
        runs::ErrorKind::Invalid | runs::ErrorKind::NotFound | runs::ErrorKind::Busy => error.into(),
        runs::ErrorKind::Halted | runs::ErrorKind::Internal => {
            CliError::from(error).with_hint("nothing is lost: once that is mended, the same command resumes the run")
        }
    }
}

/// The first signal asks the run to stop, the second ends the process.
async fn interrupted_twice(output: Output, stop: &Stop, mut signals: Signals) {
    signals.next().await;
    stop.request();
    output.say("finishing the batches under way; interrupt again to stop now (nothing is lost either way)");
    signals.next().await;
    output.say("stopped; the same command resumes the run");
}
/// Ctrl-C and SIGTERM, from when this is made. One that cannot be listened to ends the process, which is harmless.
struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        let (interrupt, terminate) = (self.interrupt.as_mut(), self.terminate.as_mut());
        tokio::select! {
            Some(()) = async { interrupt?.recv().await } => {}
            Some(()) = async { terminate?.recv().await } => {}
            else => std::future::pending().await,
        }
    }
}

/// Says how the run ended.
fn tell(context: &Context, ended: &Ended) -> Exit {
    let exit = exit_of(ended);
    if context.output.json {
        context.output.data(json(ended, exit));
    }
    for line in lines(context, ended) {
        context.output.say(line);
    }
    exit
}

fn exit_of(ended: &Ended) -> Exit {
    match ended.row.status {
        // Within what the user tolerates.
        ExecutionStatus::Succeeded => Exit::Success,
        ExecutionStatus::Failed if ended.summary.counts.failed > 0 => Exit::ItemsFailed,
        ExecutionStatus::Running | ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            Exit::Internal
        }
    }
}

/// What `--json` prints: stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EndedJson<'a> {
    run: &'a str,
    status: ExecutionStatus,
    error: Option<&'a str>,
    cause: Option<&'a str>,
    seconds: f64,
    exit_code: u8,
    #[serde(flatten)]
    summary: &'a RunSummary,
}

fn json(ended: &Ended, exit: Exit) -> String {
    let row = &ended.row;
    let ended = EndedJson {
        run: &row.name,
        status: row.status,
        error: row.error.as_deref(),
        cause: row.cause.as_deref(),
        seconds: ended.elapsed.as_secs_f64(),
        exit_code: exit.number(),
        summary: &ended.summary,
    };
    serde_json::to_string(&ended).unwrap_or_else(|error| json!({"error": error.to_string()}).to_string())
}

/// How many kinds of errors a summary lists.
const ERRORS_SHOWN: usize = 8;
/// Columns of a line.
const WIDTH: usize = 110;

fn lines(context: &Context, ended: &Ended) -> Vec<String> {
    let (name, found) = (&ended.row.name, &ended.summary);
    if found.items == 0 {
        return vec![format!("{name}: no items")];
    }
    let mut lines = vec![head(ended)];
    lines.extend(error_lines(&found.errors));
    if found.counts.failed > 0 {
        let flag = context.flag();
        lines.push(format!("  which ones:      gantry failures {name}{flag}"));
        lines.push(format!("  run them again:  gantry redrive {name}{flag}"));
    }
    if [ADDRESS_REFUSED, PORT_REFUSED]
        .iter()
        .any(|refused| found.errors.contains_key(*refused))
    {
        lines.push("  refused:         private addresses and unusual ports need --allow-private".to_owned());
    }
    if let Some(report) = &found.report {
        lines.push(format!("  report:          {report}"));
    }
    lines
}

fn head(ended: &Ended) -> String {
    let found = &ended.summary;
    let mut head = format!(
        "{}: {}, {} succeeded",
        ended.row.name,
        output::items(found.items),
        output::number(found.counts.succeeded)
    );
    if found.counts.skipped > 0 {
        write!(head, ", {} skipped", output::number(found.counts.skipped)).unwrap_or_default();
    }
    write!(
        head,
        ", {} failed; {}{}",
        output::number(found.counts.failed),
        written(found.counts.bytes),
        output::duration(ended.elapsed)
    )
    .unwrap_or_default();
    head
}

/// S3 does not tell how large a copy is.
fn written(bytes: u64) -> String {
    if bytes == 0 {
        return String::new();
    }
    format!("{} in ", output::bytes(bytes))
}

/// A line for each kind of error, the most frequent first.
pub(crate) fn error_lines(errors: &BTreeMap<String, consolidator::ErrorTally>) -> Vec<String> {
    let mut sorted: Vec<_> = errors.iter().collect();
    sorted.sort_by_key(|(name, tally)| (std::cmp::Reverse(tally.count), name.as_str().to_owned()));
    let more = sorted.len().saturating_sub(ERRORS_SHOWN);
    let mut lines: Vec<String> = sorted
        .into_iter()
        .take(ERRORS_SHOWN)
        .map(|(name, tally)| {
            let line = format!(
                "  {:>9}  {name}  {}",
                output::number(tally.count),
                output::printable(&tally.example)
            );
            output::cut(&line, WIDTH)
        })
        .collect();
    if more > 0 {
        lines.push(format!("             and {more} more kinds of errors"));
    }
    lines
}
