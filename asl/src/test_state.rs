//! `TestState`: one state, run once, with what its data looked like at each stage.
//!
//! Owns the request's checks in AWS's words, the mocks, and the shape of the answer. A Task without a mock comes back as
//! a call to be made; its answer finishes the test.

mod context;
mod mock_shape;
mod shape;

pub use shape::{
    FieldValidationMode, InspectionLevel, Mock, StateConfiguration, TestStateRefused, TestStateRequest,
    TestStateResponse,
};

use crate::data::{Document, Variables, document};
use crate::definition::state::{Kind, State};
use crate::definition::{StateMachine, States};
use crate::interpret::inspection::Inspection;
use crate::{
    Command, Ending, Event, Execution, Identity, Moment, Recording, StateError, TaskPhase, TaskRequest, TimerId,
    error_name, parse, step,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A test under way.
#[derive(Debug)]
pub enum TestStateProgress {
    /// It is over.
    Done(Box<TestStateResponse>),
    /// A real call is to be made; hand its answer to [`PendingTest::answer`].
    Invoke(Box<TaskRequest>, Box<PendingTest>),
}

/// A test that waits for a call.
#[derive(Debug)]
pub struct PendingTest {
    request: TestStateRequest,
    execution: Execution,
    query: bool,
    parallel: bool,
}

/// The name that the context object gives the state.
const STATE_NAME: &str = "StateName";

fn refused(message: impl Into<String>) -> TestStateRefused {
    TestStateRefused {
        code: "ValidationException",
        message: message.into(),
    }
}

/// Runs one state. `identity` is that of the Express execution that AWS would show.
///
/// # Errors
/// When AWS would refuse the request.
pub fn test_state(
    request: &TestStateRequest,
    identity: Identity,
    moment: Moment,
) -> Result<TestStateProgress, TestStateRefused> {
    let (machine, states, at) = find(request)?;
    let Some(state) = states.get(at) else {
        return Err(refused("State not found in definition"));
    };
    check(request, state)?;
    let input = request.input.as_deref().unwrap_or("{}");
    let value =
        document::parse(input).map_err(|error| refused(format!("Invalid State Machine Execution Input: '{error}'")))?;
    let inspection = Inspection {
        context: Some(context::context(request, state, &identity, &value, moment)?),
        ..Inspection::default()
    };
    let execution = Execution::new(machine, identity, Recording::Off);
    let execution = execution
        .inspected(&states, at, inspection)
        .with_variables(variables(request)?);
    let started = step(
        execution,
        Event::Start {
            input: input.to_owned(),
        },
        moment,
    );
    let (mut execution, commands) = started.map_err(|refusal| refused(refusal.reason.to_string()))?;
    execution.set_retries(request.state_configuration.retrier_retry_count);
    let pending = PendingTest {
        request: request.clone(),
        execution,
        query: state.is_query(),
        parallel: matches!(state.kind, Kind::Parallel(_)),
    };
    pending.go_on(commands, state, moment)
}

impl PendingTest {
    /// Finishes the test with the answer to its call.
    ///
    /// # Errors
    /// When the event is no answer to the call.
    pub fn answer(self, event: Event, moment: Moment) -> Result<TestStateResponse, TestStateRefused> {
        let Self {
            request,
            execution,
            query,
            parallel,
        } = self;
        let answered = step(execution, event, moment);
        let (execution, commands) = answered.map_err(|refusal| refused(refusal.reason.to_string()))?;
        let pending = Self {
            request,
            execution,
            query,
            parallel,
        };
        Ok(pending.respond(ending(&commands).as_ref()))
    }

    fn go_on(
        mut self,
        commands: Vec<Command>,
        state: &State,
        moment: Moment,
    ) -> Result<TestStateProgress, TestStateRefused> {
        if let Some(ending) = ending(&commands) {
            return Ok(TestStateProgress::Done(Box::new(self.respond(Some(&ending)))));
        }
        if let Some(timer) = timer(&commands, state) {
            return self
                .answer(Event::TimerFired { timer }, moment)
                .map(|done| TestStateProgress::Done(Box::new(done)));
        }
        let invoked = commands.into_iter().find_map(as_task);
        match (invoked, self.request.mock.clone()) {
            (Some(task), Some(mock)) => {
                let event = mocked_answer(&task, &mock);
                self.answer(event, moment)
                    .map(|done| TestStateProgress::Done(Box::new(done)))
            }
            (Some(task), None) => Ok(TestStateProgress::Invoke(Box::new(task), Box::new(self))),
            (None, mock) => {
                let result = self.mocked_children(&mock.unwrap_or_default(), state)?;
                self.execution.mock(moment.now, result);
                let ending = self.execution.take_ending();
                Ok(TestStateProgress::Done(Box::new(self.respond(ending.as_ref()))))
            }
        }
    }

    /// The result of a Map or Parallel state.
    fn mocked_children(&self, mock: &Mock, state: &State) -> Result<Result<Document, StateError>, TestStateRefused> {
        if let Some(failure) = &mock.error_output {
            return Ok(Err(failure.clone()));
        }
        let text = mock.result.as_deref().unwrap_or("null");
        let result =
            Document::from_text(text).map_err(|error| refused(format!("Mocked result is not valid JSON: {error}")))?;
        let count = result.value().as_array().map_or_else(|| self.iterations(0), Vec::len);
        if matches!(&state.kind, Kind::Parallel(branches) if branches.len() != count) {
            return Err(refused(
                "Mocked result must contain the same number of items as number of Parallel branches.",
            ));
        }
        let failed = self
            .request
            .state_configuration
            .map_iteration_failure_count
            .unwrap_or(0);
        if matches!(state.kind, Kind::Map(_)) && failed > self.iterations(count) {
            return Err(refused(
                "Map iteration failure count must be less than or equal to the number of Map iterations",
            ));
        }
        if self.exceeds_tolerance(failed, count) {
            let cause = "The specified tolerated failure threshold was exceeded";
            return Ok(Err(StateError::new(
                error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
                cause,
            )));
        }
        Ok(Ok(result))
    }

    fn iterations(&self, mocked: usize) -> usize {
        self.execution
            .inspection_of(|inspection| inspection.items_count)
            .unwrap_or(mocked)
    }

    fn exceeds_tolerance(&self, failed: usize, mocked: usize) -> bool {
        let (count, percentage) = self.execution.tolerance();
        let total = self.iterations(mocked);
        #[expect(clippy::cast_precision_loss, reason = "a list of 2^52 items does not fit a payload")]
        let share = if total == 0 {
            0.0
        } else {
            failed as f64 * 100.0 / total as f64
        };
        count.is_some_and(|count| i64::try_from(failed).is_ok_and(|failed| failed > count))
            || percentage.is_some_and(|most| share > most)
    }

    fn respond(self, ending: Option<&Ending>) -> TestStateResponse {
        let Self {
            request,
            execution,
            query,
            parallel,
        } = self;
        let seen = execution.into_inspection();
        let status = match ending {
            Some(Ending::Succeeded { .. }) if seen.catch_index.is_some() => "CAUGHT_ERROR",
            Some(Ending::Succeeded { .. }) => "SUCCEEDED",
            Some(Ending::Aborted(_)) if seen.retry_backoff_seconds.is_some() => "RETRIABLE",
            Some(Ending::Failed(_) | Ending::TimedOut(_) | Ending::Aborted(_)) | None => "FAILED",
        };
        let output = match ending {
            Some(Ending::Succeeded { output }) => Some(output.to_string()),
            Some(Ending::Failed(_) | Ending::TimedOut(_) | Ending::Aborted(_)) | None => None,
        };
        let failure = seen.failure.clone().unwrap_or_default();
        let told = request.inspection_level != InspectionLevel::Info;
        TestStateResponse {
            output,
            error: failure.error.as_deref().map(str::to_owned),
            cause: failure.cause.as_deref().map(str::to_owned),
            inspection_data: told.then(|| inspection_data(&request, &seen, query, parallel)),
            next_state: seen.next_state.as_deref().map(str::to_owned),
            status: status.to_owned(),
        }
    }
}

/// The machine, and where in it the state is.
fn find(request: &TestStateRequest) -> Result<(Arc<StateMachine>, Arc<States>, usize), TestStateRefused> {
    let whole = serde_json::from_str::<Value>(&request.definition).is_ok_and(|value| value.get("States").is_some());
    let parsed = if whole {
        parse(&request.definition)
    } else {
        parse::parse_state(&request.definition, STATE_NAME)
    };
    let Some(machine) = parsed.machine else {
        let first = parsed
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == crate::Severity::Error);
        let told = first
            .map(|first| format!("{}: {} at {}", first.code, first.message, first.location))
            .unwrap_or_default();
        return Err(TestStateRefused {
            code: "InvalidDefinition",
            message: format!("Invalid State Machine Definition: '{told}'"),
        });
    };
    let name = if whole {
        request.state_name.as_deref()
    } else {
        Some(STATE_NAME)
    };
    let name = name.ok_or_else(|| refused("StateName is required when the definition is a state machine"))?;
    let (states, at) = locate(&machine.states, name).ok_or_else(|| refused("State not found in definition"))?;
    Ok((machine, states, at))
}

fn locate(states: &Arc<States>, name: &str) -> Option<(Arc<States>, usize)> {
    if let Some(at) = states.list.iter().position(|state| &*state.name == name) {
        return Some((states.clone(), at));
    }
    states.list.iter().find_map(|state| match &state.kind {
        Kind::Parallel(branches) => branches.iter().find_map(|branch| locate(branch, name)),
        Kind::Map(map) => locate(&map.processor, name),
        Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => None,
    })
}

/// The request's faults that do not depend on the input.
fn check(request: &TestStateRequest, state: &State) -> Result<(), TestStateRefused> {
    let mocked = request.mock.is_some();
    let mockable = matches!(state.kind, Kind::Task(_) | Kind::Map(_) | Kind::Parallel(_));
    if mocked && request.reveal_secrets {
        return Err(refused(
            "TestState does not support RevealSecrets when a mock is specified.",
        ));
    }
    if !mocked && request.state_configuration.map_iteration_failure_count.is_some() {
        return Err(refused(
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
        ));
    }
    if mocked && !mockable {
        return Err(refused(format!(
            "State type '{}' is not supported when a mock is specified",
            state.kind.name()
        )));
    }
    if let Some(mock) = &request.mock {
        check_mock(mock, state)?;
    }
    if !mocked && matches!(state.kind, Kind::Map(_) | Kind::Parallel(_)) {
        let message = "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]";
        return Err(TestStateRefused {
            code: "InvalidDefinition",
            message: message.to_owned(),
        });
    }
    if !mocked && request.role_arn.is_none() && matches!(state.kind, Kind::Task(_)) {
        return Err(refused("RoleArn must be specified when testing a Task state"));
    }
    Ok(())
}

/// The faults of a mock, which are told before anything runs.
fn check_mock(mock: &Mock, state: &State) -> Result<(), TestStateRefused> {
    let Some(text) = &mock.result else { return Ok(()) };
    if mock.error_output.is_some() {
        return Err(refused(
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ));
    }
    let result = document::parse(text).map_err(|_unused| refused("Mocked result must be valid JSON"))?;
    match &state.kind {
        Kind::Task(task) => mock_shape::check(&task.resource, &result, mock.field_validation_mode)
            .map_err(|reason| refused(format!("Mock result schema validation error: {reason}"))),
        Kind::Map(map) if map.exports_results() && !result.is_object() => {
            Err(refused("Mocked result must be a JSON object."))
        }
        Kind::Map(map) if !map.exports_results() && !result.is_array() => {
            Err(refused("Mocked result must be an array."))
        }
        Kind::Parallel(_) if !result.is_array() => Err(refused("Mocked result must be an array.")),
        Kind::Map(_)
        | Kind::Parallel(_)
        | Kind::Pass(_)
        | Kind::Choice(_)
        | Kind::Wait(_)
        | Kind::Succeed
        | Kind::Fail(_) => Ok(()),
    }
}

fn variables(request: &TestStateRequest) -> Result<Variables, TestStateRefused> {
    let text = request.variables.as_deref().unwrap_or("{}");
    let value = document::parse(text).map_err(|error| refused(format!("Invalid variables provided: {error}")))?;
    let Value::Object(members) = value else {
        return Err(refused("Invalid variables provided: not a JSON object"));
    };
    let named = members.into_iter().map(|(name, value)| (name.into(), Arc::new(value)));
    Ok(Arc::new(named.collect::<BTreeMap<_, _>>()))
}

fn ending(commands: &[Command]) -> Option<Ending> {
    commands.iter().find_map(|command| match command {
        Command::Finish(ending) => Some(ending.clone()),
        Command::InvokeTask(_)
        | Command::CancelTask(_)
        | Command::StartTimer { .. }
        | Command::CancelTimer(_)
        | Command::StartMapRun(_)
        | Command::StopMapRun(_) => None,
    })
}

/// The timer of a Wait state, which a test does not wait for.
fn timer(commands: &[Command], state: &State) -> Option<TimerId> {
    commands.iter().find_map(|command| match command {
        Command::StartTimer { timer, .. } if matches!(state.kind, Kind::Wait(_)) => Some(*timer),
        Command::StartTimer { .. }
        | Command::InvokeTask(_)
        | Command::CancelTask(_)
        | Command::CancelTimer(_)
        | Command::StartMapRun(_)
        | Command::StopMapRun(_)
        | Command::Finish(_) => None,
    })
}

fn as_task(command: Command) -> Option<TaskRequest> {
    match command {
        Command::InvokeTask(task) => Some(*task),
        Command::CancelTask(_)
        | Command::StartTimer { .. }
        | Command::CancelTimer(_)
        | Command::StartMapRun(_)
        | Command::StopMapRun(_)
        | Command::Finish(_) => None,
    }
}

fn mocked_answer(task: &TaskRequest, mock: &Mock) -> Event {
    if let Some(failure) = &mock.error_output {
        let text = |text: &Option<crate::Text>| text.as_deref().map(str::to_owned);
        return Event::TaskFailed {
            task: task.task,
            phase: TaskPhase::Run,
            error: text(&failure.error),
            cause: text(&failure.cause),
        };
    }
    let output = mock.result.clone().unwrap_or_else(|| "null".to_owned());
    Event::TaskSucceeded {
        task: task.task,
        output,
    }
}

fn inspection_data(request: &TestStateRequest, seen: &Inspection, query: bool, parallel: bool) -> Value {
    let mut data = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    let text = |document: &Option<Document>| document.as_ref().map(|document| Value::from(&**document.text()));
    tell("input", Some(Value::from(request.input.as_deref().unwrap_or("{}"))));
    let children = seen.concurrency_max.is_some() || parallel;
    if query {
        tell("afterArguments", text(&seen.after_arguments));
        tell("result", text(&seen.result).filter(|_| !children));
    } else {
        tell("afterInputPath", text(&seen.after_input_path).filter(|_| !parallel));
        tell("afterParameters", text(&seen.after_parameters).filter(|_| !parallel));
        tell("afterItemsPath", text(&seen.after_items_path));
        tell("afterItemSelector", text(&seen.after_item_selector));
        tell("result", text(&seen.result).filter(|_| !children));
        tell("afterResultSelector", text(&seen.after_result_selector));
        tell("afterResultPath", text(&seen.after_result_path));
    }
    tell("maxConcurrency", seen.concurrency_max.map(Value::from));
    tell("toleratedFailureCount", seen.tolerated_count.map(Value::from));
    tell("toleratedFailurePercentage", seen.tolerated_percentage.map(Value::from));
    let variables = request.variables.as_deref().filter(|text| text.trim() != "{}");
    tell("variables", variables.map(Value::from));
    tell("errorDetails", error_details(seen));
    Value::Object(data)
}

fn error_details(seen: &Inspection) -> Option<Value> {
    let members = [
        ("catchIndex", seen.catch_index.map(Value::from)),
        ("retryIndex", seen.retry_index.map(Value::from)),
        ("retryBackoffIntervalSeconds", seen.retry_backoff_seconds.map(whole)),
    ];
    let present: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    (!present.is_empty()).then_some(Value::Object(present))
}

fn whole(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    Value::from(seconds as i64)
}
