//! `states:startExecution`: executions that executions start, run by the same engine.
//!
//! The name of a nested execution follows from the task that starts it, so that a repeated start after a crash finds the
//! execution that is there. It runs beside its parent, whose run returns when everything that it has started has ended.
//! An execution starts executions: this file is part of the circle that `executions.rs` describes.

use std::sync::Arc;

use asl::{Event, Integration, Pattern, TaskId, TaskPhase, TaskRequest, Value, error_name};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{ErrorKind, ExecutionArn, ExecutionRow, ExecutionStatus, TaskFailure};
use serde::Deserialize;
use serde_json::{Map, json};
use tokio::sync::oneshot;

use super::request::{failed, parameters, sdk_metadata};
use crate::context::Context;
use crate::driver::{AfterAccept, Completion};
use crate::error::while_doing;
use crate::executions::{self, NewExecution, RunEnd};
use crate::stop::Control;
use crate::{Error, Result, Stop};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Arguments {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<Value>,
}

/// A nested execution that is in the journal.
#[derive(Debug)]
struct Started {
    row: ExecutionRow,
    metadata: [(&'static str, Value); 2],
}

/// The execution that a task starts, from the moment at which it may be in the journal.
#[derive(Debug)]
pub(crate) struct Nested {
    /// The execution; `None` when the request to start it is invalid.
    target: Option<Target>,
    pattern: Pattern,
    /// Asks the execution to end.
    abort: Stop,
    /// Whether the execution is being driven.
    runs: bool,
}

/// An execution that one task alone has started.
#[derive(Debug)]
struct Target {
    execution: ExecutionArn,
    identity: String,
}

impl Nested {
    pub(crate) fn new(context: &Context, request: &TaskRequest, pattern: Pattern) -> Self {
        let new = new_execution(context, request);
        let target = new.ok().flatten().map(|new| Target {
            execution: context.settings.execution_arn(&new.state_machine, &new.name),
            identity: new.identity.unwrap_or_default(),
        });
        Self {
            target,
            pattern,
            abort: Stop::default(),
            runs: false,
        }
    }

    /// The start was accepted: returns what the execution obeys while it runs.
    pub(crate) fn begin(&mut self, stop: Stop) -> Control {
        self.runs = true;
        self.control(stop)
    }

    fn control(&self, stop: Stop) -> Control {
        let abort = self.abort.clone();
        Control {
            stop,
            abort,
            request: None,
        }
    }

    /// Cancels the wait for the execution. One whose end was to be the task's is stopped, as on AWS. Returns what is left
    /// to be done where the execution is not being driven.
    pub(crate) fn cancel(self, context: &Arc<Context>, stop: Stop) -> Option<BoxFuture<'static, Result<()>>> {
        match self.pattern {
            Pattern::Sync | Pattern::Sync2 => self.abort.request(),
            Pattern::RequestResponse | Pattern::WaitForTaskToken => {}
        }
        let (context, control) = (Arc::clone(context), self.control(stop));
        let target = self.target.filter(|_| !self.runs)?;
        Some(run_if_started(context, target, control).boxed())
    }
}

/// Runs an execution whose start was cancelled half-way, if the journal has it.
async fn run_if_started(context: Arc<Context>, target: Target, control: Control) -> Result<()> {
    let row = match context.ports.journal.execution(&target.execution).await {
        Ok(row) => row,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(while_doing("read the execution")(error)),
    };
    if row.identity.as_ref() == Some(&target.identity) {
        executions::run(&context, &target.execution, control).await?;
    }
    Ok(())
}

/// Whether it starts an execution, through either kind of integration.
pub(crate) fn is_start_execution(integration: &Integration) -> bool {
    matches!(&*integration.service, "states" | "aws-sdk:sfn") && &*integration.action == "startExecution"
}

/// Starts the execution and says what follows for the task. `submitted`: the start is in the parent's journal already.
pub(crate) async fn answer(
    context: Arc<Context>,
    request: TaskRequest,
    pattern: Pattern,
    submitted: bool,
) -> Completion {
    let asl::Resource::Integration(integration) = &request.resource else {
        return Completion::Cancelled;
    };
    let task = request.task;
    let started = match start(&context, &request, integration).await {
        Ok(started) => started,
        Err(failure) => {
            let phase = if pattern == Pattern::RequestResponse {
                TaskPhase::Run
            } else {
                TaskPhase::Submit
            };
            return failed(&context, task, phase, failure);
        }
    };
    let output = response(integration, &started);
    let execution = started.row.arn;
    let after = AfterAccept::Execution {
        task,
        execution,
        pattern,
    };
    match pattern {
        Pattern::RequestResponse => Completion::Accepted(Event::TaskSucceeded { task, output }, after),
        _ if submitted => Completion::Resumed(after),
        Pattern::Sync | Pattern::Sync2 | Pattern::WaitForTaskToken => {
            Completion::Accepted(Event::TaskSubmitted { task, output }, after)
        }
    }
}

/// Creates the execution, or loads the one that this task has created before a crash.
async fn start(
    context: &Arc<Context>,
    request: &TaskRequest,
    integration: &Integration,
) -> std::result::Result<Started, TaskFailure> {
    let new = new_execution(context, request)?.ok_or_else(|| no_machine(request, integration))?;
    let identity = new.identity.clone();
    let arn = context.settings.execution_arn(&new.state_machine, &new.name);
    match executions::start(context, new).await {
        Ok(_) => {}
        Err(Error::Port { source, .. }) if source.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(refused(integration, "ServiceUnavailable", &error.to_string())),
    }
    let row = context.ports.journal.execution(&arn).await;
    let row = row.map_err(|error| refused(integration, "ServiceUnavailable", &error.to_string()))?;
    if row.identity != identity {
        return Err(refused(
            integration,
            "ExecutionAlreadyExists",
            &format!("Execution Already Exists: '{arn}'"),
        ));
    }
    let metadata = sdk_metadata(request);
    Ok(Started { row, metadata })
}

/// The execution that the task asks for; `None` when there is no such state machine.
fn new_execution(context: &Context, request: &TaskRequest) -> std::result::Result<Option<NewExecution>, TaskFailure> {
    let arguments: Arguments = parameters(request, "startExecution")?;
    let machine = context.registry.machine(&arguments.state_machine_arn);
    let identity = format!("started-by:{}", request.task_token);
    let derived = || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, identity.as_bytes()).to_string();
    let name = arguments.name.unwrap_or_else(derived);
    let input = match arguments.input {
        None => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    Ok(machine.map(|machine| NewExecution {
        item_subset: None,
        state_machine: machine.name,
        definition: machine.definition,
        name,
        input,
        identity: Some(identity),
        rerun_of: None,
        composition: None,
    }))
}

fn no_machine(request: &TaskRequest, integration: &Integration) -> TaskFailure {
    let arn = request.input.get("StateMachineArn").and_then(Value::as_str);
    let text = format!("State Machine Does Not Exist: '{}'", arn.unwrap_or_default());
    refused(integration, "StateMachineDoesNotExist", &text)
}

fn refused(integration: &Integration, code: &str, message: &str) -> TaskFailure {
    TaskFailure {
        error: integration.error_name(code),
        cause: format!("{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Proxy: null)"),
    }
}

/// The response of `StartExecution`.
fn response(integration: &Integration, started: &Started) -> String {
    let mut response = Map::new();
    response.insert("ExecutionArn".to_owned(), json!(started.row.arn));
    if &*integration.service == "states" {
        response.extend(started.metadata.clone().map(|(name, value)| (name.to_owned(), value)));
        response.insert("StartDate".to_owned(), json!(started.row.started.as_millis()));
    } else {
        response.insert("StartDate".to_owned(), json!(started.row.started.to_string()));
    }
    Value::Object(response).to_string()
}

/// Runs the execution to its end and tells the task that waits for the end.
pub(crate) async fn run(
    context: Arc<Context>,
    execution: ExecutionArn,
    control: Control,
    done: oneshot::Sender<RunEnd>,
) -> Result<()> {
    let outcome = executions::run(&context, &execution, control).await?;
    // The task may have been cancelled; the row says how the execution ended.
    drop(done.send(outcome));
    Ok(())
}

/// The completion of the task once the execution has ended.
pub(crate) async fn end(task: TaskId, pattern: Pattern, ended: oneshot::Receiver<RunEnd>) -> Completion {
    match ended.await {
        Ok(RunEnd::Ended(row)) => Completion::from_event(end_event(task, pattern, &row)),
        Ok(RunEnd::Stopped) => Completion::Stopped,
        Err(_broken) => Completion::Cancelled,
    }
}

fn end_event(task: TaskId, pattern: Pattern, row: &ExecutionRow) -> Event {
    let description = describe(row, pattern == Pattern::Sync2).to_string();
    match row.status {
        ExecutionStatus::Succeeded => Event::TaskSucceeded {
            task,
            output: description,
        },
        ExecutionStatus::Running | ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            Event::TaskFailed {
                task,
                phase: TaskPhase::Run,
                error: Some(error_name::TASK_FAILED.to_owned()),
                cause: Some(description),
            }
        }
    }
}

/// The response of `DescribeExecution`, with input and output as text or as JSON.
fn describe(row: &ExecutionRow, as_json: bool) -> Value {
    let payload = |text: &str| {
        let parsed = as_json.then(|| serde_json::from_str(text).ok()).flatten();
        parsed.unwrap_or_else(|| Value::from(text))
    };
    let mut members = vec![
        ("Cause", row.cause.clone().map(Value::from)),
        ("Error", row.error.clone().map(Value::from)),
        ("ExecutionArn", Some(json!(row.arn))),
        ("Input", Some(payload(&row.input))),
        ("InputDetails", Some(json!({"Included": true}))),
        ("Name", Some(json!(row.name))),
    ];
    if let Some(output) = &row.output {
        members.push(("Output", Some(payload(output))));
        members.push(("OutputDetails", Some(json!({"Included": true}))));
    }
    members.push(("StartDate", Some(json!(row.started.as_millis()))));
    members.push(("StateMachineArn", Some(json!(machine_arn(row)))));
    members.push(("Status", Some(json!(row.status))));
    members.push(("StopDate", row.stopped.map(|stopped| json!(stopped.as_millis()))));
    let told = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(told.collect())
}

/// `…:execution:machine:name` is of `…:stateMachine:machine`.
fn machine_arn(row: &ExecutionRow) -> String {
    let prefix = row.arn.0.split(":execution:").next().unwrap_or_default();
    format!("{prefix}:stateMachine:{}", row.state_machine)
}
