//! Accounts for the outcomes of a round, batch by batch.

use bytes::Bytes;
use futures::{StreamExt, stream};
use manifest::request::ManifestObject;
use manifest::{Outcome, run_key};
use ports::{ErrorKind, GetOptions, ObjectKey, ObjectStore, Timestamp};

use crate::missing_outcomes::MissingOutcomes;
use crate::outputs::{Outputs, RoundKeys};
use crate::read::{collect, read_lines, while_reading};
use crate::{Config, Consolidated, Cursor, Error, PhaseEvent, Ports};

/// Outcome objects that are read ahead: hides the store's latency; with the bound below at most 64 MiB.
const READ_AHEAD: usize = 8;

/// One call: from the cursor to the end of the round, or until the deadline is near.
pub(crate) async fn run(
    event: &PhaseEvent,
    ports: &Ports,
    config: &Config,
    deadline: Timestamp,
) -> Result<Consolidated, Error> {
    let keys = RoundKeys {
        bucket: config.state_bucket.clone(),
        execution: event.execution.clone(),
        round: event.round,
    };
    let cursor = event.cursor.unwrap_or_default();
    let mut outputs = Outputs::new(ports, config, keys, cursor);
    repeat_remaining(event, ports, config, &mut outputs).await?;
    let mut missing = MissingOutcomes::new(ports, config, event);
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
            None => missing.leave_items(batch, &mut outputs).await?,
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
