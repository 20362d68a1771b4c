//! A redrive: the failed items of a run again, in a new run over a rest of them.

use std::fmt;

use manifest::request::{InlineBody, Manifest, ManifestObject, Request};
use manifest::work::{Destination, Download, LAMBDA_CONCUR, Work};
use manifest::{ErrorClass, Outcome, RemainingItem, Status, error_name};
use ports::{ExecutionRow, ExecutionStatus, ObjectBody, ObjectKey, ObjectStore, PutOptions};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::latest_outcomes::LatestOutcomes;
use crate::machine::Machine;
use crate::options::{FetchOptions, Tolerance};
use crate::run::{NewRun, short_name};
use crate::spec::{Limits, RunSpec, STATE_BUCKET, TaskDestination};
use crate::state::State;

/// Which items of which run are to be run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Redrive {
    /// The run: its name, the beginning of its name, or `latest`.
    pub run: String,
    /// Which of its items.
    pub only: ItemFilter,
    /// A new redrive is started even if the same one was interrupted.
    pub new: bool,
    /// What is done otherwise than in the run that is redriven.
    pub options: RedriveOptions,
}

/// What a redrive does otherwise than the run that it redrives; what is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RedriveOptions {
    /// How files are fetched.
    pub fetch: FetchOptions,
    /// Requests in flight in each processor.
    pub concurrency: Option<u32>,
    /// Processors at once.
    pub max_concurrency: Option<u32>,
    /// Failures with which the redrive still succeeds.
    pub tolerate: Option<Tolerance>,
    /// Rounds at most.
    pub max_rounds: Option<u32>,
}

impl RedriveOptions {
    /// The limits for this process.
    pub const fn limits(&self) -> Limits {
        Limits {
            requests: self.concurrency,
            processors: self.max_concurrency,
        }
    }

    fn set_request(&self, request: &mut Request) {
        self.fetch.set_work(&mut request.work);
        let requests = request.work.lambda_concur_mut();
        *requests = self.concurrency.unwrap_or(*requests);
        request.max_concurrency = self.max_concurrency.or(request.max_concurrency);
        request.max_rounds = self.max_rounds.or(request.max_rounds);
        request.tolerate = self.tolerate.map_or(request.tolerate, Tolerance::to_request);
    }
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
        let mut spec = RunSpec::from_row(row)?;
        spec.fetch(&self.options.fetch);
        spec.limits = self.options.limits();
        spec.only = Some(self.only.to_string());
        let mut request = request(row, &spec)?;
        self.options.set_request(&mut request);
        if let Some(interrupted) = interrupted(&lineage, &spec, &request.work).filter(|_| !self.new) {
            return Ok(PreparedRedrive::Interrupted(Box::new(interrupted.clone())));
        }
        let rest = matching(state, &lineage, &self.only).await?;
        if rest.is_empty() {
            return Ok(PreparedRedrive::NothingToDo(row.name.clone()));
        }
        let at = keep(state, row, &rest).await?;
        request.manifest = Manifest::Object(Box::new(ManifestObject::new_remaining(&at.bucket, &at.key)));
        Ok(PreparedRedrive::New(Box::new(NewRun {
            machine: Machine::ManifestMap,
            digest: at.key.clone(),
            input: Input::Request(Box::new(request)),
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
                return Err(Error::invalid(text).with_hint(format!(
                    "resume the run first: gantry resume {}{}",
                    row.name,
                    state.flag()
                )));
            };
            row = state.find_run(short_name(of)).await?;
        }
        state.lineage(row).await
    }
}

/// A redrive of the same items in the same way that was interrupted.
fn interrupted<'a>(lineage: &'a [ExecutionRow], spec: &RunSpec, work: &Work) -> Option<&'a ExecutionRow> {
    let mut redrives = lineage.iter().skip(1).rev();
    redrives.find(|row| {
        let theirs = RunSpec::from_row(row).ok();
        let same = theirs.is_some_and(|theirs| theirs.only == spec.only && theirs.processor == spec.processor);
        row.status == ExecutionStatus::Running && same && does(row, work)
    })
}

/// Whether the run does this work, but for the number of requests, which may change when a run is resumed.
fn does(row: &ExecutionRow, work: &Work) -> bool {
    let mut work = work.clone();
    match Input::from_row(row) {
        Ok(Input::Request(mut request)) => {
            *work.lambda_concur_mut() = *request.work.lambda_concur_mut();
            request.work == work
        }
        Ok(Input::Body(_)) | Err(_) => false,
    }
}

/// The items that are to be run again, as lines of a rest. What an earlier redrive has brought is not among them.
async fn matching(state: &State, lineage: &[ExecutionRow], only: &ItemFilter) -> Result<Vec<u8>> {
    let mut outcomes = LatestOutcomes::new(state, lineage)?;
    let mut lines = Vec::new();
    while let Some(outcome) = outcomes.next().await? {
        if is_wanted(&outcome, only) {
            RemainingItem::from_outcome(&outcome, outcome.destination.clone()).write(&mut lines);
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

/// Items of a run that have failed and that no redrive of it has brought since.
///
/// # Errors
/// When the outcomes cannot be read.
pub async fn failures_left(state: &State, run: &str) -> Result<u64> {
    let row = state.first_of(state.find_run(run).await?).await?;
    let lineage = state.lineage(row).await?;
    failures_left_of(state, &lineage).await
}

/// The same of a lineage.
pub(crate) async fn failures_left_of(state: &State, lineage: &[ExecutionRow]) -> Result<u64> {
    let mut outcomes = LatestOutcomes::new(state, lineage)?;
    let mut failed = 0;
    while let Some(outcome) = outcomes.next().await? {
        failed += u64::from(is_wanted(&outcome, &ItemFilter::Failed));
    }
    Ok(failed)
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

/// The input of the first run, whose manifest is still to be replaced. A run of `image-download` is redriven by
/// `manifest-map`.
fn request(row: &ExecutionRow, spec: &RunSpec) -> Result<Request> {
    let mut request = match (Input::from_row(row)?, &spec.task_destination) {
        (Input::Request(first), _) => *first,
        (Input::Body(body), Some(task)) => {
            let work = work(&body, task);
            Request::new(Manifest::Inline(body), work)
        }
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
        Work::Copy(copy) => {
            copy.names_of.get_or_insert_with(|| row.name.clone());
        }
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
