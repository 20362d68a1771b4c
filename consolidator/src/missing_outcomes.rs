//! Batches whose processor has left no outcomes: their items, and why.

use std::collections::BTreeMap;

use bytes::Bytes;
use manifest::{Body, RemainingItem, redact, run_key};
use ports::{GetOptions, Lines, ObjectKey};
use serde::Deserialize;

use crate::event::parse_batch;
use crate::outputs::Outputs;
use crate::read::{collect, list, read_lines, while_reading};
use crate::tally::{MESSAGE_BYTES_MAX, cut};
use crate::{Config, Error, PhaseEvent, Ports};

/// **Bytes** of result files that are read for reasons: some ten thousand batches of a few hundred items. Batches further on are
/// left without one.
const REASONS_BYTES_MAX: u64 = 8 << 20;

/// Batches whose processor has left no outcomes: their items are found in the manifest again.
pub(crate) struct MissingOutcomes<'a> {
    ports: &'a Ports,
    config: &'a Config,
    event: &'a PhaseEvent,
    /// Opened at the first lost batch; lost batches come in order, so it is read once.
    lines: Option<Lines>,
    /// Read at the first lost batch.
    reasons: Option<Reasons>,
}

/// Why processors failed, by their batches' numbers.
type Reasons = BTreeMap<u64, String>;

impl<'a> MissingOutcomes<'a> {
    pub(crate) const fn new(ports: &'a Ports, config: &'a Config, event: &'a PhaseEvent) -> Self {
        Self {
            ports,
            config,
            event,
            lines: None,
            reasons: None,
        }
    }

    pub(crate) async fn leave_items(&mut self, number: u64, outputs: &mut Outputs) -> Result<(), Error> {
        let batch = self.find(number).await?;
        let reason = self.reason(number).await?;
        let bytes = read_range(self.ports, &batch).await?;
        for item in manifest::decode(&batch, &bytes) {
            outputs.leave(&RemainingItem {
                index: item.index,
                subject: item.subject,
                destination: item.destination,
                position: item.malformed.is_some().then_some(item.position),
                malformed: item.malformed,
                reason: reason.clone(),
            });
        }
        Ok(())
    }

    async fn reason(&mut self, number: u64) -> Result<Option<String>, Error> {
        let reasons = match &mut self.reasons {
            Some(reasons) => reasons,
            None => self
                .reasons
                .insert(read_reasons(self.ports, self.config, self.event).await?),
        };
        Ok(reasons.get(&number).cloned())
    }

    async fn find(&mut self, number: u64) -> Result<manifest::Batch, Error> {
        let list = &self.event.batch.batch_list;
        let at = &ObjectKey::new(&list.bucket, &list.key);
        let lines = if let Some(lines) = &mut self.lines {
            lines
        } else {
            self.lines.insert(read_lines(&*self.ports.store, at).await?)
        };
        while let Some((_, line)) = lines.next().await.map_err(while_reading(at))? {
            let batch = parse_batch(&line).map_err(|error| Error::Malformed {
                place: at.to_string(),
                reason: error.to_string(),
            })?;
            if batch.number == number {
                return Ok(batch);
            }
        }
        Err(Error::Malformed {
            place: at.to_string(),
            reason: format!("it has no line for batch {number}"),
        })
    }
}

/// A batch's bytes, if the manifest is still the one that was split.
async fn read_range(ports: &Ports, batch: &manifest::Batch) -> Result<Bytes, Error> {
    let Body::Range { source, start, end, .. } = &batch.body else {
        return Ok(Bytes::new());
    };
    let at = ObjectKey::new(&source.bucket, &source.key);
    let options = GetOptions {
        range: Some(*start..*end),
        if_match: source.etag.clone(),
        version: source.version.clone(),
    };
    match ports.store.get(&at, options).await {
        Ok((_, body)) => collect(body, &at).await,
        Err(source) => Err(Error::ManifestChanged {
            batch: batch.number,
            place: at.to_string(),
            source,
        }),
    }
}

/// What the map run of this round has written down of children that failed.
async fn read_reasons(ports: &Ports, config: &Config, event: &PhaseEvent) -> Result<Reasons, Error> {
    let mut reasons = Reasons::new();
    let mut room = REASONS_BYTES_MAX;
    let prefix = format!("{}/", run_key::map_results(&event.execution, event.round));
    for at in list(ports, &config.state_bucket, &prefix).await? {
        let is_failed = at
            .key
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("FAILED_"));
        if !is_failed || room == 0 {
            continue;
        }
        let options = GetOptions {
            range: Some(0..room),
            ..GetOptions::default()
        };
        let (_, body) = ports.store.get(&at, options).await.map_err(while_reading(&at))?;
        let bytes = collect(body, &at).await?;
        room = room.saturating_sub(bytes.len() as u64);
        add_reasons(&bytes, &mut reasons);
    }
    Ok(reasons)
}

/// As much of a record as tells why.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    input: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

/// As much of a child's input as tells which batch.
#[derive(Deserialize)]
struct Input {
    batch: Numbered,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

/// The records of a JSON array, of which the end may be missing.
fn add_reasons(array: &[u8], reasons: &mut Reasons) {
    let mut rest = array.trim_ascii_start().strip_prefix(b"[").unwrap_or_default();
    loop {
        let mut records = serde_json::Deserializer::from_slice(rest).into_iter::<Failed>();
        let Some(Ok(record)) = records.next() else { return };
        rest = rest.get(records.byte_offset()..).unwrap_or_default().trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or_default();
        if let Ok(input) = serde_json::from_str::<Input>(&record.input) {
            reasons.insert(input.batch.number, reason(&record));
        }
    }
}

fn reason(record: &Failed) -> String {
    let error = record.error.as_deref().unwrap_or("States.TaskFailed");
    let cause = record.cause.as_deref().unwrap_or_default();
    let text = match said(cause) {
        Some(said) => format!("its processor failed with {error}: {said}"),
        None if cause.is_empty() => format!("its processor failed with {error}"),
        None => format!("its processor failed with {error}: {cause}"),
    };
    cut(&redact(text), MESSAGE_BYTES_MAX).to_owned()
}

/// What a function said: Lambda hands it on as JSON.
fn said(cause: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct FunctionError {
        error_message: String,
    }
    let error: FunctionError = serde_json::from_str(cause).ok()?;
    Some(error.error_message)
}
