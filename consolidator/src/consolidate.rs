//! Accounts for the outcomes of a round, batch by batch.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use manifest::request::ManifestObject;
use manifest::{Outcome, run_key};
use ports::{BodyStream, ErrorKind, GetOptions, Lines, ObjectKey, ObjectStore, Timestamp};

use crate::error::while_doing;
use crate::lost::LostBatches;
use crate::round::{Outputs, Place};
use crate::{Config, Consolidated, Cursor, Error, PhaseEvent, Ports};

/// Outcome objects that are read ahead: hides the store's latency; with the bound below at most 64 MiB.
const READ_AHEAD: usize = 8;
/// **Bytes** of one outcome object or one batch's range: some ten thousand items of the longest names.
const OBJECT_BYTES_MAX: usize = 64 << 20;

/// One call: from the cursor to the end of the round, or until the deadline is near.
pub(crate) async fn run(
    event: &PhaseEvent,
    ports: &Ports,
    config: &Config,
    deadline: Timestamp,
) -> Result<Consolidated, Error> {
    let place = Place {
        bucket: config.state_bucket.clone(),
        execution: event.execution.clone(),
        round: event.round,
    };
    let cursor = event.cursor.unwrap_or_default();
    let mut outputs = Outputs::new(ports, config, place, cursor);
    repeat_remaining(event, ports, config, &mut outputs).await?;
    let mut lost = LostBatches::new(ports, config, event);
    let read = |batch| {
        let key = run_key::outcomes(&event.execution, event.round, batch);
        let at = ObjectKey::new(&config.state_bucket, key);
        async move { (batch, read_outcomes(&*ports.store, at).await) }
    };
    let batches = stream::iter(cursor.batch..event.batch.batches).map(read);
    let mut batches = std::pin::pin!(batches.buffered(READ_AHEAD));
    let latest = deadline.minus(config.margin);
    while let Some((batch, outcomes)) = batches.next().await {
        match outcomes? {
            Some(outcomes) => add_outcomes(&mut outputs, batch, &outcomes)?,
            None => lost.leave_items(batch, &mut outputs).await?,
        }
        outputs.settle().await?;
        outputs.cursor.batch = batch + 1;
        if ports.clock.now() >= latest {
            break;
        }
    }
    let finished = outputs.finish(&ports.store).await?;
    Ok(answer(finished.cursor, event.batch.batches, finished.remaining, config))
}

fn answer(cursor: Cursor, batches: u64, remaining: Option<String>, config: &Config) -> Consolidated {
    Consolidated {
        cursor: (cursor.batch < batches).then_some(cursor),
        counts: cursor.counts,
        progress: cursor.counts.settled() > 0,
        remaining: remaining.map(|key| ManifestObject::new_remaining(&config.state_bucket, key)),
    }
}

/// A later call of the same round begins with the remaining items of the earlier ones.
async fn repeat_remaining(
    event: &PhaseEvent,
    ports: &Ports,
    config: &Config,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    let Some(before) = event.cursor.filter(|cursor| cursor.counts.pending > 0) else {
        return Ok(());
    };
    let key = run_key::remaining(&event.execution, event.round, before.part.saturating_sub(1));
    let at = ObjectKey::new(&config.state_bucket, key);
    let mut lines = read_lines(&*ports.store, &at).await?;
    while let Some((_, line)) = lines.next().await.map_err(while_reading(&at))? {
        outputs.repeat_remaining(&line).await?;
    }
    Ok(())
}

async fn read_outcomes(store: &dyn ObjectStore, at: ObjectKey) -> Result<Option<Bytes>, Error> {
    match store.get(&at, GetOptions::default()).await {
        Ok((_, body)) => collect(body, &at).await.map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(while_reading(&at)(error)),
    }
}

pub(crate) async fn collect(mut body: BodyStream, at: &ObjectKey) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.try_next().await.map_err(while_reading(at))? {
        whole.extend_from_slice(&piece);
        if whole.len() > OBJECT_BYTES_MAX {
            return Err(Error::Malformed {
                place: at.to_string(),
                reason: format!("it has more than {OBJECT_BYTES_MAX} bytes"),
            });
        }
    }
    Ok(whole.freeze())
}

fn add_outcomes(outputs: &mut Outputs, batch: u64, outcomes: &[u8]) -> Result<(), Error> {
    let lines = outcomes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (position, line) in lines.enumerate() {
        let outcome: Outcome = serde_json::from_slice(line).map_err(|error| Error::Malformed {
            place: format!("outcome {position} of batch {batch}"),
            reason: error.to_string(),
        })?;
        outputs.add(outcome, line);
    }
    Ok(())
}

/// An object line by line.
pub(crate) async fn read_lines(store: &dyn ObjectStore, at: &ObjectKey) -> Result<Lines, Error> {
    let (_, body) = store.get(at, GetOptions::default()).await.map_err(while_reading(at))?;
    Ok(Lines::new(body, 0, OBJECT_BYTES_MAX))
}

/// Says which object could not be read.
pub(crate) fn while_reading(at: &ObjectKey) -> impl FnOnce(ports::Error) -> Error {
    while_doing(format!("read `{at}`"))
}
