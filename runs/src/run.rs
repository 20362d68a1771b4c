//! A run's life in this process: started or resumed, run to its end or to where it is asked to stop.

use std::time::Duration;

use engine::{Engine, NewExecution, Stop};
use ports::{Clock, ExecutionArn, ExecutionRow, ExecutionStatus};

use crate::compose::{self, Composed};
use crate::error::{Error, Result, cause_of};
use crate::input::{self, Input};
use crate::machine::Machine;
use crate::process;
use crate::progress::Progress;
use crate::spec::RunSpec;
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
        let progress = Progress::default();
        let composed = prepare(state, &new.spec, &progress).await?;
        let digest = digest(&new, &composed).await?;
        let (arn, is_resumed) = start_or_resume(state, &composed.engine, new, &digest).await?;
        Ok(Self {
            state,
            engine: composed.engine,
            arn,
            is_resumed,
            progress,
        })
    }

    /// Resumes a run that was interrupted, as it was set up.
    ///
    /// # Errors
    /// When the run has ended, or its manifest or directories cannot be used any more.
    pub async fn resume(state: &'a State, row: &ExecutionRow) -> Result<Self> {
        if row.status != ExecutionStatus::Running {
            return Err(Error::invalid(format!("{} has ended", row.name)));
        }
        let mut spec = RunSpec::from_row(row)?;
        if let Some((bucket, path)) = spec.local_manifest(row)? {
            spec.pin(&bucket, input::pin_of(&path)?);
        }
        let progress = Progress::default();
        let composed = prepare(state, &spec, &progress).await?;
        Ok(Self {
            state,
            engine: composed.engine,
            arn: row.arn.clone(),
            is_resumed: true,
            progress,
        })
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
        match self.engine.run(&self.arn, stop).await? {
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

async fn start_or_resume(state: &State, engine: &Engine, new: NewRun, digest: &str) -> Result<(ExecutionArn, bool)> {
    let identity = input::identity(digest, &new.input, &new.spec);
    if !new.new
        && let Some(row) = interrupted(state, &identity).await?
    {
        return Ok((row.arn, true));
    }
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
    Ok((engine.start(execution).await?, false))
}

/// The newest run with this identity, if it has not ended.
async fn interrupted(state: &State, identity: &str) -> Result<Option<ExecutionRow>> {
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
    batcher::error_name::MALFORMED_ITEMS,
    batcher::error_name::LIMIT_EXCEEDED,
];

async fn ended(state: &State, row: ExecutionRow, elapsed: Duration) -> Result<Ended> {
    let error = row.error.as_deref().unwrap_or_default();
    if MANIFEST_ERRORS.contains(&error) {
        return Err(Error::invalid(cause_of(&row)));
    }
    match RunSummary::read(state, &row).await? {
        Some(summary) => Ok(Ended { row, summary, elapsed }),
        None => Err(Error::internal(format!("{error}: {}", cause_of(&row)))),
    }
}
