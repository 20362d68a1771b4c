//! Executions: describe, list, stop, redrive.

use engine::Error;
use ports::{
    ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, ExecutionStatus, ExecutionsOf, MapRunArn, StateMachineType,
};
use serde::{Deserialize, Serialize};

use super::describe::IncludedData;
use super::origin::Origin;
use super::state_machines::find;
use crate::App;
use crate::arn::{Arn, MachineArn};
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

/// What `ListExecutions` says when it is not asked for exactly one owner.
const ONE_OWNER: &str = "Must provide a State Machine ARN or Map Run ARN.";

/// Whether a payload is in the answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Included {
    pub(crate) included: bool,
}

impl Included {
    pub(crate) fn new(asked: IncludedData) -> Self {
        Self {
            included: asked == IncludedData::AllData,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Describe {
    execution_arn: String,
    #[serde(default)]
    included_data: IncludedData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    #[serde(flatten)]
    listed: Listed,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_header: Option<String>,
    redrive_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_status_reason: Option<String>,
}

/// What lists and descriptions of an execution share.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    execution_arn: ExecutionArn,
    state_machine_arn: String,
    name: String,
    status: ExecutionStatus,
    start_date: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map_run_arn: Option<MapRunArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<String>,
    redrive_count: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListRequest {
    state_machine_arn: Option<String>,
    map_run_arn: Option<String>,
    status_filter: Option<StatusFilter>,
    redrive_filter: Option<RedriveFilter>,
    #[serde(flatten)]
    paging: Paging,
}

/// A status in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StatusFilter {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
    PendingRedrive,
}

impl StatusFilter {
    /// `None` for a status that no execution's row has.
    const fn status(self) -> Option<ExecutionStatus> {
        match self {
            Self::Running => Some(ExecutionStatus::Running),
            Self::Succeeded => Some(ExecutionStatus::Succeeded),
            Self::Failed => Some(ExecutionStatus::Failed),
            Self::TimedOut => Some(ExecutionStatus::TimedOut),
            Self::Aborted => Some(ExecutionStatus::Aborted),
            Self::PendingRedrive => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RedriveFilter {
    Redriven,
    NotRedriven,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    executions: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stop {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stopped {
    stop_date: Date,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redrive {
    execution_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redriven {
    redrive_date: Date,
}

/// `DescribeExecution`.
pub(crate) async fn describe(app: &App, request: Describe) -> Result<Described, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    let included = Included::new(request.included_data);
    let (redrive_status, redrive_status_reason) = redrive_status(&row);
    let origin = Origin::read(&row);
    let mut listed = shown(app, &row, &origin);
    // Lists alone tell it.
    listed.item_count = None;
    Ok(Described {
        listed,
        input: included.included.then_some(row.input),
        input_details: included,
        output_details: row.output.as_ref().map(|_output| included),
        output: row.output.filter(|_| included.included),
        error: row.error,
        cause: row.cause,
        trace_header: origin.trace_header,
        redrive_status,
        redrive_status_reason,
    })
}

fn redrive_status(row: &ExecutionRow) -> (&'static str, Option<String>) {
    let not = |reason: String| ("NOT_REDRIVABLE", Some(reason));
    match row.status {
        ExecutionStatus::Running => not("Execution is RUNNING and cannot be redriven".to_owned()),
        ExecutionStatus::Succeeded => not("Execution is SUCCEEDED and cannot be redriven".to_owned()),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            if row.child_of.is_some() {
                return ("REDRIVABLE_BY_MAP_RUN", None);
            }
            if row.redrivable {
                return ("REDRIVABLE", None);
            }
            not("Execution history event limit exceeded".to_owned())
        }
    }
}

fn shown(app: &App, row: &ExecutionRow, origin: &Origin) -> Listed {
    Listed {
        execution_arn: row.arn.clone(),
        state_machine_arn: state_machine_arn(app, row),
        name: row.name.clone(),
        status: row.status,
        start_date: Date(row.started),
        stop_date: row.stopped.map(Date),
        map_run_arn: row.child_of.as_ref().map(|child_of| child_of.map_run.clone()),
        item_count: row.child_of.as_ref().map(|child_of| child_of.items),
        state_machine_version_arn: origin.version_arn.clone(),
        state_machine_alias_arn: origin.alias_arn.clone(),
        redrive_count: row.redrive_count,
    }
}

/// The machine that an execution runs; of a map run's child `…:stateMachine:Machine/Label`.
pub(crate) fn state_machine_arn(app: &App, row: &ExecutionRow) -> String {
    let Some(child_of) = &row.child_of else {
        return app.settings.arn("stateMachine", &row.state_machine);
    };
    let machine = child_of.map_run.0.replacen(":mapRun:", ":stateMachine:", 1);
    machine
        .rsplit_once(':')
        .map_or(machine.clone(), |(machine, _run)| machine.to_owned())
}

/// `ListExecutions`.
pub(crate) async fn list(app: &App, request: ListRequest) -> Result<List, ApiError> {
    let (of, qualified) = owner(app, &request).await?;
    let limit = request.paging.limit();
    let mut after = request.paging.after()?;
    let mut executions = Vec::new();
    let Some(status) = request
        .status_filter
        .map_or(Some(None), |asked| asked.status().map(Some))
    else {
        let next_token = None;
        return Ok(List { executions, next_token });
    };
    let filter = ExecutionFilter { of, status };
    loop {
        let page = app
            .parts
            .journal
            .executions(&filter, after, limit - executions.len())
            .await?;
        for row in page.items {
            let origin = Origin::read(&row);
            let is_redriven = row.redrive_count > 0;
            let fits = request
                .redrive_filter
                .is_none_or(|wanted| (wanted == RedriveFilter::Redriven) == is_redriven);
            if fits && qualified.as_deref().is_none_or(|arn| is_of(&origin, arn)) {
                executions.push(shown(app, &row, &origin));
            }
        }
        after = page.next;
        if after.is_none() || executions.len() >= limit {
            break;
        }
    }
    Ok(List {
        executions,
        next_token: page::token(after),
    })
}

fn is_of(origin: &Origin, qualified: &str) -> bool {
    origin.version_arn.as_deref() == Some(qualified) || origin.alias_arn.as_deref() == Some(qualified)
}

/// Whose executions are listed, and the version or alias that they were started through.
async fn owner(app: &App, request: &ListRequest) -> Result<(ExecutionsOf, Option<String>), ApiError> {
    match (&request.state_machine_arn, &request.map_run_arn) {
        (Some(text), None) => {
            let arn = MachineArn::parse(text)?;
            let row = find(app, &arn.machine).await?;
            if row.kind == StateMachineType::Express {
                return Err(ApiError::type_not_supported());
            }
            let qualified = arn.qualifier.map(|_qualifier| text.clone());
            Ok((ExecutionsOf::StateMachine(row.name), qualified))
        }
        (None, Some(text)) => {
            let arn = Arn::of_kind(text, &["mapRun"])?;
            Ok((ExecutionsOf::MapRun(MapRunArn(arn.text.to_owned())), None))
        }
        (None, None) | (Some(_), Some(_)) => Err(ApiError::validation(ONE_OWNER)),
    }
}

/// `StopExecution`: of one that has ended the date of its end.
pub(crate) async fn stop(app: &App, request: Stop) -> Result<Stopped, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    if let Some(stopped) = row.stopped.filter(|_| row.status != ExecutionStatus::Running) {
        return Ok(Stopped {
            stop_date: Date(stopped),
        });
    }
    let asked = if row.child_of.is_some() {
        app.parts
            .engine
            .stop_execution(&row.arn, request.error, request.cause)
            .await
    } else {
        app.parts.supervisor.stop(&row.arn, request.error, request.cause).await
    };
    match asked {
        // It has ended by itself between the two.
        Ok(()) | Err(Error::Request(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let ended = app.parts.journal.execution(&row.arn).await?.stopped;
    Ok(Stopped {
        stop_date: Date(ended.unwrap_or_else(|| app.parts.clock.now())),
    })
}

/// `RedriveExecution`.
pub(crate) async fn redrive(app: &App, request: Redrive) -> Result<Redriven, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    if let (status, Some(reason)) = redrive_status(&row)
        && status == "NOT_REDRIVABLE"
    {
        return Err(ApiError::not_redrivable(reason));
    }
    let redrive_date = Date(app.parts.clock.now());
    app.parts.supervisor.redrive(&row.arn).await.map_err(ApiError::from)?;
    Ok(Redriven { redrive_date })
}

/// The row of an execution.
///
/// # Errors
/// `InvalidArn`, `ExecutionDoesNotExist`.
pub(crate) async fn read(app: &App, arn: &str) -> Result<ExecutionRow, ApiError> {
    let arn = ExecutionArn(Arn::of_kind(arn, &["execution"])?.text.to_owned());
    app.parts.journal.execution(&arn).await.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return ApiError::no_execution(arn);
        }
        error.into()
    })
}
