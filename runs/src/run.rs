//! A run's life in this process: started or resumed, run to its end or to where it is asked to stop.

use std::time::Duration;

use engine::{Engine, NewExecution, Stop};
use ports::{Clock, ExecutionArn, ExecutionRow, ExecutionStatus, Ledger as _};

use crate::compose::{self, Composed};
use crate::error::{Error, Result, cause_of};
use crate::input::{self, Input};
use crate::machine::Machine;
use crate::process;
use crate::progress::Progress;
use crate::resumed;
use crate::spec::{Limits, RunSpec};
use crate::state::State;
use crate::summary::RunSummary;

/// A run that is to be, unless one with the same identity was interrupted and is resumed.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The state machine that it executes.
    pub machine: Machine,
    /// Changes with the manifest's content.
    pub digest: String,
    /// The execution's input.
    pub input: Input,
    /// How it is set up.
    pub spec: RunSpec,
    /// The run whose items it runs again, if it is a redrive.
    pub rerun_of: Option<ExecutionArn>,
    /// A new run is started even if one with the same identity was interrupted.
    pub new: bool,
}

/// A run that this process may run.
#[derive(Debug)]
pub struct Run<'a> {
    state: &'a State,
    engine: Engine,
    arn: ExecutionArn,
    is_resumed: bool,
    progress: Progress,
}

/// How a call of [`Run::run`] ended.
#[derive(Debug)]
pub enum RunEnd {
    /// The run is over.
    Ended(Box<Ended>),
    /// The run was asked to stop and can be resumed.
    Stopped,
}

/// A run that is over.
#[derive(Debug)]
pub struct Ended {
    /// Its record.
    pub row: ExecutionRow,
    /// Its counts.
    pub summary: RunSummary,
    /// How long this process has run it.
    pub elapsed: Duration,
}

impl<'a> Run<'a> {
    /// Resumes the newest run with the same manifest and options if it was interrupted, and starts a new one otherwise.
    ///
    /// # Errors
    /// When a directory, the manifest or the process's limits forbid it.
    pub async fn start_or_resume(state: &'a State, new: NewRun) -> Result<Self> {
        let destinations = new.input.destinations();
        let progress = Progress::new(destinations);
        let composed = prepare(state, &new.spec, &progress).await?;
        let digest = digest(&new, &composed).await?;
        let identity = input::identity(&digest, &new.input, &new.spec);
        let limits = new.spec.limits;
        let mut run = Self {
            state,
            engine: composed.engine,
            arn: ExecutionArn(String::new()),
            is_resumed: false,
            progress,
        };
        match interrupted(state, &new, &identity).await? {
            Some(row) => run.go_on(&row, limits, destinations).await?,
            None => run.arn = start(state, &run.engine, new, identity).await?,
        }
        Ok(run)
    }

    /// The run that [`Run::start_or_resume`] would resume; nothing when it would start a new one. Nothing is written.
    ///
    /// # Errors
    /// As [`Run::start_or_resume`].
    pub async fn find_interrupted(state: &State, new: &NewRun) -> Result<Option<ExecutionRow>> {
        let composed = prepare(state, &new.spec, &Progress::default()).await?;
        let digest = digest(new, &composed).await?;
        interrupted(state, new, &input::identity(&digest, &new.input, &new.spec)).await
    }

    /// Takes up an interrupted run where it is.
    async fn go_on(&mut self, row: &ExecutionRow, limits: Limits, destinations: u64) -> Result<()> {
        resumed::limit(self.state, row, limits).await?;
        let earlier = resumed::earlier(self.state, row, destinations).await?;
        self.progress.add_earlier(earlier);
        self.arn = row.arn.clone();
        self.is_resumed = true;
        Ok(())
    }

    /// Resumes a run that was interrupted, as it was set up but for these limits.
    ///
    /// # Errors
    /// When the run has ended, or its manifest or directories cannot be used any more.
    pub async fn resume(state: &'a State, row: &ExecutionRow, limits: Limits) -> Result<Self> {
        if row.status != ExecutionStatus::Running {
            return Err(Error::invalid(format!("{} has ended", row.name)));
        }
        let mut spec = RunSpec::from_row(row)?;
        if let Some((bucket, path)) = spec.local_manifest(row)? {
            spec.pin(&bucket, input::pin_of(&path)?);
        }
        spec.limits = limits;
        let destinations = Input::from_row(row)?.destinations();
        let progress = Progress::new(destinations);
        let composed = prepare(state, &spec, &progress).await?;
        let mut run = Self {
            state,
            engine: composed.engine,
            arn: row.arn.clone(),
            is_resumed: true,
            progress,
        };
        run.go_on(row, limits, destinations).await?;
        Ok(run)
    }

    /// The run's name.
    pub fn name(&self) -> &str {
        short_name(&self.arn)
    }

    /// Whether an earlier process has begun it.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// How far it has come: to be read while it runs.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Runs it to its end, or until it is asked to stop.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] when the batcher refuses the manifest, [`crate::ErrorKind::Halted`] when a person
    /// must mend something first; nothing is lost then.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: the run can be resumed.
    pub async fn run(&self, stop: &Stop) -> Result<RunEnd> {
        let started = self.state.clock.now();
        let noted = self.state.set_running(Some(self.name()));
        noted.map_err(|error| Error::internal(format!("failed to note the run in the state directory: {error}")))?;
        let end = self.engine.run(&self.arn, stop).await;
        // Nothing depends on it: a stale name counts for nothing once the directory is free.
        self.state.set_running(None).unwrap_or_default();
        match end? {
            engine::RunEnd::Ended(row) => {
                let elapsed = self.state.clock.now().since(started);
                let ended = ended(self.state, *row, elapsed).await?;
                Ok(RunEnd::Ended(Box::new(ended)))
            }
            engine::RunEnd::Stopped => Ok(RunEnd::Stopped),
        }
    }
}

async fn prepare(state: &State, spec: &RunSpec, progress: &Progress) -> Result<Composed> {
    process::allow_connections(spec.connections)?;
    compose::compose(state, spec, progress).await
}

/// What changes with the manifest's content: in S3 its `ETag`.
async fn digest(new: &NewRun, composed: &Composed) -> Result<String> {
    match new.input.manifest() {
        Some(object) if !new.spec.mounts.contains_key(&object.bucket) => composed.etag_of(object).await,
        _ => Ok(new.digest.clone()),
    }
}

async fn start(state: &State, engine: &Engine, new: NewRun, identity: String) -> Result<ExecutionArn> {
    let name = new_name(&*state.clock, &new, &identity);
    let execution = NewExecution {
        state_machine: new.machine.name().to_owned(),
        definition: new.machine.definition()?,
        name,
        input: new.input.to_json()?,
        identity: Some(identity),
        rerun_of: new.rerun_of,
        item_subset: None,
        composition: Some(new.spec.to_json()?),
    };
    Ok(engine.start(execution).await?)
}

/// The newest run with this identity, if it has not ended and a new one is not insisted on.
async fn interrupted(state: &State, new: &NewRun, identity: &str) -> Result<Option<ExecutionRow>> {
    if new.new {
        return Ok(None);
    }
    let rows = state.all_runs().await?;
    let newest = rows.into_iter().find(|row| row.identity.as_deref() == Some(identity));
    Ok(newest.filter(|row| row.status == ExecutionStatus::Running))
}

/// `download-20261122-003349-1a2b`: sorts by time, says what it is, and differs for runs that start in the same second.
fn new_name(clock: &dyn Clock, new: &NewRun, identity: &str) -> String {
    let now = clock.now();
    let moment: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let (day, time) = moment.split_at_checked(8).unwrap_or((&moment, ""));
    let time = time.get(..6).unwrap_or(time);
    let verb = if new.rerun_of.is_some() {
        "redrive"
    } else {
        new.spec.action.name()
    };
    let salt = format!("{identity}{}", now.as_millis());
    let mark = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(salt.as_bytes()));
    format!("{verb}-{day}-{time}-{}", mark.get(..4).unwrap_or(&mark))
}

/// The last part of an execution's ARN, which is the run's name.
pub fn short_name(arn: &ExecutionArn) -> &str {
    arn.0.rsplit(':').next().unwrap_or(&arn.0)
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
    batcher::error_name::UNSUPPORTED_FORMAT,
    batcher::error_name::MALFORMED_ITEMS,
    batcher::error_name::LIMIT_EXCEEDED,
];

/// Why the batcher has refused a manifest, with the option that would help.
fn refused(error: &str, cause: &str) -> Error {
    use batcher::error_name::{INVALID_UTF8, MALFORMED_ITEMS, UNCLOSED_QUOTE, WRONG_COLUMN};
    let (text, told) = cause.split_once("; hint: ").unwrap_or((cause, ""));
    let hint = match error {
        WRONG_COLUMN => {
            "name the column with --column (for a copy: --columns), or name the columns of a CSV that has no header with --header"
        }
        UNCLOSED_QUOTE | INVALID_UTF8 => "correct the manifest, or let such records fail alone with --skip-malformed",
        MALFORMED_ITEMS => "correct the records, or leave out --strict to let them fail alone",
        _ => told,
    };
    let refused = Error::invalid(text);
    if hint.is_empty() {
        return refused;
    }
    refused.with_hint(hint)
}

async fn ended(state: &State, row: ExecutionRow, elapsed: Duration) -> Result<Ended> {
    let error = row.error.as_deref().unwrap_or_default();
    if MANIFEST_ERRORS.contains(&error) {
        // Nothing was done: a command that is refused leaves no run.
        if state.records.map_runs(&row.arn, 0, 1).await?.is_empty() {
            state.remove(&row).await?;
        }
        return Err(refused(error, &cause_of(&row)));
    }
    match RunSummary::read(state, &row).await? {
        Some(summary) => Ok(Ended { row, summary, elapsed }),
        None => Err(Error::internal(format!("{error}: {}", cause_of(&row)))),
    }
}
