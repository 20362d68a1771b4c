//! Running a task: a Lambda function or a service's action.

use std::fmt;

use async_trait::async_trait;

use crate::{Target, Timestamp};

/// One call of a task.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function or the service's action that is called.
    pub target: Target,
    /// JSON text.
    pub input: String,
    /// Work that is not done by then will not be waited for.
    pub deadline: Timestamp,
}

/// Why a task failed, in the words that `Retry` and `Catch` match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// Such as `Lambda.Unknown`, `States.Timeout` or a function's own error name.
    pub error: String,
    /// Text for a person, or the JSON that Lambda makes of an exception.
    pub cause: String,
}

impl TaskFailure {
    /// An error under its stable name; the cause is its text with all its sources, joined by `: `.
    pub fn of(name: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let texts = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
        Self {
            error: name.into(),
            cause: texts.collect::<Vec<_>>().join(": "),
        }
    }
}

/// Runs tasks.
///
/// A task may run again after a crash: the engine asks again for whatever has no recorded result.
#[async_trait]
pub trait TaskInvoker: Send + Sync + fmt::Debug {
    /// Runs the task to its end and returns its result as JSON text.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the task; what it had done by then stays done.
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure>;
}
