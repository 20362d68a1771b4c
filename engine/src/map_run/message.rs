//! What is asked of a map run while it runs, what is answered, and how the run ends.

use asl::MapRunResult;
use ports::{Amount, LedgerState, MapRunSettings};
use tokio::sync::oneshot;

/// How a map run ended.
#[derive(Debug)]
pub(crate) enum MapRunEnd {
    Result(MapRunResult),
    /// The run was asked to stop and can be resumed later.
    Stopped,
}

/// The state of a map run at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: LedgerState,
    /// Children and items that are known and not started.
    pub(crate) pending: Amount,
    /// Children that are being run, and their items.
    pub(crate) running: Amount,
    /// The part of `running` that did not succeed in an earlier attempt.
    pub(crate) running_again: Amount,
}

/// A message to a map run.
#[derive(Debug)]
pub(crate) enum MapRunMessage {
    Describe(oneshot::Sender<Snapshot>),
    /// Answered once the change is in the ledger.
    Update(MapRunChange, oneshot::Sender<()>),
}

/// What `UpdateMapRun` changes; an absent member keeps its value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapRunChange {
    /// Children that may run at once; running children above this number are not stopped.
    pub max_concurrency: Option<u64>,
    /// The number of failed items that is tolerated.
    pub tolerated_failure_count: Option<u64>,
    /// **Percent** of failed items that is tolerated.
    pub tolerated_failure_percentage: Option<f64>,
}

impl MapRunChange {
    /// These settings with the changes made.
    pub(super) fn applied(self, to: MapRunSettings) -> MapRunSettings {
        MapRunSettings {
            max_concurrency: self.max_concurrency.unwrap_or(to.max_concurrency),
            tolerated_failure_count: self.tolerated_failure_count.or(to.tolerated_failure_count),
            tolerated_failure_percentage: self.tolerated_failure_percentage.or(to.tolerated_failure_percentage),
        }
    }
}
