//! The names of errors that `Retry` and `Catch` match on, and the failure that carries one.
//!
//! The names are API: AWS gave them. Where their texts come from is the business of whoever fails.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Any error at all.
pub const ALL: &str = "States.ALL";
/// Any error of a task except a time-out.
pub const TASK_FAILED: &str = "States.TaskFailed";
/// A task or an execution ran longer than allowed.
pub const TIMEOUT: &str = "States.Timeout";
/// A task did not send a heartbeat in time.
pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// The role may not do what the state asks for.
pub const PERMISSIONS: &str = "States.Permissions";
/// A `ResultPath` cannot be applied to the input.
pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
/// A field of a payload template names what is not there.
pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
/// A branch of a Parallel state failed.
pub const BRANCH_FAILED: &str = "States.BranchFailed";
/// No rule of a Choice matched and it has no Default.
pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
/// An intrinsic function failed.
pub const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
/// More items failed than the map tolerates.
pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
/// The item reader could not read.
pub const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";
/// The result writer could not write.
pub const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";
/// The execution cannot go on, for a reason that no `Catch` on `States.ALL` sees.
pub const RUNTIME: &str = "States.Runtime";
/// A payload is larger than a state may carry.
pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
/// A `JSONata` expression failed.
pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";

/// Why a state failed: what a `Retry` or `Catch` sees.
///
/// `{"error":"States.Timeout"}` has no cause; a Fail state may leave out both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateError {
    /// The error name, e.g. `States.Timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
    /// A text for people, or for Lambda functions the JSON that they failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Arc<str>>,
}

impl StateError {
    /// A failure with both parts.
    pub fn new(error: &str, cause: impl Into<Arc<str>>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(cause.into()),
        }
    }

    /// A failure without a cause.
    pub fn named(error: &str) -> Self {
        Self {
            error: Some(error.into()),
            cause: None,
        }
    }
}
