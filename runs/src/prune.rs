//! Which runs may be removed: the old ones, those beyond a number, those beyond a size.

use std::time::Duration;

use ports::{ExecutionRow, ExecutionStatus};

use crate::error::Result;
use crate::redrive::failures_left_of;
use crate::state::State;

/// Which runs to remove: those for which one of the rules holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prune {
    /// Those that ended longer ago than this.
    pub older_than: Option<Duration>,
    /// Those that are not among so many of the newest.
    pub keep: Option<usize>,
    /// **Bytes**: the oldest, until the others take no more than this.
    pub max_bytes: Option<u64>,
    /// Also runs that can be resumed, or whose failed items a redrive would need.
    pub force: bool,
}

/// What [`Prune::plan`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrunePlan {
    /// Runs to be removed with their sizes in bytes, the oldest first.
    pub removed: Vec<(ExecutionRow, u64)>,
    /// Runs that a rule holds for and that are kept: they can be resumed or redriven.
    pub needed: Vec<ExecutionRow>,
}

impl Prune {
    /// Finds the runs; nothing is removed. A run and its redrives are needed together: while one of them can be resumed or
    /// an item of theirs has failed, all of them are.
    ///
    /// # Errors
    /// When the records or outcomes cannot be read.
    pub async fn plan(&self, state: &State) -> Result<PrunePlan> {
        let mut plan = PrunePlan::default();
        let rows = state.all_runs().await?;
        let now = state.clock.now();
        let mut bytes = 0_u64;
        for (position, row) in rows.into_iter().enumerate() {
            let size = state.size_of(&row);
            bytes = bytes.saturating_add(size);
            let age = now.since(row.stopped.unwrap_or(row.started));
            let matches = self.older_than.is_some_and(|limit| age > limit)
                || self.keep.is_some_and(|keep| position >= keep)
                || self.max_bytes.is_some_and(|limit| bytes > limit);
            if !matches {
                continue;
            }
            if self.force || !is_needed(state, &row).await? {
                plan.removed.push((row, size));
            } else {
                plan.needed.push(row);
            }
        }
        plan.removed.reverse();
        Ok(plan)
    }
}

/// Whether the run can be resumed, or it and its redrives have left items that failed.
async fn is_needed(state: &State, row: &ExecutionRow) -> Result<bool> {
    let lineage = state.lineage(state.first_of(row.clone()).await?).await?;
    if lineage.iter().any(|row| row.status == ExecutionStatus::Running) {
        return Ok(true);
    }
    // Outcomes that are gone are needed by nothing.
    Ok(failures_left_of(state, &lineage).await.is_ok_and(|left| left > 0))
}
