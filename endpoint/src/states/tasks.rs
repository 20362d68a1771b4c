//! Task tokens and the work of activities: success, failure, heartbeat, and the poll of a worker.

use engine::{Error, InvalidRequest};
use serde::{Deserialize, Serialize};

use super::activities::{self, find};
use crate::App;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Success {
    task_token: String,
    output: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heartbeat {
    task_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Poll {
    #[serde(flatten)]
    activity: activities::Named,
    worker_name: Option<String>,
}

/// Work, or nothing when none came in time.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// `SendTaskSuccess`.
pub(crate) async fn succeed(app: &App, request: Success) -> Result<super::Empty, ApiError> {
    let answered = app
        .parts
        .engine
        .send_task_success(&request.task_token, request.output)
        .await;
    answered.map_err(|error| refused(error, &request.task_token))?;
    Ok(super::Empty {})
}

/// `SendTaskFailure`.
pub(crate) async fn fail(app: &App, request: Failure) -> Result<super::Empty, ApiError> {
    let (error, cause) = (request.error, request.cause);
    let answered = app
        .parts
        .engine
        .send_task_failure(&request.task_token, error, cause)
        .await;
    answered.map_err(|error| refused(error, &request.task_token))?;
    Ok(super::Empty {})
}

/// `SendTaskHeartbeat`.
pub(crate) async fn heartbeat(app: &App, request: Heartbeat) -> Result<super::Empty, ApiError> {
    let answered = app.parts.engine.send_task_heartbeat(&request.task_token).await;
    answered.map_err(|error| refused(error, &request.task_token))?;
    Ok(super::Empty {})
}

/// `GetActivityTask`: a worker waits a minute for work, or until the endpoint shuts down.
pub(crate) async fn poll(app: &App, request: Poll) -> Result<Task, ApiError> {
    let row = find(app, &request.activity.arn()?).await?;
    let task = tokio::select! {
        task = app.parts.engine.activity_task(&row.arn.0, request.worker_name.as_deref()) => task.map_err(ApiError::from)?,
        () = app.draining.requested() => None,
    };
    Ok(task.map_or_else(Task::default, |task| Task {
        task_token: Some(task.token),
        input: Some(task.input),
    }))
}

fn refused(error: Error, token: &str) -> ApiError {
    if matches!(error, Error::Request(InvalidRequest::Token)) && is_ours(token) {
        return ApiError::task_timed_out();
    }
    error.into()
}

/// Whether a token has the form of those that are given out: `32 hexadecimal digits-number`.
fn is_ours(token: &str) -> bool {
    let Some((prefix, number)) = token.split_once('-') else {
        return false;
    };
    let hexadecimal = prefix.len() == 32 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
