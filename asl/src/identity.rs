//! Who an execution is: what its context object and its history say about it.

use crate::{Text, Timestamp};
use serde::{Deserialize, Serialize};

/// How an execution runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionType {
    /// Exactly once, with a history, up to a year.
    #[default]
    Standard,
    /// At least once, up to five minutes.
    Express,
}

/// Who an execution is: what its context object and history say about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `arn:aws:states:R:A:execution:<machine>:<name>`.
    pub execution_arn: Text,
    /// The execution's name.
    pub name: Text,
    /// The role's ARN.
    pub role_arn: Text,
    /// When it was started.
    pub start_time: Timestamp,
    /// The machine's ARN; for a child `…:stateMachine:<machine>/<label>`.
    pub state_machine_arn: Text,
    /// The machine's name; for a child `<machine>/<label>`.
    pub state_machine_name: Text,
    /// Standard or Express: an Express history has no limit of its own.
    pub execution_type: ExecutionType,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// Whether the caller waits for the answer (`StartSyncExecution`): the context object then has no `RedriveCount`.
    #[serde(default)]
    pub synchronous: bool,
    /// When it was last redriven.
    pub redrive_time: Option<Timestamp>,
    /// The map run it is a child of.
    pub map_run_arn: Option<Text>,
    /// Task tokens are this with the task's number; make it hard to guess.
    pub token_prefix: Text,
}

impl Identity {
    /// An identity for examples and tests: execution `e` of machine `m`, started at the epoch.
    ///
    /// ```
    /// use asl::{ExecutionType, Identity};
    ///
    /// let identity = Identity::example(ExecutionType::Express);
    /// assert_eq!(&*identity.execution_arn, "arn:aws:states:us-east-1:000000000000:execution:m:e");
    /// ```
    pub fn example(execution_type: ExecutionType) -> Self {
        Self {
            execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
            name: "e".into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            start_time: Timestamp::from_millis(0),
            state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
            state_machine_name: "m".into(),
            execution_type,
            redrive_count: 0,
            synchronous: false,
            redrive_time: None,
            map_run_arn: None,
            token_prefix: "t".into(),
        }
    }
}
