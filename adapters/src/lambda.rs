//! A stage as a Lambda function.
//!
//! A stage's `main.rs` has no branch: configuration, ports, [`serve`].
//!
//! ```no_run
//! # use ports::{TaskFailure, Timestamp};
//! # #[derive(serde::Deserialize)] struct Event;
//! # #[derive(serde::Serialize)] struct Response;
//! # struct Ports { store: std::sync::Arc<dyn ports::ObjectStore> }
//! # struct Config;
//! # impl Config {
//! #     fn from_lookup(_: impl Fn(&str) -> Option<String>) -> Result<Self, std::io::Error> { Ok(Self) }
//! # }
//! # async fn handle(_: Event, _: &Ports, _: &Config, _: Timestamp) -> Result<Response, TaskFailure> { Ok(Response) }
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::from_lookup(adapters::env::lookup)?;
//!     let aws = adapters::aws::connect().await;
//!     let ports = Ports { store: aws.store };
//!     adapters::lambda::serve(|event: Event, deadline| handle(event, &ports, &config, deadline)).await?;
//!     Ok(())
//! }
//! ```
//!
//! The stage's error becomes a [`TaskFailure`] by `impl From<Error> for TaskFailure`, for which
//! [`TaskFailure::from_error`] gives name and text. Its name is Lambda's `errorType`, which `Retry` and `Catch` match.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use ports::{TaskFailure, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::json_function;

/// Why the runtime has ended.
#[derive(Debug, thiserror::Error)]
#[error("failed to serve invocations")]
pub struct Error(#[source] lambda_runtime::Error);

/// Answers invocations until the process is stopped.
///
/// The function gets the event and the moment at which Lambda will stop it. An event that its type cannot hold is
/// answered with the error `Gantry.MalformedEvent`, without a call.
///
/// # Errors
/// When the runtime API cannot be reached or does not follow its protocol.
///
/// # Panics
/// Where Lambda's own variables (`AWS_LAMBDA_FUNCTION_NAME` and its like) are not set.
pub async fn serve<E, R, X, F, W>(function: F) -> Result<(), Error>
where
    E: DeserializeOwned + Send,
    R: Serialize + Send,
    X: Into<TaskFailure> + Send,
    F: Fn(E, Timestamp) -> W + Send + Sync,
    W: Future<Output = Result<R, X>> + Send,
{
    let answer = async |event: LambdaEvent<serde_json::Value>| -> Result<Box<RawValue>, Diagnostic> {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let deadline = Timestamp::from_millis(deadline);
        let input = event.payload.to_string();
        let output = json_function::call(&input, |event| function(event, deadline)).await;
        let output = output.and_then(|output| {
            RawValue::from_string(output).map_err(|error| TaskFailure::from_error("Gantry.Internal", &error))
        });
        output.map_err(diagnostic)
    };
    lambda_runtime::run(service_fn(answer)).await.map_err(Error)
}

/// What Lambda tells Step Functions of a failure.
pub(crate) fn diagnostic(failure: TaskFailure) -> Diagnostic {
    Diagnostic {
        error_type: failure.error,
        error_message: failure.cause,
    }
}
