//! What is asked of a map run while it runs, what is answered, and how the run ends.

use asl::MapRunResult;
use ports::{Amount, LedgerState, MapRunSettings};
use tokio::sync::oneshot;

/// How a map run ended.
#[derive(Debug)]
pub(crate) enum MapRunEnd {
    Result(MapRunResult),
    /// Asked to stop; it can be run again.
    Stopped,
}

/// A map run as it stands at a moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: LedgerState,
    /// Known, and not started.
    pub(crate) pending: Amount,
    /// Children that run.
    pub(crate) running: Amount,
    /// Those of them that did not succeed in an earlier attempt.
    pub(crate) running_again: Amount,
}

/// What is asked of a map run.
#[derive(Debug)]
pub(crate) enum MapRunMessage {
    Describe(oneshot::Sender<Snapshot>),
    /// Answered once it is written down.
    Update(MapRunChange, oneshot::Sender<()>),
}

/// What `UpdateMapRun` changes; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapRunChange {
    /// Children at once; those that run above it are not stopped.
    pub max_concurrency: Option<u64>,
    /// Failed items that are tolerated.
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
