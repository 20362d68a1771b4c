//! What an interrupted run has done before it is resumed: its counts, and the limits that hold for what is left of it.

use manifest::{Batch, Status, run_key};
use ports::{
    Commit, ErrorKind, ExecutionRow, GetOptions, Ledger as _, Lines, MapRunStatus, ObjectKey, ObjectStore as _,
};

use crate::error::Result;
use crate::input::Input;
use crate::outcomes::RunObjects;
use crate::progress::Earlier;
use crate::spec::{Limits, STATE_BUCKET};
use crate::state::State;

/// **Bytes** of a line of a batch list: an inline batch of the longest paths is a few MiB.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Map runs of one execution: one for each round.
const MAP_RUNS_MAX: usize = 1_000;

/// Counts what earlier processes have settled.
pub(crate) async fn earlier(state: &State, row: &ExecutionRow, destinations: u64) -> Result<Earlier> {
    let mut earlier = Earlier {
        items: items(state, row).await? * destinations,
        ..Earlier::default()
    };
    let mut outcomes = RunObjects::new(&*state.objects, row).settled().await?;
    while let Some((_, outcome)) = outcomes.next().await? {
        match outcome.status {
            Status::Succeeded | Status::Skipped => earlier.succeeded += 1,
            Status::Failed => earlier.failed += 1,
            Status::Pending => {}
        }
    }
    Ok(earlier)
}

/// Items of the manifest, as far as the batcher has counted them; 0 before that.
async fn items(state: &State, row: &ExecutionRow) -> Result<u64> {
    if let Input::Body(body) = Input::from_row(row)? {
        return Ok(body.resource_paths.len() as u64);
    }
    let at = ObjectKey::new(STATE_BUCKET, run_key::batch_list(&row.name, 0));
    let body = match state.objects.get(&at, GetOptions::default()).await {
        Ok((_, body)) => body,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut lines = Lines::new(body, 0, LINE_BYTES_MAX);
    let mut items = 0;
    while let Some((_, line)) = lines.next().await? {
        items += serde_json::from_slice(&line).map_or(0, |batch: Batch| batch.items);
    }
    Ok(items)
}

/// Bounds the map runs that are under way.
pub(crate) async fn limit(state: &State, row: &ExecutionRow, limits: Limits) -> Result<()> {
    let Some(processors) = limits.processors else {
        return Ok(());
    };
    for (map_run, mut ledger) in state.records.map_runs(&row.arn, 0, MAP_RUNS_MAX).await? {
        if ledger.status == MapRunStatus::Running {
            ledger.settings.max_concurrency = u64::from(processors);
            let commit = Commit {
                state: ledger,
                ..Commit::default()
            };
            state.records.commit(&map_run, commit).await?;
        }
    }
    Ok(())
}
