//! Appends an execution's events to its journal before anything is done about them.

use asl::{Event, Moment};
use ports::{ExecutionArn, JournalRecord};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::context::Context;
use crate::error::while_doing;
use crate::json::to_json;

/// One entry of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) moment: Moment,
}

/// Appends events to one execution's journal.
pub(crate) struct Recorder {
    pub(crate) arn: ExecutionArn,
    pub(crate) sequence: u64,
}

impl Recorder {
    /// Appends all entries or none; without entries, the journal is not called.
    pub(crate) async fn append(&mut self, context: &Context, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let records: Vec<JournalRecord> = (self.sequence..)
            .zip(entries)
            .map(|(sequence, entry)| JournalRecord {
                sequence,
                record: to_json(entry),
            })
            .collect();
        self.sequence += records.len() as u64;
        let appended = context.ports.journal.append(&self.arn, records).await;
        appended.map_err(while_doing("write the journal"))
    }
}
