//! A redrive: the failed items of a run again, in a new run over a rest of them.

use std::fmt;

use manifest::request::{InlineBody, Manifest, ManifestObject, Request};
use manifest::work::{Destination, Download, LAMBDA_CONCUR, Work};
use manifest::{ErrorClass, Outcome, Rest, Status, error_name};
use ports::{ExecutionRow, ExecutionStatus, ObjectBody, ObjectKey, ObjectStore, PutOptions};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::latest_outcomes::LatestOutcomes;
use crate::machine::Machine;
use crate::run::{NewRun, short_name};
use crate::spec::{RunSpec, STATE_BUCKET, TaskDestination};
use crate::state::State;

/// Which items of which run are to be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The run: its name, the beginning of its name, or `latest`.
    pub run: String,
    /// Which of its items.
    pub only: ItemFilter,
    /// A new redrive is started even if the same one was interrupted.
    pub new: bool,
}

/// Which items of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemFilter {
    /// All that failed.
    Failed,
    /// Those that were not reached before a deadline.
    Pending,
    /// Those whose last answer had this status code.
    StatusCode(u16),
    /// Those that failed with this error name.
    Error(String),
    /// Those of this host.
    Host(String),
}

impl fmt::Display for ItemFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("failed"),
            Self::Pending => f.write_str("pending"),
            Self::StatusCode(code) => write!(f, "status={code}"),
            Self::Error(name) => write!(f, "error={name}"),
            Self::Host(host) => write!(f, "host={host}"),
        }
    }
}

/// What there is to do for a redrive.
#[derive(Debug)]
pub enum PreparedRedrive {
    /// A new run.
    New(Box<NewRun>),
    /// The same redrive was interrupted and is to be resumed.
    Interrupted(Box<ExecutionRow>),
    /// No item of the run with this name matches.
    NothingToDo(String),
}

impl Redrive {
    /// Finds the items that are to be run again and writes them down as a manifest.
    ///
    /// # Errors
    /// When there is no such run or it has not ended.
    pub async fn prepare(&self, state: &State) -> Result<PreparedRedrive> {
        let lineage = self.lineage(state).await?;
        let Some(row) = lineage.first() else {
            return Err(Error::internal("a run is of its own lineage"));
        };
        if let Some(interrupted) = self.interrupted(&lineage).filter(|_| !self.new) {
            return Ok(PreparedRedrive::Interrupted(Box::new(interrupted.clone())));
        }
        let rest = matching(state, &lineage, &self.only).await?;
        if rest.is_empty() {
            return Ok(PreparedRedrive::NothingToDo(row.name.clone()));
        }
        let at = keep(state, row, &rest).await?;
        let mut spec = RunSpec::from_row(row)?;
        let input = input(row, &spec, &at)?;
        spec.only = Some(self.only.to_string());
        Ok(PreparedRedrive::New(Box::new(NewRun {
            machine: Machine::ManifestMap,
            digest: at.key.clone(),
            input: Input::Request(Box::new(input)),
            spec,
            rerun_of: Some(row.arn.clone()),
            new: self.new,
        })))
    }

    /// The run that is to be redriven, and all that redrive it. An interrupted redrive stands for the run that it redrives:
    /// the redrive itself is resumed.
    async fn lineage(&self, state: &State) -> Result<Vec<ExecutionRow>> {
        let mut row = state.find_run(&self.run).await?;
        while row.status == ExecutionStatus::Running {
            let Some(of) = &row.rerun_of else {
                let text = format!("{} has not ended", row.name);
                return Err(Error::invalid(text).with_hint(format!("resume it first: gantry resume {}", row.name)));
            };
            row = state.find_run(short_name(of)).await?;
        }
        state.lineage(row).await
    }

    /// A redrive of these items that was interrupted.
    fn interrupted<'a>(&self, lineage: &'a [ExecutionRow]) -> Option<&'a ExecutionRow> {
        let only = self.only.to_string();
        let mut redrives = lineage.iter().skip(1).rev();
        redrives.find(|row| {
            let asked = RunSpec::from_row(row).ok().and_then(|spec| spec.only);
            row.status == ExecutionStatus::Running && asked.is_none_or(|asked| asked == only)
        })
    }
}
/// The items that are to be run again, as lines of a rest. What an earlier redrive has brought is not among them.
async fn matching(state: &State, lineage: &[ExecutionRow], only: &ItemFilter) -> Result<Vec<u8>> {
    let mut outcomes = LatestOutcomes::new(&*state.objects, lineage)?;
    let mut lines = Vec::new();
    while let Some(outcome) = outcomes.next().await? {
        if is_wanted(&outcome, only) {
            Rest::of(&outcome, outcome.destination.clone()).write(&mut lines);
        }
    }
    Ok(lines)
}

fn is_wanted(outcome: &Outcome, only: &ItemFilter) -> bool {
    let failed = matches!(outcome.status, Status::Failed | Status::Pending);
    let error = outcome.error.as_ref();
    failed
        && match only {
            ItemFilter::Failed => true,
            ItemFilter::Pending => {
                outcome.status == Status::Pending
                    || error.is_some_and(|error| {
                        error.name == error_name::NOT_REACHED && error.class == ErrorClass::Timeout
                    })
            }
            ItemFilter::StatusCode(code) => outcome.status_code == Some(*code),
            ItemFilter::Error(name) => error.is_some_and(|error| error.name == *name),
            ItemFilter::Host(host) => outcome.subject.host().as_deref() == Some(host),
        }
}

/// Writes the rest under a name that its content gives: the same redrive again finds the same object.
async fn keep(state: &State, row: &ExecutionRow, rest: &[u8]) -> Result<ObjectKey> {
    let digest = xxhash_rust::xxh3::xxh3_128(rest);
    let at = ObjectKey::new(STATE_BUCKET, format!("runs/{}/redrive-{digest:032x}.jsonl", row.name));
    let body = ObjectBody::from(rest.to_vec());
    // The batch list insists on this object's ETag: a redrive that is resumed must find it as it was.
    if state.objects.head(&at).await.is_err() {
        state.objects.put(&at, body, PutOptions::default()).await?;
    }
    Ok(at)
}

/// The input of the first run, over the rest. A run of `image-download` is redriven by `manifest-map`.
fn input(row: &ExecutionRow, spec: &RunSpec, at: &ObjectKey) -> Result<Request> {
    let rest = Manifest::Object(Box::new(ManifestObject::new_rest(&at.bucket, &at.key)));
    let mut request = match (Input::from_row(row)?, &spec.task_destination) {
        (Input::Request(first), _) => Request {
            manifest: rest,
            ..*first
        },
        (Input::Body(body), Some(task)) => Request::new(rest, work(&body, task)),
        (Input::Body(_), None) => {
            return Err(Error::internal(format!(
                "`{}` has no destination in its record",
                row.name
            )));
        }
    };
    // Names that the first run has given stay given.
    match &mut request.work {
        Work::Download(download) => {
            download.names_of.get_or_insert_with(|| row.name.clone());
        }
        Work::Copy(_) => {}
    }
    Ok(request)
}

/// What `image-download` does with a body.
fn work(body: &InlineBody, task: &TaskDestination) -> Work {
    Work::Download(Download {
        destination: Destination {
            bucket: task.bucket.clone(),
            prefix: task.prefix.clone(),
        },
        lambda_concur: body.lambda_concur.unwrap_or(LAMBDA_CONCUR),
        name: task.name.clone(),
        checksum: None,
        max_object_bytes: None,
        attempts: None,
        names_of: None,
    })
}
