//! Tasks: calls of Lambda functions and of services.

use std::fmt;

use async_trait::async_trait;

use crate::{Target, Timestamp};

/// One call of a task.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function or the service's action that is called.
    pub target: Target,
    /// The input of the function, or the parameters of the action: JSON text.
    pub input: String,
    /// The moment at which the caller stops waiting.
    pub deadline: Timestamp,
}

/// Why a task failed, in the words that `Retry` and `Catch` match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// The error name, such as `Lambda.Unknown`, `States.Timeout` or a function's own.
    pub error: String,
    /// A text for people, or the JSON that Lambda makes of an exception.
    pub cause: String,
}

impl TaskFailure {
    /// An error under its stable name. The cause is the error's text with those of all its sources, joined by `: `.
    pub fn from_error(name: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let texts = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
        Self {
            error: name.into(),
            cause: texts.collect::<Vec<_>>().join(": "),
        }
    }
}

/// Runs tasks.
///
/// A task may run again after a crash: the engine calls every task again that has no recorded result.
///
/// ```
/// use ports::{FunctionArn, Invocation, TaskInvoker as _, Timestamp, memory};
///
/// # futures::executor::block_on(async {
/// let echo = FunctionArn::from("arn:aws:lambda:us-east-1:000000000000:function:echo");
/// let tasks = memory::TaskInvoker::default().with(echo.clone(), |call| async move { Ok(call.input) });
/// let invocation = Invocation {
///     target: echo.into(),
///     input: "{}".to_owned(),
///     deadline: Timestamp::from_millis(1_795_307_629_120),
/// };
/// assert_eq!(tasks.invoke(invocation).await.as_deref(), Ok("{}"));
/// # });
/// ```
#[async_trait]
pub trait TaskInvoker: Send + Sync + fmt::Debug {
    /// Runs the task to its end and returns its result as JSON text.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the task; what the task had done by then stays done.
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure>;
}
