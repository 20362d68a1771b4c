//! The journal: what happened to an execution, written down before anything is done about it.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MapRunArn, Result, Timestamp};

/// Names an execution: `arn:aws:states:us-east-1:000000000000:execution:manifest-map:download-…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionArn(pub String);

impl fmt::Display for ExecutionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an execution stands, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// It goes on, here or after the next start.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// Its time was up.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

/// What is known of an execution without replaying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRow {
    /// Names it.
    pub arn: ExecutionArn,
    /// The last part of the ARN.
    pub name: String,
    /// The state machine's name.
    pub state_machine: String,
    /// The definition that it runs, as text: a replay needs this one, not the newest. A map run's child has none of its
    /// own: it runs a part of its parent's.
    pub definition: String,
    /// The input as it came, white space and all.
    pub input: String,
    /// Version of the interpreter whose events the journal holds.
    pub interpreter: u32,
    /// What would make the same execution again: equal identities mean that a crashed run is resumed.
    pub identity: Option<String>,
    /// The execution whose failed items this one does again.
    pub rerun_of: Option<ExecutionArn>,
    /// Which items of an earlier execution's map runs it does again, as JSON that only the engine reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_subset: Option<String>,
    /// Whose child it is, if it is a map run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_of: Option<ChildOf>,
    /// What the composer needs to run it again, as JSON that the engine does not read.
    pub composition: Option<String>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// Its output, JSON text.
    pub output: Option<String>,
    /// Its error name.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// How often it was redriven.
    #[serde(default)]
    pub redrive_count: u32,
    /// It ended without success and has room for a redrive in its history.
    #[serde(default)]
    pub redrivable: bool,
}

/// Which child of which map run an execution is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildOf {
    /// The map run.
    pub map_run: MapRunArn,
    /// The how-manieth child, from 0.
    pub position: u64,
    /// Items in its input.
    pub items: u64,
    /// The redrive of its map run in which it was last started; 0 for none.
    pub attempt: u32,
}

/// One entry of an execution's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// 0, 1, 2, … without a gap.
    pub sequence: u64,
    /// JSON text; only the engine reads it.
    pub record: String,
}

/// Executions and what happened to them.
///
/// What a method has written when it returns survives the death of the process.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// A new execution. [`crate::ErrorKind::Conflict`] when there is one with this ARN.
    async fn create(&self, row: ExecutionRow) -> Result<()>;

    /// Adds records, all or none. [`crate::ErrorKind::Conflict`] when a sequence number is taken or leaves a gap.
    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> Result<()>;

    /// At most `limit` records from `sequence` on, in order.
    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> Result<Vec<JournalRecord>>;

    /// Replaces the row: status, ending, output. [`crate::ErrorKind::NotFound`] when there is none.
    async fn update(&self, row: ExecutionRow) -> Result<()>;

    /// One execution. [`crate::ErrorKind::NotFound`] when there is none.
    async fn execution(&self, execution: &ExecutionArn) -> Result<ExecutionRow>;

    /// At most `limit` executions that are no children, the newest first, starting after the first `skip`.
    async fn executions(&self, skip: usize, limit: usize) -> Result<Vec<ExecutionRow>>;

    /// At most `limit` children of a map run, all or those of one status, the newest first, starting after the first
    /// `skip`.
    async fn children(
        &self,
        map_run: &MapRunArn,
        status: Option<ExecutionStatus>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>>;
}
