//! How many executions a supervisor takes on.

/// How many executions a supervisor takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisorBounds {
    /// Executions that run at the same time, Standard and asynchronous Express ones together. At least one runs.
    pub running_max: usize,
    /// Executions that wait for their turn; a request beyond them is refused with [`crate::Error::Busy`]. Recovered executions
    /// are taken up whatever their number: they were accepted under the bound of an earlier life.
    pub waiting_max: usize,
    /// Synchronous Express executions that run at the same time; a request beyond them is refused with [`crate::Error::Busy`].
    pub express_sync_max: usize,
}

impl Default for SupervisorBounds {
    /// A hundred executions hold a few MiB without map runs; a thousand waiting ones hold their names.
    fn default() -> Self {
        Self {
            running_max: 100,
            waiting_max: 1_000,
            express_sync_max: 100,
        }
    }
}
