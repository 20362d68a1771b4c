//! Lambda functions that are not called through AWS: in this process, as child processes, or at another endpoint.
//!
//! [`InProcess`] calls a Rust function, [`Process`] runs a program under the Lambda Runtime API, [`Remote`] asks a
//! server that speaks Lambda's `Invoke`. All three answer the same texts for the same function, so a state machine
//! cannot tell them apart. [`Functions`] finds them by ARN or name.

mod in_process;
mod process;
mod remote;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{FunctionArn, TaskFailure, Timestamp};

pub use in_process::InProcess;
pub use process::{LogLine, LogSink, Process, ProcessSettings};
pub use remote::Remote;

/// A Lambda function.
#[async_trait]
pub trait Function: Send + Sync + fmt::Debug {
    /// Calls the function with an event (JSON text) and returns its response (JSON text).
    ///
    /// # Errors
    /// The function's error name, and as cause the payload that Lambda answers with: `{"errorType":…,"errorMessage":…}`.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the call; what the function had done by then stays done.
    async fn invoke(&self, event: String, deadline: Timestamp) -> Result<String, TaskFailure>;
}

/// Functions by their ARNs.
///
/// ```
/// # use adapters::functions::{Functions, InProcess};
/// # use ports::{FunctionArn, TaskFailure};
/// let functions = Functions::default().with(
///     "arn:aws:lambda:us-east-1:000000000000:function:double",
///     InProcess::new(|n: u64, _deadline| async move { Ok::<_, TaskFailure>(n * 2) }),
/// );
/// assert!(functions.find(&FunctionArn::from("double")).is_ok());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Functions {
    by_arn: BTreeMap<FunctionArn, Arc<dyn Function>>,
}

impl Functions {
    /// Adds a function under its ARN, which names neither version nor alias.
    #[must_use]
    pub fn with(mut self, arn: impl Into<FunctionArn>, function: impl Function + 'static) -> Self {
        self.by_arn.insert(arn.into(), Arc::new(function));
        self
    }

    /// The function with this ARN, whatever version or alias it names, or with this name.
    ///
    /// # Errors
    /// `Lambda.ResourceNotFoundException` where there is no such function.
    pub fn find(&self, arn: &FunctionArn) -> Result<&Arc<dyn Function>, TaskFailure> {
        let by_name = || {
            let mut functions = self.by_arn.iter();
            let found = functions.find(|(one, _)| one.name() == arn.as_str());
            found.map(|(_, function)| function)
        };
        let found = self.by_arn.get(&arn.unqualified()).or_else(by_name);
        found.ok_or_else(|| TaskFailure {
            error: "Lambda.ResourceNotFoundException".to_owned(),
            cause: format!("Function not found: {arn}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

    #[tokio::test]
    async fn functions_are_found_by_arn_version_and_name() {
        let echo = InProcess::new(|event: serde_json::Value, _| async move { Ok::<_, TaskFailure>(event) });
        let functions = Functions::default().with(format!("{ARN}:echo"), echo);
        for name in [format!("{ARN}:echo"), format!("{ARN}:echo:$LATEST"), "echo".to_owned()] {
            let function = functions.find(&name.as_str().into()).unwrap();
            let answer = function.invoke("{\"a\":1}".to_owned(), Timestamp::from_millis(1)).await;
            assert_eq!(answer.as_deref(), Ok("{\"a\":1}"), "{name}");
        }
        let missing = functions.find(&format!("{ARN}:none").as_str().into()).unwrap_err();
        assert_eq!(missing.error, "Lambda.ResourceNotFoundException");
    }
}
