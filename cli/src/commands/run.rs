//! Starting or resuming a run, watching it, and saying how it ended: what every verb that runs something shares.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use engine::{Engine, NewExecution, RunEnd, Stop};
use manifest::error_name::{ADDRESS_REFUSED, PORT_REFUSED};
use ports::{ExecutionArn, ExecutionRow, ExecutionStatus, Meter};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArgs;
use crate::composition::{ACCOUNT, Composition, Machine, REGION, definition};
use crate::exit_code::{Exit, Failure};
use crate::input;
use crate::output;
use crate::progress::{Expected, Progress};
use crate::state::State;
use crate::summary::{self, RunSummary};
use crate::surroundings;
use crate::wiring::{self, Wired};

/// A run that is to be, unless there is one like it to be resumed.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) machine: Machine,
    /// Changes with the manifest's content.
    pub(crate) digest: String,
    pub(crate) input: Value,
    pub(crate) composition: Composition,
    pub(crate) rerun_of: Option<ExecutionArn>,
    /// Even if there is one like it.
    pub(crate) new: bool,
}

/// Connections that the processors of a run have at most.
pub(crate) fn connections(args: &RunArgs) -> usize {
    let most = u64::from(args.requests()) * u64::from(args.processors());
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Runs it to its end, or until the user interrupts.
pub(crate) async fn execute(state: State, run: NewRun) -> Result<Exit, Failure> {
    let composition = run.composition.clone();
    let ready = Ready::of(&state, &composition).await?;
    let digest = match run.input.pointer("/manifest/bucket").and_then(Value::as_str) {
        Some(bucket) if !composition.mounts.contains_key(bucket) => ready.wired.etag_of(&run.input).await?,
        _ => run.digest.clone(),
    };
    let signals = Signals::listen();
    let (arn, resumed) = start_or_resume(&state, &ready.wired.engine, run, &digest).await?;
    let verb = if resumed { "resuming" } else { "starting" };
    state.output.say(format!("{verb} {}", short_name(&arn)));
    ready.run(state, &arn, signals).await
}

/// Goes on with a run that was interrupted.
pub(crate) async fn resume(state: State, row: &ExecutionRow, composition: &Composition) -> Result<Exit, Failure> {
    let ready = Ready::of(&state, composition).await?;
    let signals = Signals::listen();
    state.output.say(format!("resuming {}", row.name));
    ready.run(state, &row.arn, signals).await
}

/// Everything that a run needs.
struct Ready {
    wired: Wired,
    meter: Arc<Meter>,
    expected: Arc<Expected>,
}

impl Ready {
    async fn of(state: &State, composition: &Composition) -> Result<Self, Failure> {
        let meter = Arc::new(Meter::default());
        let expected = Arc::new(Expected::default());
        surroundings::allow_connections(composition.connections)?;
        let wired = wiring::wire(state, composition, &meter, &expected).await?;
        Ok(Self { wired, meter, expected })
    }

    async fn run(self, state: State, arn: &ExecutionArn, signals: Signals) -> Result<Exit, Failure> {
        let started = state.clock.now();
        let progress = Progress {
            meter: self.meter,
            expected: self.expected,
            clock: Arc::clone(&state.clock),
            output: state.output,
        };
        let stop = Stop::default();
        let outcome = tokio::select! {
            outcome = self.wired.engine.run(arn, &stop) => outcome,
            never = progress.show() => match never {},
            () = interrupted_twice(&state, &stop, signals) => return Ok(Exit::Interrupted),
        };
        match outcome {
            Ok(RunEnd::Ended(row)) => ended(&state, &row, state.clock.now().since(started)).await,
            Ok(RunEnd::Stopped) => {
                let name = short_name(arn);
                state.output.say(format!("stopped {name}; the same command resumes it"));
                Ok(Exit::Interrupted)
            }
            Err(error) => {
                let failure = Failure::from(error);
                Err(failure.with_hint("nothing is lost: once that is mended, the same command resumes the run"))
            }
        }
    }
}

/// The first signal asks the run to stop, the second ends the process.
async fn interrupted_twice(state: &State, stop: &Stop, mut signals: Signals) {
    signals.next().await;
    stop.request();
    state
        .output
        .say("finishing the batches under way; interrupt again to stop now (nothing is lost either way)");
    signals.next().await;
    state.output.say("stopped; the same command resumes the run");
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

async fn start_or_resume(
    state: &State,
    engine: &Engine,
    run: NewRun,
    digest: &str,
) -> Result<(ExecutionArn, bool), Failure> {
    let identity = input::identity(digest, &run.input, &run.composition);
    if !run.new
        && let Some(row) = interrupted(state, &identity).await?
    {
        return Ok((row.arn, true));
    }
    let name = new_name(state, &run, &identity);
    let new = NewExecution {
        state_machine: run.machine.name().to_owned(),
        definition: definition(run.machine),
        name,
        input: run.input.to_string(),
        identity: Some(identity),
        rerun_of: run.rerun_of,
        item_subset: None,
        composition: Some(run.composition.to_json()?),
    };
    Ok((engine.start(new).await?, false))
}

/// The newest run with this identity, if it has not ended.
async fn interrupted(state: &State, identity: &str) -> Result<Option<ExecutionRow>, Failure> {
    let rows = state.all_runs().await?;
    let newest = rows.into_iter().find(|row| row.identity.as_deref() == Some(identity));
    Ok(newest.filter(|row| row.status == ExecutionStatus::Running))
}

/// `download-20261122-003349-1a2b`: sorts by time, says what it is, and differs for what starts in the same second.
fn new_name(state: &State, run: &NewRun, identity: &str) -> String {
    let now = state.clock.now();
    let moment: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let (day, time) = moment.split_at_checked(8).unwrap_or((&moment, ""));
    let time = time.get(..6).unwrap_or(time);
    let verb = if run.rerun_of.is_some() {
        "redrive"
    } else {
        run.composition.action.name()
    };
    let salt = format!("{identity}{}", now.as_millis());
    let mark = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(salt.as_bytes()));
    format!("{verb}-{day}-{time}-{}", mark.get(..4).unwrap_or(&mark))
}

/// A run is called by the last part of its ARN.
pub(crate) fn short_name(arn: &ExecutionArn) -> &str {
    arn.0.rsplit(':').next().unwrap_or(&arn.0)
}

/// A run's ARN from its name.
pub(crate) fn settings(halt_on: impl IntoIterator<Item = String>) -> engine::Settings {
    engine::Settings {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        halt_on: halt_on.into_iter().collect(),
    }
}

/// Errors with which the batcher refuses a manifest: the user can mend it.
const MANIFEST_ERRORS: &[&str] = &[
    batcher::error_name::INVALID_REQUEST,
    batcher::error_name::MANIFEST_NOT_FOUND,
    batcher::error_name::WRONG_COLUMN,
    batcher::error_name::UNCLOSED_QUOTE,
    batcher::error_name::INVALID_UTF8,
    batcher::error_name::INVALID_JSON,
    batcher::error_name::INVALID_COMPRESSION,
    batcher::error_name::MALFORMED_ITEMS,
    batcher::error_name::LIMIT_EXCEEDED,
];

/// Says how the run ended.
async fn ended(state: &State, row: &ExecutionRow, elapsed: std::time::Duration) -> Result<Exit, Failure> {
    let error = row.error.as_deref().unwrap_or_default();
    if MANIFEST_ERRORS.contains(&error) {
        return Err(Failure::usage(summary::cause(row)));
    }
    let Some(found) = summary::of(state, row).await? else {
        return Err(Failure::internal(format!("{error}: {}", summary::cause(row))));
    };
    let exit = exit_of(row, &found);
    if state.output.json {
        state.output.data(json(row, &found, elapsed, exit));
    }
    for line in lines(row, &found, elapsed, state) {
        state.output.say(line);
    }
    Ok(exit)
}

fn exit_of(row: &ExecutionRow, found: &RunSummary) -> Exit {
    match row.status {
        // Within what the user tolerates.
        ExecutionStatus::Succeeded => Exit::Success,
        ExecutionStatus::Failed if found.failed > 0 => Exit::ItemsFailed,
        ExecutionStatus::Running | ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            Exit::Internal
        }
    }
}

/// What `--json` prints: stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ended<'a> {
    run: &'a str,
    status: ExecutionStatus,
    error: Option<&'a str>,
    cause: Option<&'a str>,
    seconds: f64,
    exit_code: u8,
    #[serde(flatten)]
    summary: &'a RunSummary,
}

fn json(row: &ExecutionRow, found: &RunSummary, elapsed: std::time::Duration, exit: Exit) -> String {
    let ended = Ended {
        run: &row.name,
        status: row.status,
        error: row.error.as_deref(),
        cause: row.cause.as_deref(),
        seconds: elapsed.as_secs_f64(),
        exit_code: exit.number(),
        summary: found,
    };
    serde_json::to_string(&ended).unwrap_or_else(|error| json!({"error": error.to_string()}).to_string())
}

/// How many kinds of errors a summary lists.
const ERRORS_SHOWN: usize = 8;
/// Columns of a line.
const WIDTH: usize = 110;

fn lines(row: &ExecutionRow, found: &RunSummary, elapsed: std::time::Duration, state: &State) -> Vec<String> {
    if found.items == 0 {
        return vec![format!("{}: no items", row.name)];
    }
    let mut head = format!(
        "{}: {}, {} succeeded",
        row.name,
        output::items(found.items),
        output::number(found.succeeded)
    );
    if found.skipped > 0 {
        write!(head, ", {} skipped", output::number(found.skipped)).unwrap_or_default();
    }
    write!(
        head,
        ", {} failed; {}{}",
        output::number(found.failed),
        written(found.bytes),
        output::duration(elapsed)
    )
    .unwrap_or_default();
    let mut lines = vec![head];
    lines.extend(error_lines(&found.errors));
    if found.failed > 0 {
        lines.push(format!(
            "  which ones:      gantry failures {}{}",
            row.name,
            state.flag()
        ));
        lines.push(format!(
            "  run them again:  gantry redrive {}{}",
            row.name,
            state.flag()
        ));
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
