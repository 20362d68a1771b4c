//! What a task invoker promises.

use std::time::Duration;

use crate::{Clock, Invocation, Result, TaskFailure, TaskInvoker};

/// The functions that the checks invoke; whoever runs them registers these.
#[derive(Debug, Clone)]
pub struct Functions {
    /// Answers its input.
    pub echo: String,
    /// Fails with its input, a JSON object of `error` and `cause`.
    pub fail: String,
    /// Is not there.
    pub missing: String,
}

/// Every check.
pub async fn all(tasks: &dyn TaskInvoker, clock: &dyn Clock, functions: &Functions) -> Result<()> {
    let invoke = async |resource: &str, input: &str| -> Result<String, TaskFailure> {
        let invocation = Invocation {
            resource: resource.to_owned(),
            input: input.to_owned(),
            deadline: clock.now().plus(Duration::from_mins(1)),
        };
        tasks.invoke(invocation).await
    };
    let input = r#"{"text":"ünïcødé","nested":[1,null,{"a":"b"}]}"#;
    assert_eq!(
        invoke(&functions.echo, input).await,
        Ok(input.to_owned()),
        "the output is the function's"
    );
    let failure = TaskFailure {
        error: "Gantry.Example".to_owned(),
        cause: "it was asked to".to_owned(),
    };
    let answer = invoke(
        &functions.fail,
        r#"{"error":"Gantry.Example","cause":"it was asked to"}"#,
    )
    .await;
    assert_eq!(answer, Err(failure), "the failure is the function's");
    let missing = invoke(&functions.missing, "{}").await;
    let error = missing.err().map(|failure| failure.error);
    assert_eq!(error.as_deref(), Some("Lambda.ResourceNotFoundException"));
    Ok(())
}
