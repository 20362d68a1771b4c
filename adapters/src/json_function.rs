//! A stage's typed function over JSON text: the same on Lambda and in this process.

use ports::TaskFailure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The error name of an event that the function's type cannot hold.
const MALFORMED_EVENT: &str = "Gantry.MalformedEvent";
/// The error name of an answer that is not JSON.
const INTERNAL: &str = "Gantry.Internal";

/// Decodes the event, calls the function and encodes its answer.
pub(crate) async fn call<E, R, X, W>(input: &str, function: impl FnOnce(E) -> W + Send) -> Result<String, TaskFailure>
where
    E: DeserializeOwned + Send,
    R: Serialize + Send,
    X: Into<TaskFailure> + Send,
    W: Future<Output = Result<R, X>> + Send,
{
    let event = serde_json::from_str(input).map_err(|error| TaskFailure {
        error: MALFORMED_EVENT.to_owned(),
        cause: format!("the event cannot be understood: {error}"),
    })?;
    let answer = function(event).await.map_err(Into::into)?;
    serde_json::to_string(&answer).map_err(|error| TaskFailure::from_error(INTERNAL, &error))
}
