//! Where the history of an execution without a journal goes.

use std::fmt;

use asl::HistoryEvent;

/// Takes the history of an Express execution, a few events at a time and in order, while the execution runs.
pub struct HistorySink(pub Box<dyn FnMut(Vec<HistoryEvent>) + Send>);

impl fmt::Debug for HistorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HistorySink")
    }
}

impl HistorySink {
    /// A sink that drops the history.
    pub fn ignore() -> Self {
        Self(Box::new(drop))
    }
}
