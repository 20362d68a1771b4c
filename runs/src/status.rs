//! Where a run stands: its record, and whether a process is running it at this moment.

use std::fs::{File, TryLockError};

use ports::{ExecutionRow, ExecutionStatus};
use serde::Serialize;

use crate::state::State;

/// The file with the name of the run that the holder of the state directory runs.
const RUNNING: &str = "running";

/// Where a run stands at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// A process is running it.
    Running,
    /// No process is running it, and it has not ended: it can be resumed.
    Interrupted,
    /// It ended well.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// Its time was up.
    TimedOut,
    /// It was stopped for good.
    Aborted,
}

impl State {
    /// Where the run stands at this moment.
    pub fn status(&self, row: &ExecutionRow) -> RunStatus {
        match row.status {
            ExecutionStatus::Running if self.running().as_deref() == Some(&row.name) => RunStatus::Running,
            ExecutionStatus::Running => RunStatus::Interrupted,
            ExecutionStatus::Succeeded => RunStatus::Succeeded,
            ExecutionStatus::Failed => RunStatus::Failed,
            ExecutionStatus::TimedOut => RunStatus::TimedOut,
            ExecutionStatus::Aborted => RunStatus::Aborted,
        }
    }

    /// The run that a process is running: the file counts only while the state directory is locked.
    fn running(&self) -> Option<String> {
        let lock = File::open(self.path().join("lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => std::fs::read_to_string(self.path().join(RUNNING)).ok(),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// Says which run this process runs, or that it runs none.
    pub(crate) fn set_running(&self, run: Option<&str>) -> std::io::Result<()> {
        std::fs::write(self.path().join(RUNNING), run.unwrap_or_default())
    }
}
