//! `aws-sdk:sfn:sendTask…`: executions that answer the tokens of others.

use std::sync::Arc;

use asl::{Integration, TaskRequest, Value};
use ports::TaskFailure;
use serde::Deserialize;

use super::request::parameters;
use crate::context::Context;
use crate::error::InvalidRequest;
use crate::{Error, callbacks};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Arguments {
    task_token: String,
    output: Option<Value>,
    error: Option<String>,
    cause: Option<String>,
}

/// Whether it answers a token.
pub(super) fn is_answer(integration: &Integration) -> bool {
    &*integration.service == "aws-sdk:sfn"
        && matches!(
            &*integration.action,
            "sendTaskSuccess" | "sendTaskFailure" | "sendTaskHeartbeat"
        )
}

pub(super) async fn answer(
    context: &Arc<Context>,
    request: &TaskRequest,
    integration: &Integration,
) -> Result<String, TaskFailure> {
    let arguments: Arguments = parameters(request, &integration.action)?;
    let token = arguments.task_token.as_str();
    let answered = match &*integration.action {
        "sendTaskSuccess" => callbacks::succeed(context, token, text(arguments.output)).await,
        "sendTaskFailure" => callbacks::fail(context, token, arguments.error, arguments.cause).await,
        _ => callbacks::heartbeat(context, token).await,
    };
    match answered {
        Ok(()) => Ok("{}".to_owned()),
        Err(error) => Err(refused(integration, &error)),
    }
}

/// `Output` is JSON text, as the API has it; what is not text is meant as JSON.
fn text(output: Option<Value>) -> String {
    match output {
        Some(Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    }
}

fn refused(integration: &Integration, error: &Error) -> TaskFailure {
    let (code, message) = match error_of(error) {
        InvalidRequest::Output => ("InvalidOutput", "Invalid Output"),
        InvalidRequest::TimedOut => ("TaskTimedOut", "Task Timed Out"),
        InvalidRequest::Token
        | InvalidRequest::Activity
        | InvalidRequest::Execution
        | InvalidRequest::MapRun
        | InvalidRequest::MapRunOver
        | InvalidRequest::Percentage => ("InvalidToken", "Invalid Token: 'Invalid token'"),
    };
    TaskFailure {
        error: integration.error_name(code),
        cause: format!("{message} (Service: Sfn, Status Code: 400)"),
    }
}

/// Answers fail in no other way than these.
const fn error_of(error: &Error) -> InvalidRequest {
    if let Error::Request(invalid) = error {
        *invalid
    } else {
        InvalidRequest::Token
    }
}
