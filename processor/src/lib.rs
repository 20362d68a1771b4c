//! Stage 2: the items of one batch, done; one outcome each.
//!
//! [`handle`] reads the batch's range of the manifest, does what the event's work says with every item (`download`
//! or `copy`), writes the outcomes as one object and answers with their numbers. Calling it again writes the same
//! object again. A bad item is an outcome; an error is for what ends the whole batch.
//!
//! It spawns nothing: all requests of a batch run inside the caller's task, and dropping the future drops them.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//!
//! use ports::{Timestamp, memory};
//! use processor::{Config, Event, Ports, Response, handle};
//!
//! let store = Arc::new(memory::ObjectStore::default());
//! store.insert("logs", "2026/a.gz", "packed");
//! let etag = store.insert("manifests", "objects.csv", "logs,2026/a.gz\n");
//! let ports = Ports {
//!     store: Arc::clone(&store) as _,
//!     origin: Arc::new(memory::Origin::default()),
//!     clock: Arc::new(memory::Clock::at(Timestamp::from_millis(0))),
//!     meter: Arc::default(),
//!     politeness: Arc::default(),
//! };
//! let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned()))?;
//! let event: Event = serde_json::from_value(serde_json::json!({
//!     "execution": "run", "round": 0,
//!     "batch": {
//!         "number": 0, "first": 0, "items": 1, "start": 0, "end": 15, "line": 1,
//!         "source": {"bucket": "manifests", "key": "objects.csv", "etag": etag, "format": {
//!             "layout": "csv", "columns": {"object": {"bucket": 0, "key": 1, "version": null}},
//!         }},
//!     },
//!     "work": {"action": "copy", "destinations": [{"bucket": "backup"}], "name": "{bucket}/{key}"},
//! }))?;
//! let answer = handle(event, &ports, &config, Timestamp::from_millis(60_000)).await?;
//! let Response::Summary(summary) = answer else {
//!     unreachable!("a batch is answered with its counts");
//! };
//! assert_eq!(summary.counts.succeeded, 1);
//! assert!(store.bytes("backup", "logs/2026/a.gz").is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod config;
mod copy;
mod copy_claims;
mod decode;
mod download;
mod error;
mod event;
mod failure;
mod fetch;
mod guard;
pub mod limits;
mod name;
mod name_conflict;
mod outcome;
mod politeness;
mod rate;
mod retry;
mod schedule;

use std::sync::Arc;

use bytes::BytesMut;
use futures::TryStreamExt;
use manifest::request::ObjectRef;
use manifest::work::{Destination, Download, Work};
use manifest::{Batch, Body, Item, Outcome, Source, Status, Subject, run_key};
use ports::{Clock, ErrorKind, GetOptions, Meter, ObjectBody, ObjectKey, ObjectStore, Origin, PutOptions, Timestamp};

pub use body::BodyLimits;
pub use config::Config;
pub use error::Error;
pub use event::{BatchRequest, Event, Response, Summary, TaskRequest, TaskResult};
pub use guard::{AllowPrivate, Guard, GuardedResolver};
pub use name::Template;
pub use politeness::Politeness;
pub use retry::Retry;

use schedule::Rules;

/// What a processor asks of the world.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Where manifests are read, and files and outcomes written.
    pub store: Arc<dyn ObjectStore>,
    /// Where files come from: its client must connect through a [`GuardedResolver`].
    pub origin: Arc<dyn Origin>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted for whoever watches.
    pub meter: Arc<Meter>,
    /// What the hosts have said; one for all calls of a process.
    pub politeness: Arc<Politeness>,
}

/// What all items of a call share.
struct Scope<'a> {
    ports: &'a Ports,
    config: &'a Config,
    execution: Option<&'a str>,
    deadline: Timestamp,
}

impl Scope<'_> {
    fn rules(&self, cap: usize, attempts: Option<u32>) -> Rules<'_> {
        let mut retry = self.config.retry;
        retry.attempts = attempts.unwrap_or(retry.attempts).clamp(1, limits::ATTEMPTS_MAX);
        Rules {
            clock: self.ports.clock.as_ref(),
            politeness: &self.ports.politeness,
            retry,
            deadline: self.deadline,
            cap,
        }
    }
}

/// Does the items of one batch, or of one task of `image-download`; the invocation ends at `deadline`.
///
/// # Errors
/// What ends the whole batch: an event that cannot be understood, a manifest that has changed, a store that fails.
///
/// # Cancel safety
/// Dropping the future drops the requests in flight; what was written by then stays, whole.
pub async fn handle(event: Event, ports: &Ports, config: &Config, deadline: Timestamp) -> Result<Response, Error> {
    match event {
        Event::Batch(request) => handle_batch(*request, deadline, ports, config).await,
        Event::Task(request) => handle_task(request, deadline, ports, config).await,
    }
}

async fn handle_batch(
    request: BatchRequest,
    deadline: Timestamp,
    ports: &Ports,
    config: &Config,
) -> Result<Response, Error> {
    let scope = Scope {
        ports,
        config,
        execution: Some(&request.execution),
        deadline: end_of(deadline, request.started_at, config),
    };
    let items = items(&request.batch, ports.store.as_ref()).await?;
    let outcomes = match &request.work {
        Work::Download(work) => download::download(items, work, &scope).await?,
        Work::Copy(work) => copy::copy(items, work, &scope).await?,
    };
    let number = request.batch.number;
    let at = write(
        &outcomes,
        &run_key::outcomes(&request.execution, request.round, number),
        &scope,
    )
    .await?;
    let mut summary = Summary::new(number, &outcomes);
    summary.outcomes = Some(ObjectRef {
        bucket: at.bucket,
        key: at.key,
    });
    Ok(Response::Summary(summary))
}

async fn handle_task(
    request: TaskRequest,
    deadline: Timestamp,
    ports: &Ports,
    config: &Config,
) -> Result<Response, Error> {
    let execution = request.execution.clone();
    let scope = Scope {
        ports,
        config,
        execution: execution.as_deref(),
        deadline: end_of(deadline, None, config),
    };
    let lambda_concur = request.task.batch_input.lambda_concur;
    let first = request.number.saturating_mul(config.task_items);
    let batch = request.into_batch(first);
    let items = items(&batch, ports.store.as_ref()).await?;
    let Some(destination) = config.task_destination.clone() else {
        return Ok(Response::Results(items.into_iter().map(without_bucket).collect()));
    };
    let work = Download {
        destination,
        lambda_concur,
        name: config.task_name.clone(),
        checksum: None,
        max_object_bytes: None,
        attempts: None,
        names_of: None,
    };
    let outcomes = download::download(items, &work, &scope).await?;
    if let Some(execution) = scope.execution {
        write(&outcomes, &run_key::outcomes(execution, 0, batch.number), &scope).await?;
    }
    Ok(Response::Results(outcomes.into_iter().map(result).collect()))
}

/// When to stop: the invocation's end or the child's, whichever is sooner, and before it the time to write.
fn end_of(deadline: Timestamp, started_at: Option<Timestamp>, config: &Config) -> Timestamp {
    let child = started_at.map(|started| started.plus(limits::CHILD_TIME));
    let end = child.map_or(deadline, |child| child.min(deadline));
    end.minus(config.deadline_margin)
}

/// The batch's items; one ranged read when they are in an object.
async fn items(batch: &Batch, store: &dyn ObjectStore) -> Result<Vec<Item>, Error> {
    match &batch.body {
        Body::Inline(_) => Ok(manifest::decode(batch, &[]).collect()),
        Body::Range { source, start, end, .. } => {
            let bytes = range(source, *start, *end, store).await?;
            Ok(manifest::decode(batch, &bytes).collect())
        }
    }
}

async fn range(source: &Source, start: u64, end: u64, store: &dyn ObjectStore) -> Result<BytesMut, Error> {
    let length = end.saturating_sub(start);
    if length > limits::BATCH_BYTES_MAX {
        let allowed = limits::BATCH_BYTES_MAX;
        return Err(Error::Malformed(format!(
            "a batch of {length} bytes, at most {allowed} are allowed"
        )));
    }
    let at = ObjectKey::new(source.bucket.as_str(), source.key.as_str());
    let options = GetOptions {
        range: Some(start..end),
        if_match: source.etag.clone(),
        version: source.version.clone(),
    };
    let failed = |error: ports::Error| match error.kind() {
        ErrorKind::Conflict => Error::ManifestChanged {
            at: at.clone(),
            source: error,
        },
        ErrorKind::NotFound
        | ErrorKind::Throttled
        | ErrorKind::Denied
        | ErrorKind::Malformed
        | ErrorKind::Full
        | ErrorKind::Unavailable
        | ErrorKind::Cancelled => Error::store("read", &at, error),
    };
    let (_, mut body) = store.get(&at, options).await.map_err(failed)?;
    let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
    while let Some(piece) = body.try_next().await.map_err(failed)? {
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() as u64 == length {
        return Ok(bytes);
    }
    let found = bytes.len();
    let message = format!("bytes {start} to {end} were asked for, {found} came");
    Err(failed(ports::Error::new(ErrorKind::Conflict, message)))
}

/// Writes the outcomes as JSONL.
async fn write(outcomes: &[Outcome], key: &str, scope: &Scope<'_>) -> Result<ObjectKey, Error> {
    const OUTCOME_BYTES: usize = 320;
    let mut lines = Vec::with_capacity(outcomes.len() * OUTCOME_BYTES);
    for outcome in outcomes {
        serde_json::to_writer(&mut lines, outcome)?;
        lines.push(b'\n');
    }
    let at = ObjectKey::new(scope.config.state_bucket.as_str(), key);
    let put = scope
        .ports
        .store
        .put(&at, ObjectBody::from(lines), PutOptions::default())
        .await;
    match put {
        Ok(_) => Ok(at),
        Err(error) => Err(Error::store("write", &at, error)),
    }
}

/// An outcome as `image-download` expects it.
fn result(outcome: Outcome) -> TaskResult {
    let succeeded = outcome.status == Status::Succeeded;
    let status = outcome
        .status_code
        .filter(|status| succeeded || !(200..300).contains(status));
    TaskResult {
        url: text(outcome.subject),
        status_code: status.unwrap_or(400),
        filename: outcome.filename,
        message: outcome.error.map(|error| error.message),
    }
}

fn without_bucket(item: Item) -> TaskResult {
    TaskResult {
        url: text(item.subject),
        status_code: 500,
        filename: None,
        message: Some("No IMAGES_BUCKET_NAME set".to_owned()),
    }
}

/// The object of a name below a destination.
fn object_at(destination: &Destination, name: &str) -> ObjectKey {
    ObjectKey::new(destination.bucket.as_str(), destination.key(name))
}

fn text(subject: Subject) -> String {
    match subject {
        Subject::Url { url } => url,
        Subject::Record { record } => record,
        Subject::Object { bucket, key, .. } => ObjectKey { bucket, key }.to_string(),
    }
}
