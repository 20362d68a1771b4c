//! Stage 1: where the batches of a manifest begin and end.
//!
//! Reads a manifest once, in windows, and writes one line for each batch: the object, how to read it, and a range of
//! bytes that holds whole records. What has no byte addresses (gzip, zstd) is spooled once as plain bytes. Small inline
//! bodies become tasks.
//!
//! It owns formats, headers and boundaries. It looks into a record only where a batch has more lines than items, where
//! copies may meet at one name, and where it is asked to be strict: what is wrong with one item is the processor's to say.
//!
//! ```
//! use std::sync::Arc;
//!
//! use batcher::{Config, Event, Ports, Response, handle};
//! use ports::{Timestamp, memory};
//!
//! let store = Arc::new(memory::ObjectStore::default());
//! store.insert("manifests", "urls.csv", "id,url\n1,https://example.com/a\n2,https://example.com/b\n");
//! let clock = Arc::new(memory::Clock::at(Timestamp::from_millis(0)));
//! let ports = Ports { store: Arc::clone(&store) as _, clock };
//! let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned()))?;
//! let event: Event = serde_json::from_str(
//!     r#"{"execution":"run","round":0,"manifest":{"bucket":"manifests","key":"urls.csv"},
//!         "request":{"manifest":{"bucket":"manifests","key":"urls.csv"},"batchItems":1,
//!                    "work":{"action":"download","destination":{"bucket":"images"}}}}"#,
//! )?;
//! let deadline = Timestamp::from_millis(60_000);
//! let Response::Batched(batched) = futures::executor::block_on(handle(event, &ports, &config, deadline))? else {
//!     unreachable!("a manifest is answered with a batch list");
//! };
//! assert_eq!((batched.batches, batched.items), (2, 2));
//! assert!(store.bytes("state", &batched.batch_list.key).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod detect;
mod error;
mod event;
mod header;
mod inline;
pub mod limits;
mod sink;
mod source;
mod split;
mod survey;
mod unpack;

use std::sync::Arc;

use manifest::request::{Batched, InlineBody, Manifest, ObjectRef, Request};
use ports::{Clock, ObjectStore, Timestamp};

pub use config::Config;
pub use error::{Error, error_name};
pub use event::{Event, ManifestEvent, Response, Tasks};
use split::{Call, Done, Totals};

/// Children at once, when the request does not say.
const MAX_CONCURRENCY: u32 = 8;

/// Rounds, when the request does not say.
const MAX_ROUNDS: u32 = 5;

/// What the stage asks of the world.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Manifests and batch lists.
    pub store: Arc<dyn ObjectStore>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Answers one event of either machine.
///
/// # Errors
/// When the manifest as a whole cannot be read; nothing is left behind but perhaps its spool.
///
/// # Cancel safety
/// A batch list that is not whole does not exist. The same event may be sent again.
pub async fn handle(event: Event, ports: &Ports, config: &Config, deadline: Timestamp) -> Result<Response, Error> {
    let event = match event {
        Event::Inline(body) => {
            let tasks = inline::tasks(body, config.task_items);
            return Ok(Response::Tasks(Tasks { tasks }));
        }
        Event::Manifest(event) => event,
    };
    check(&event.request)?;
    let call = Call {
        ports,
        config,
        execution: &event.execution,
        round: event.round,
        request: &event.request,
        deadline: deadline.minus(config.margin),
    };
    let batched = Box::pin(batch(&call, event.manifest)).await?;
    Ok(Response::Batched(Box::new(batched)))
}

async fn batch(call: &Call<'_>, manifest: Manifest) -> Result<Batched, Error> {
    let done = match manifest {
        Manifest::Inline(body) => Done::Inline(body),
        Manifest::Object(object) => call.split(&object).await?,
    };
    match done {
        Done::Split(split) => Ok(Batched {
            suspicious_field: split.suspicious,
            ..answer(call, split.totals, None)
        }),
        Done::Inline(body) => batch_inline(call, body).await,
    }
}

async fn batch_inline(call: &Call<'_>, body: InlineBody) -> Result<Batched, Error> {
    let items = call.request.batch_items.map_or(call.config.task_items, |items| {
        usize::try_from(items).unwrap_or(usize::MAX)
    });
    let totals = |batches: usize, items: usize| Totals {
        batches: batches as u64,
        items: items as u64,
    };
    let paths = body.resource_paths.len();
    let tasks = inline::tasks(body, items);
    let lines = inline::lines(&tasks).map_err(|error| Error::InvalidRequest {
        reason: error.to_string(),
    })?;
    call.write_lines(lines).await?;
    let totals = totals(tasks.len(), paths);
    Ok(answer(call, totals, inline::if_few(tasks)))
}

fn answer(call: &Call<'_>, totals: Totals, tasks: Option<Vec<manifest::Task>>) -> Batched {
    let (request, list) = (call.request, call.batch_list());
    Batched {
        batches: totals.batches,
        items: totals.items,
        batch_list: ObjectRef {
            bucket: list.bucket,
            key: list.key,
        },
        max_concurrency: request.max_concurrency.unwrap_or(MAX_CONCURRENCY),
        last_round: request.max_rounds.unwrap_or(MAX_ROUNDS).saturating_sub(1),
        tolerate: request.tolerate.into(),
        on_failure: request.on_failure,
        suspicious_field: None,
        tasks,
    }
}

fn check(request: &Request) -> Result<(), Error> {
    let percentage = request.tolerate.percentage.unwrap_or(0.0);
    let problem = if request.batch_items == Some(0) {
        "expected at least 1 in `batchItems`, found 0".to_owned()
    } else if request.max_concurrency == Some(0) {
        "expected at least 1 in `maxConcurrency`, found 0".to_owned()
    } else if !(0.0..=100.0).contains(&percentage) {
        format!("expected 0 to 100 in `tolerate.percentage`, found {percentage}")
    } else {
        return Ok(());
    };
    Err(Error::InvalidRequest { reason: problem })
}
