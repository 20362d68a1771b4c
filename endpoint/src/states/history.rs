//! `GetExecutionHistory`.

use asl::HistoryEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::executions::read;
use crate::App;
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

/// Members of an event's details that hold data of the execution.
const DATA: [&str; 4] = ["input", "output", "parameters", "assignedVariables"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    execution_arn: String,
    #[serde(default)]
    reverse_order: bool,
    #[serde(default = "yes")]
    include_execution_data: bool,
    #[serde(flatten)]
    paging: Paging,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    events: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The events of an execution so far, in order or the newest first.
pub(crate) async fn history(app: &App, request: Request) -> Result<Response, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    let mut events = app.parts.engine.history(&row.arn).await.map_err(ApiError::from)?;
    if request.reverse_order {
        events.reverse();
    }
    let listed = request.paging.of_all(events)?;
    let shown = listed
        .items
        .iter()
        .map(|event| shown(event, request.include_execution_data));
    Ok(Response {
        events: shown.collect::<Result<_, _>>()?,
        next_token: page::token(listed.next),
    })
}

fn shown(event: &HistoryEvent, with_data: bool) -> Result<Value, ApiError> {
    let fault = |error| ApiError::Internal(format!("failed to write an event: {error}"));
    let mut shown = serde_json::to_value(event).map_err(fault)?;
    let moment = Date(ports::Timestamp::from_millis(event.timestamp.as_millis()));
    if let Value::Object(members) = &mut shown {
        members.insert("timestamp".to_owned(), serde_json::to_value(moment).map_err(fault)?);
        if !with_data {
            members
                .values_mut()
                .filter_map(Value::as_object_mut)
                .for_each(remove_data);
        }
    }
    Ok(shown)
}

fn remove_data(details: &mut Map<String, Value>) {
    details.retain(|name, _| !DATA.contains(&name.as_str()));
}
