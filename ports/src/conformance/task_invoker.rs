//! What a task invoker promises.

use std::time::Duration;

use crate::{Clock, FunctionArn, Invocation, Result, TaskFailure, TaskInvoker};

/// The functions that the checks invoke; the caller registers them.
#[derive(Debug, Clone)]
pub struct Functions {
    /// Answers its input.
    pub echo: FunctionArn,
    /// Fails with its input, a JSON object of `error` and `cause`.
    pub fail: FunctionArn,
    /// Does not exist.
    pub missing: FunctionArn,
}

/// Every check.
pub async fn all(tasks: &dyn TaskInvoker, clock: &dyn Clock, functions: &Functions) -> Result<()> {
    let invoke = async |arn: &FunctionArn, input: &str| -> Result<String, TaskFailure> {
        let invocation = Invocation {
            target: arn.clone().into(),
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
    let answer = invoke(
        &functions.fail,
        r#"{"error":"Gantry.Example","cause":"it was asked to"}"#,
    )
    .await;
    let failure = answer.err();
    let error = failure.as_ref().map(|failure| failure.error.as_str());
    assert_eq!(error, Some("Gantry.Example"), "the error is the function's");
    assert!(
        failure.is_some_and(|failure| failure.cause.contains("it was asked to")),
        "so is the cause"
    );
    let missing = invoke(&functions.missing, "{}").await;
    let error = missing.err().map(|failure| failure.error);
    assert_eq!(error.as_deref(), Some("Lambda.ResourceNotFoundException"));
    Ok(())
}
