//! Map runs: describe, list, update.

use engine::{Error, InvalidRequest, MapRunChange};
use ports::{Cursor, MapRunArn, Page, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::executions::read;
use crate::App;
use crate::arn::Arn;
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    map_run_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListRequest {
    execution_arn: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    map_runs: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    map_run_arn: String,
    max_concurrency: Option<u64>,
    tolerated_failure_percentage: Option<f64>,
    tolerated_failure_count: Option<u64>,
}

/// `DescribeMapRun`.
pub(crate) async fn describe(app: &App, request: Named) -> Result<Value, ApiError> {
    let arn = parse(&request.map_run_arn)?;
    let described = app.parts.engine.describe_map_run(&arn).await;
    with_dates(&described.map_err(|error| refused(error, &arn))?)
}

/// `ListMapRuns`.
pub(crate) async fn list(app: &App, request: ListRequest) -> Result<List, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    let limit = request.paging.limit();
    let before = request.paging.after()?.map_or(0, Cursor::ordinal);
    let skip = usize::try_from(before).unwrap_or(usize::MAX);
    let found = app
        .parts
        .engine
        .list_map_runs(&row.arn, skip, limit + 1)
        .await
        .map_err(ApiError::from)?;
    let numbered = found.iter().zip(before + 1..).map(|(entry, ordinal)| (ordinal, entry));
    let listed = Page::from_newest(numbered, limit);
    Ok(List {
        map_runs: listed.items.into_iter().map(with_dates).collect::<Result<_, _>>()?,
        next_token: page::token(listed.next),
    })
}

/// `UpdateMapRun`.
pub(crate) async fn update(app: &App, request: Update) -> Result<super::Empty, ApiError> {
    let arn = parse(&request.map_run_arn)?;
    let change = MapRunChange {
        max_concurrency: request.max_concurrency,
        tolerated_failure_count: request.tolerated_failure_count,
        tolerated_failure_percentage: request.tolerated_failure_percentage,
    };
    let updated = app.parts.engine.update_map_run(&arn, change).await;
    updated.map_err(|error| refused(error, &arn))?;
    Ok(super::Empty {})
}

fn parse(arn: &str) -> Result<MapRunArn, ApiError> {
    Arn::of_kind(arn, &["mapRun"]).map(|arn| MapRunArn(arn.text.to_owned()))
}

fn refused(error: Error, arn: &MapRunArn) -> ApiError {
    if matches!(error, Error::Request(InvalidRequest::MapRun)) {
        return ApiError::no_resource(arn);
    }
    error.into()
}

/// The engine writes moments as texts, the API as numbers.
fn with_dates(described: &impl Serialize) -> Result<Value, ApiError> {
    let fault = |error| ApiError::Internal(format!("failed to write a map run: {error}"));
    let mut shown = serde_json::to_value(described).map_err(fault)?;
    for name in ["startDate", "stopDate", "redriveDate"] {
        let Some(date) = shown.get_mut(name) else { continue };
        if let Some(moment) = date.as_str().and_then(Timestamp::from_rfc3339) {
            *date = serde_json::to_value(Date(moment)).map_err(fault)?;
        }
    }
    Ok(shown)
}
