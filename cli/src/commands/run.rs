//! Running something, watching it, and saying how it ended: what every verb that runs something shares.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use manifest::error_name::{ADDRESS_REFUSED, PORT_REFUSED};
use manifest::request::SuspiciousField;
use ports::ExecutionStatus;
use runs::{Ended, NewRun, Run, RunEnd, RunSummary, State, Stop, Verification, verify};
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;
use crate::progress::ProgressLine;

/// Says what [`execute`] would do, without doing it.
pub(crate) async fn rehearse(context: &Context, state: &State, new: &NewRun) -> Result<Exit, CliError> {
    let what = match Run::find_interrupted(state, new).await? {
        Some(row) => format!("would resume {}", row.name),
        None => format!(
            "would start a new {} of `{}`",
            new.spec.action.name(),
            new.spec.manifest
        ),
    };
    let input = serde_json::to_value(&new.input).map_err(|error| CliError::internal(error.to_string()))?;
    if context.output.json {
        let line = json!({"wouldDo": what, "stateMachine": new.machine.name(), "input": input});
        context.output.data(line.to_string())?;
    } else {
        context.output.data(what)?;
        context
            .output
            .data(format!("  state machine:   {}", new.machine.name()))?;
        context.output.data(format!("  input:           {input}"))?;
    }
    context.output.say("nothing was done");
    Ok(Exit::Success)
}

/// Starts or resumes a run, and runs it to its end or until the user interrupts.
pub(crate) async fn execute(
    context: &Context,
    state: &State,
    new: NewRun,
    checked: Option<u64>,
) -> Result<Exit, CliError> {
    context
        .output
        .detail(format!("state directory {}", state.path().display()));
    context.output.detail(format!("state machine {}", new.machine.name()));
    let run = Run::start_or_resume(state, new).await?;
    watch(context, state, run, checked).await
}

/// Files whose presence is checked at the end of a run, unless all are to be: a cheap look at what was written.
pub(crate) const CHECKED: Option<u64> = Some(1_000);

/// Runs it to its end, or until the user interrupts; then looks at so many of the files that were written, or at all.
pub(crate) async fn watch(
    context: &Context,
    state: &State,
    run: Run<'_>,
    checked: Option<u64>,
) -> Result<Exit, CliError> {
    let signals = Signals::listen();
    let output = context.output;
    let verb = if run.is_resumed() { "resuming" } else { "starting" };
    output.say(format!("{verb} {}", run.name()));
    let before = run.progress().read();
    if let (true, Some(items)) = (run.is_resumed(), before.items) {
        let done = output::number(before.earlier);
        output.say(format!("{done} of {} are done already", output::items(items)));
    }
    let progress = ProgressLine {
        progress: run.progress(),
        clock: Arc::clone(&state.clock),
        output,
    };
    let warn = move |found| output.say(suspicion(&found));
    progress.progress.on_suspicious_field(Box::new(warn));
    let stop = Stop::default();
    let end = tokio::select! {
        end = run.run(&stop) => end,
        never = progress.show() => match never {},
        () = interrupted_twice(context, &run, &stop, signals) => return Ok(Exit::Interrupted),
    };
    match end {
        Ok(RunEnd::Ended(ended)) => {
            let verification = verify(state, &ended.row, checked).await?;
            tell(context, &ended, &verification)
        }
        Ok(RunEnd::Stopped) => {
            output.say(format!(
                "stopped {}; {}",
                run.name(),
                how_to_resume(context, state, run.name())
            ));
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(resumable(context, state, run.name(), error)),
    }
}

/// A run that has stopped at an error can be resumed, unless its manifest was refused.
fn resumable(context: &Context, state: &State, name: &str, error: runs::Error) -> CliError {
    let how = how_to_resume(context, state, name);
    match error.kind {
        runs::ErrorKind::Invalid | runs::ErrorKind::NotFound | runs::ErrorKind::Busy => error.into(),
        runs::ErrorKind::ManifestChanged => CliError::from(error).with_hint(format!(
            "put the manifest back as it was, then {how}; the command of the run with another manifest starts a new run"
        )),
        runs::ErrorKind::Halted | runs::ErrorKind::Internal if state.exists() => {
            CliError::from(error).with_hint(format!("nothing is lost: once that is mended, {how}"))
        }
        runs::ErrorKind::Halted | runs::ErrorKind::Internal => CliError::from(error).with_hint(how),
    }
}

/// What resumes the run, or why nothing does.
fn how_to_resume(context: &Context, state: &State, name: &str) -> String {
    if state.exists() {
        return format!("`{}` resumes the run", context.resume(name));
    }
    let path = state.path().display();
    format!("the state directory `{path}` is gone and the run with it: the same command starts from the beginning")
}

/// The first signal asks the run to stop, the second ends the process.
async fn interrupted_twice(context: &Context, run: &Run<'_>, stop: &Stop, mut signals: Signals) {
    let output = context.output;
    signals.next().await;
    stop.request();
    output.say("finishing the batches under way; interrupt again to stop now (nothing is lost either way)");
    signals.next().await;
    output.say(format!("stopped; `{}` resumes the run", context.resume(run.name())));
}

/// SIGINT, SIGTERM and SIGHUP, from when this is made. One that cannot be listened to ends the process, which is harmless.
struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> Self {
        // Under nohup the end of a terminal means nothing.
        let hangup = (!runs::process::ignores_hangup()).then(|| signal(SignalKind::hangup()).ok());
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hangup: hangup.flatten(),
        }
    }

    async fn next(&mut self) {
        let (interrupt, terminate) = (self.interrupt.as_mut(), self.terminate.as_mut());
        let hangup = self.hangup.as_mut();
        tokio::select! {
            Some(()) = async { interrupt?.recv().await } => {}
            Some(()) = async { terminate?.recv().await } => {}
            Some(()) = async { hangup?.recv().await } => {}
            else => std::future::pending().await,
        }
    }
}

/// Says how the run ended.
fn tell(context: &Context, ended: &Ended, verification: &Verification) -> Result<Exit, CliError> {
    let mut exit = exit_of(ended);
    if exit == Exit::Success && verification.missing > 0 {
        exit = Exit::ItemsFailed;
    }
    if context.output.json {
        context.output.data(json(ended, verification, exit))?;
    }
    for line in lines(context, ended) {
        context.output.say(line);
    }
    if let Some(example) = &verification.example {
        let (missing, checked) = (
            output::number(verification.missing),
            output::number(verification.checked),
        );
        let example = output::printable(example);
        context.output.say(format!(
            "  not there:       {missing} of {checked} files that were looked at are missing or have another size: {example}"
        ));
    }
    Ok(exit)
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
    files_checked: u64,
    files_missing: u64,
    #[serde(flatten)]
    summary: &'a RunSummary,
}

fn json(ended: &Ended, verification: &Verification, exit: Exit) -> String {
    let row = &ended.row;
    let ended = EndedJson {
        run: &row.name,
        status: row.status,
        error: row.error.as_deref(),
        cause: row.cause.as_deref(),
        seconds: ended.elapsed.as_secs_f64(),
        exit_code: exit.number(),
        files_checked: verification.checked,
        files_missing: verification.missing,
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
    lines.extend(note_lines(&found.notes));
    if found.counts.failed > 0 {
        let flag = context.flag();
        lines.push(format!("  which ones:      gantry failures {name}{flag}"));
        lines.push(format!("  run them again:  gantry redrive {name}{flag}"));
    }
    if [ADDRESS_REFUSED, PORT_REFUSED]
        .iter()
        .any(|refused| found.errors.contains_key(*refused))
    {
        let again = format!("gantry redrive {name} --allow-private{}", context.flag());
        lines.push(format!(
            "  refused:         private addresses and unusual ports need --allow-private: {again}"
        ));
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

/// A warning about a quote that was meant as text: it may have swallowed items, which no count shows.
fn suspicion(found: &SuspiciousField) -> String {
    let SuspiciousField { position, lines } = found;
    format!(
        "warning: the quoted field at line {}, byte {} spans {lines} lines and holds what looks like another item; if quotes are \
         plain text in this manifest, give --quote none",
        position.line, position.byte
    )
}

/// A line for each kind of note about items that succeeded or failed all the same.
fn note_lines(notes: &BTreeMap<String, consolidator::NoteTally>) -> Vec<String> {
    let line = |(name, tally): (&String, &consolidator::NoteTally)| {
        let (count, example) = (output::number(tally.count), output::printable(&tally.example));
        output::cut(&format!("  {count:>9}  note {name}  {example}"), WIDTH)
    };
    notes.iter().map(line).collect()
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
