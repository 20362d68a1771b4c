//! The journal: the events of executions, written down before anything is done about them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Cursor, MapRunArn, Page, Result, Timestamp};

/// Names an execution: `arn:aws:states:us-east-1:000000000000:execution:manifest-map:download-…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionArn(pub String);

impl fmt::Display for ExecutionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The status of an execution, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// The execution has not ended: it runs, or will run after the next start.
    Running,
    /// The execution ended with an output.
    Succeeded,
    /// The execution ended with an error.
    Failed,
    /// The execution took longer than its definition allows.
    TimedOut,
    /// The execution was stopped.
    Aborted,
}

/// What is known of an execution without a replay of its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRow {
    /// Names the execution.
    pub arn: ExecutionArn,
    /// The last part of the ARN.
    pub name: String,
    /// The state machine's name.
    pub state_machine: String,
    /// The text of the definition that the execution was started from, which a replay needs. Empty for a child of a map
    /// run: it runs a part of its parent's definition.
    pub definition: String,
    /// The input, byte for byte as it was given.
    pub input: String,
    /// Version of the interpreter that the events in the journal are for.
    pub interpreter: u32,
    /// What tells equal starts from others: a start with the identity of a crashed execution resumes that execution.
    pub identity: Option<String>,
    /// The execution whose failed items this one runs again.
    pub rerun_of: Option<ExecutionArn>,
    /// Which items of the map runs of an earlier execution this one runs again, as JSON that only the engine reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_subset: Option<String>,
    /// The map run that the execution is a child of, and its place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_of: Option<ChildOf>,
    /// What the caller needs to run the execution again, as JSON that the engine does not read.
    pub composition: Option<String>,
    /// Whether the execution has ended, and how.
    pub status: ExecutionStatus,
    /// When the execution started.
    pub started: Timestamp,
    /// When the execution ended.
    pub stopped: Option<Timestamp>,
    /// The output, JSON text.
    pub output: Option<String>,
    /// The error name of an execution that did not succeed.
    pub error: Option<String>,
    /// The cause of that error.
    pub cause: Option<String>,
    /// How often the execution was redriven.
    #[serde(default)]
    pub redrive_count: u32,
    /// Whether the execution ended without success and its history has room for a redrive.
    #[serde(default)]
    pub redrivable: bool,
}

/// Which child of which map run an execution is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildOf {
    /// The map run.
    pub map_run: MapRunArn,
    /// Zero-based position of this child in its map run.
    pub position: u64,
    /// Number of items in the input of this child.
    pub items: u64,
    /// Number of the redrive in which this child was last started; 0 before the first redrive.
    pub attempt: u32,
}

/// Which executions a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// Whose executions.
    pub of: ExecutionsOf,
    /// Those of one status, or all.
    pub status: Option<ExecutionStatus>,
}

/// Whose executions a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExecutionsOf {
    /// Every state machine's; children of map runs are left out.
    #[default]
    StateMachines,
    /// Those of the state machine with this name; children of map runs are left out.
    StateMachine(String),
    /// Children of this map run.
    MapRun(MapRunArn),
}

impl ExecutionFilter {
    /// All children of a map run.
    pub fn children_of(map_run: &MapRunArn) -> Self {
        Self {
            of: ExecutionsOf::MapRun(map_run.clone()),
            status: None,
        }
    }

    /// The same executions, of one status.
    #[must_use]
    pub fn with_status(self, status: ExecutionStatus) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Whether the list holds this execution.
    pub fn matches(&self, row: &ExecutionRow) -> bool {
        let of = match (&self.of, &row.child_of) {
            (ExecutionsOf::StateMachines, child_of) => child_of.is_none(),
            (ExecutionsOf::StateMachine(name), None) => row.state_machine == *name,
            (ExecutionsOf::MapRun(map_run), Some(child_of)) => child_of.map_run == *map_run,
            (ExecutionsOf::StateMachine(_), Some(_)) | (ExecutionsOf::MapRun(_), None) => false,
        };
        of && self.status.is_none_or(|status| row.status == status)
    }
}

/// One entry of an execution's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// 0, 1, 2, … without a gap.
    pub sequence: u64,
    /// JSON text; only the engine reads it.
    pub record: String,
}

/// Executions and their journals.
///
/// What a method has written when it returns survives the death of the process.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Creates an execution. [`crate::ErrorKind::Conflict`] when there is one with this ARN.
    async fn create(&self, row: ExecutionRow) -> Result<()>;

    /// Adds all of the records, or none. [`crate::ErrorKind::Conflict`] when a sequence number is taken or leaves a gap.
    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> Result<()>;

    /// Reads at most `limit` records from `sequence` on, in order.
    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> Result<Vec<JournalRecord>>;

    /// Replaces the row of an execution. [`crate::ErrorKind::NotFound`] when there is none.
    async fn update(&self, row: ExecutionRow) -> Result<()>;

    /// One execution. [`crate::ErrorKind::NotFound`] when there is none.
    async fn execution(&self, execution: &ExecutionArn) -> Result<ExecutionRow>;

    /// A page of at most `limit` executions that the filter lets through, the newest first, from the cursor on.
    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ExecutionRow>>;
}
