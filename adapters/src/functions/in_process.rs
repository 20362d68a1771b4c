//! A Lambda function that is a Rust function of this process.

use std::fmt;

use async_trait::async_trait;
use futures::future::BoxFuture;
use ports::{TaskFailure, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Function;
use crate::{json_function, lambda};

type Call = dyn Fn(String, Timestamp) -> BoxFuture<'static, Result<String, TaskFailure>> + Send + Sync;

/// A Rust function behind the conversion that [`crate::lambda::serve`] does on Lambda: answers and causes are the same
/// texts.
pub struct InProcess {
    call: Box<Call>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl InProcess {
    /// The function is called with the event and the deadline.
    pub fn new<E, R, X, F, W>(handle: F) -> Self
    where
        E: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        X: Into<TaskFailure> + Send + 'static,
        F: Fn(E, Timestamp) -> W + Send + Sync + 'static,
        W: Future<Output = Result<R, X>> + Send + 'static,
    {
        let handle = std::sync::Arc::new(handle);
        let call = move |event: String, deadline| -> BoxFuture<'static, _> {
            let handle = std::sync::Arc::clone(&handle);
            Box::pin(async move {
                let response = json_function::call(&event, |event| handle(event, deadline)).await;
                response.map_err(as_lambda_tells_it)
            })
        };
        Self { call: Box::new(call) }
    }
}

#[async_trait]
impl Function for InProcess {
    async fn invoke(&self, event: String, deadline: Timestamp) -> Result<String, TaskFailure> {
        (self.call)(event, deadline).await
    }
}

/// The cause becomes the payload that Lambda answers with.
fn as_lambda_tells_it(failure: TaskFailure) -> TaskFailure {
    let (error, fallback) = (failure.error.clone(), failure.cause.clone());
    let payload = serde_json::to_string(&lambda::diagnostic(failure));
    TaskFailure {
        error,
        cause: payload.unwrap_or(fallback),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_reads_as_lambda_tells_it() {
        let fail =
            InProcess::new(
                |(error, cause): (String, String), _| async move { Err::<(), _>(TaskFailure { error, cause }) },
            );
        let invoke = async |event: &str| fail.invoke(event.to_owned(), Timestamp::from_millis(1)).await;
        let expected = TaskFailure {
            error: "Gantry.X".to_owned(),
            cause: r#"{"errorType":"Gantry.X","errorMessage":"why"}"#.to_owned(),
        };
        assert_eq!(invoke(r#"["Gantry.X","why"]"#).await, Err(expected));
        assert_eq!(invoke("{}").await.unwrap_err().error, "Gantry.MalformedEvent");
    }
}
