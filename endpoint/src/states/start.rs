//! `StartExecution` and `StartSyncExecution`: which revision runs, under which name, with which input.

use asl::Ending;
use engine::{Error, HistorySink, NewExecution, NewExpress};
use ports::{AliasRow, ErrorKind, ExecutionArn, StateMachineStatus, StateMachineType};
use serde::{Deserialize, Serialize};

use super::describe::IncludedData;
use super::executions::Included;
use super::origin::Origin;
use super::state_machines::find;
use crate::App;
use crate::arn::{MachineArn, Qualifier, alias, check_name, version};
use crate::date::Date;
use crate::error::ApiError;

/// The input of an execution that is given none.
const NO_INPUT: &str = "{}";
/// **Milliseconds** by which the duration of an Express execution is billed. **Source**: Step Functions pricing page.
const BILLED_STEP: u64 = 100;
/// **MB** that are billed at least.
const BILLED_MEMORY: u64 = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
    #[serde(default)]
    included_data: IncludedData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    execution_arn: ExecutionArn,
    start_date: Date,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    execution_arn: ExecutionArn,
    state_machine_arn: String,
    name: String,
    start_date: Date,
    stop_date: Date,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    output_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_header: Option<String>,
    billing_details: Billing,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Billing {
    #[serde(rename = "billedMemoryUsedInMB")]
    memory: u64,
    #[serde(rename = "billedDurationInMilliseconds")]
    duration: u64,
}

/// What a request to start has been resolved to.
struct Target {
    state_machine: String,
    kind: StateMachineType,
    definition: String,
    origin: Origin,
}

/// `StartExecution`.
pub(crate) async fn start(app: &App, request: Start) -> Result<Started, ApiError> {
    let (target, name, input) = accept(app, &request).await?;
    match target.kind {
        StateMachineType::Standard => start_standard(app, target, name, input).await,
        StateMachineType::Express => {
            let execution = express(target, name, input);
            let started = app.parts.clock.now();
            let arn = app.parts.supervisor.start_express(execution, HistorySink::ignore());
            Ok(Started {
                execution_arn: arn.map_err(ApiError::from)?,
                start_date: Date(started),
            })
        }
    }
}

async fn start_standard(app: &App, target: Target, name: String, input: String) -> Result<Started, ApiError> {
    let arn = app
        .settings
        .arn("execution", &format!("{}:{name}", target.state_machine));
    let new = NewExecution {
        state_machine: target.state_machine,
        definition: target.definition,
        name,
        input,
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: Some(target.origin.to_json()?),
    };
    match app.parts.supervisor.start(new).await {
        Err(Error::Port { source, .. }) if source.kind() == ErrorKind::Conflict => Err(ApiError::execution_exists(arn)),
        started => {
            let execution_arn = started.map_err(ApiError::from)?;
            let row = app.parts.journal.execution(&execution_arn).await?;
            Ok(Started {
                execution_arn,
                start_date: Date(row.started),
            })
        }
    }
}

/// `StartSyncExecution`.
pub(crate) async fn start_sync(app: &App, request: Start) -> Result<Ended, ApiError> {
    let (target, name, input) = accept(app, &request).await?;
    if target.kind == StateMachineType::Standard {
        return Err(ApiError::type_not_supported());
    }
    let state_machine_arn = app.settings.arn("stateMachine", &target.state_machine);
    let execution = express(target, name.clone(), input.clone());
    let ended = app
        .parts
        .supervisor
        .run_express_sync(execution, HistorySink::ignore())
        .await;
    let ended = ended.map_err(ApiError::from)?;
    let included = Included::new(request.included_data);
    let shown = |text: String| included.included.then_some(text);
    let (status, output, failure) = match ended.ending {
        Ending::Succeeded { output } => ("SUCCEEDED", Some(output.to_string()), None),
        Ending::TimedOut(failure) => ("TIMED_OUT", None, Some(failure)),
        Ending::Failed(failure) | Ending::Aborted(failure) => ("FAILED", None, Some(failure)),
    };
    let failure = failure.unwrap_or_default();
    let duration = u64::try_from(ended.stopped.since(ended.started).as_millis()).unwrap_or(u64::MAX);
    Ok(Ended {
        execution_arn: ended.arn,
        state_machine_arn,
        name,
        start_date: Date(ended.started),
        stop_date: Date(ended.stopped),
        status,
        error: failure.error.map(|error| error.to_string()),
        cause: failure.cause.map(|cause| cause.to_string()),
        input: shown(input),
        input_details: included,
        output: output.and_then(shown),
        output_details: included,
        trace_header: request.trace_header,
        billing_details: Billing {
            memory: BILLED_MEMORY,
            duration: duration.div_ceil(BILLED_STEP).max(1).saturating_mul(BILLED_STEP),
        },
    })
}

fn express(target: Target, name: String, input: String) -> NewExpress {
    NewExpress {
        state_machine: target.state_machine,
        definition: target.definition,
        name,
        input,
    }
}

/// The revision, the name and the input of a request.
async fn accept(app: &App, request: &Start) -> Result<(Target, String, String), ApiError> {
    let name = match &request.name {
        Some(name) => name.clone(),
        None => app.new_id().to_string(),
    };
    check_name(&name)?;
    let mut target = resolve(app, &request.state_machine_arn).await?;
    target.origin.trace_header.clone_from(&request.trace_header);
    let input = request.input.as_deref().unwrap_or(NO_INPUT);
    check_input(input)?;
    Ok((target, name, input.to_owned()))
}

/// Finds the revision that a state machine, a version or an alias stands for.
async fn resolve(app: &App, text: &str) -> Result<Target, ApiError> {
    let arn = MachineArn::parse(text)?;
    let missing = |error: ports::Error| {
        if error.kind() == ErrorKind::NotFound {
            return ApiError::no_state_machine(text);
        }
        error.into()
    };
    let row = find(app, &arn.machine).await?;
    if row.status == StateMachineStatus::Deleting {
        return Err(ApiError::state_machine_deleting(&row.arn));
    }
    let (number, alias_arn) = match &arn.qualifier {
        None => (None, None),
        Some(Qualifier::Version(number)) => (Some(*number), None),
        Some(Qualifier::Alias(name)) => {
            let found = app
                .parts
                .state_machines
                .alias(&arn.machine, name)
                .await
                .map_err(missing)?;
            (Some(pick(app, &found)), Some(alias(&arn.machine, name)))
        }
    };
    let (revision, updated) = match number {
        None => (row.revision, row.updated),
        Some(number) => {
            let found = app
                .parts
                .state_machines
                .version(&arn.machine, number)
                .await
                .map_err(missing)?;
            (found.revision, found.created)
        }
    };
    Ok(Target {
        state_machine: row.name,
        kind: row.kind,
        definition: app.parts.state_machines.definition(&revision.definition).await?,
        origin: Origin {
            version_arn: number.map(|number| version(&arn.machine, number)),
            alias_arn,
            trace_header: None,
            revision: Some(revision),
            updated: Some(updated),
        },
    })
}

/// One of an alias's versions, by their weights.
fn pick(app: &App, alias: &AliasRow) -> u64 {
    let (high, low) = app.new_id().as_u64_pair();
    let drawn = (high ^ low) % 100;
    let mut below = 0;
    let mut routes = alias.routes.iter();
    let found = routes.find(|route| {
        below += u64::from(route.weight);
        drawn < below
    });
    found.map_or(0, |route| route.version)
}

/// Refuses what is no JSON, in AWS's words.
fn check_input(input: &str) -> Result<(), ApiError> {
    if serde_json::from_str::<serde::de::IgnoredAny>(input).is_ok() {
        return Ok(());
    }
    if input.trim().is_empty() {
        return Err(ApiError::invalid_input("Invalid execution input."));
    }
    // The parser words faults of JSON as AWS does; the place in the text is told for definitions alone.
    let faults = asl::parse(input).diagnostics;
    let message = faults
        .first()
        .map_or("Invalid execution input.", |fault| fault.message.as_str());
    Err(ApiError::invalid_input(
        message.split("\n at [").next().unwrap_or(message),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts recorded on 2023-06-22.
    #[test]
    fn input_that_is_no_json_is_refused_in_awss_words() {
        let told = |input| check_input(input).unwrap_err().to_string();
        assert_eq!(
            told("not some json"),
            "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, \
             Object or token 'null', 'true' or 'false')'"
        );
        assert_eq!(
            told(""),
            "Invalid State Machine Execution Input: 'Invalid execution input.'"
        );
        for input in ["2", "\"some text\"", "null", "{}", "[]"] {
            assert_eq!(check_input(input), Ok(()));
        }
    }
}
