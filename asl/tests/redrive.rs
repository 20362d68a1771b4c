//! Redrive and the limits of variables: what the documentation says of them, step by step.
#![cfg(test)]

use asl::{
    Command, Ending, Event, Execution, ExecutionType, Identity, MapRunRequest, MapRunResult, Moment, Recording,
    RefusedReason, TaskId, TaskPhase, TaskRequest, Timestamp, parse, step,
};
use serde_json::{Value, json};

const LAMBDA: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// An execution with everything that it asked for and has not got.
struct Run {
    execution: Option<Execution>,
    tasks: Vec<TaskRequest>,
    maps: Vec<MapRunRequest>,
    timers: usize,
    ending: Option<Ending>,
    now: i64,
}

impl Run {
    fn start(definition: &Value, input: &Value) -> Self {
        Self::of_type(definition, input, ExecutionType::Standard)
    }

    fn of_type(definition: &Value, input: &Value, execution_type: ExecutionType) -> Self {
        let parsed = parse(&definition.to_string());
        let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let identity = Identity::example(execution_type);
        let mut run = Self {
            execution: Some(Execution::new(machine, identity, Recording::Full)),
            tasks: Vec::new(),
            maps: Vec::new(),
            timers: 0,
            ending: None,
            now: 0,
        };
        let input = input.to_string();
        run.feed(Event::Start { input }).unwrap();
        run
    }

    fn feed(&mut self, event: Event) -> Result<(), RefusedReason> {
        self.now += 1_000;
        let moment = Moment {
            now: Timestamp::from_millis(self.now),
            jitter: 0.0,
        };
        match step(self.execution.take().unwrap(), event, moment) {
            Ok((execution, commands)) => {
                self.execution = Some(execution);
                for command in commands {
                    self.note(command);
                }
                Ok(())
            }
            Err(refused) => {
                self.execution = Some(*refused.execution);
                Err(refused.reason)
            }
        }
    }

    fn note(&mut self, command: Command) {
        match command {
            Command::InvokeTask(request) => self.tasks.push(*request),
            Command::StartMapRun(request) => self.maps.push(*request),
            Command::StartTimer { .. } => self.timers += 1,
            Command::CancelTimer(_) => self.timers -= 1,
            Command::Finish(ending) => self.ending = Some(ending),
            Command::CancelTask(task) => self.tasks.retain(|request| request.task != task),
            Command::StopMapRun(_) => {}
        }
    }

    fn redrive(&mut self) {
        self.ending = None;
        self.feed(Event::Redrive).unwrap();
    }

    /// The one task of that state, taken off the list.
    fn task(&mut self, state: &str) -> TaskRequest {
        let at = self.tasks.iter().position(|request| &*request.state == state);
        self.tasks
            .remove(at.unwrap_or_else(|| panic!("`{state}` was not asked for")))
    }

    fn succeed(&mut self, task: TaskId, output: &Value) {
        self.tasks.retain(|request| request.task != task);
        let output = output.to_string();
        self.feed(Event::TaskSucceeded { task, output }).unwrap();
    }

    fn fail(&mut self, task: TaskId) {
        self.tasks.retain(|request| request.task != task);
        let (error, cause) = (Some("E".into()), None);
        let phase = TaskPhase::Run;
        self.feed(Event::TaskFailed {
            task,
            phase,
            error,
            cause,
        })
        .unwrap();
    }

    /// Types of the events since the last call.
    fn events(&mut self) -> Vec<&'static str> {
        let history = self.execution.as_mut().unwrap().take_history();
        history.iter().map(|event| event.kind.as_str()).collect()
    }

    fn output(&self) -> Value {
        match &self.ending {
            Some(Ending::Succeeded { output }) => serde_json::from_str(output).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn task(next: &str) -> Value {
    let mut state = json!({"Type": "Task", "Resource": LAMBDA});
    if next == "End" {
        state["End"] = true.into();
    } else {
        state["Next"] = next.into();
    }
    state
}

fn branch(name: &str) -> Value {
    json!({"StartAt": name, "States": {name: task("End")}})
}

#[test]
fn the_failed_state_runs_again_and_is_not_entered_again() {
    let definition = json!({"StartAt": "A", "States": {"A": task("B"), "B": {"Type": "Task", "Resource": LAMBDA,
        "Parameters": {"count.$": "$$.Execution.RedriveCount", "n.$": "$.n"}, "Retry": [{"ErrorEquals": ["Other"]}], "End": true}}});
    let mut run = Run::start(&definition, &json!({}));
    let first = run.task("A");
    run.succeed(first.task, &json!({"n": 7}));
    let second = run.task("B");
    assert_eq!(*second.input, json!({"count": 0, "n": 7}));
    run.fail(second.task);
    assert!(matches!(run.ending, Some(Ending::Failed(_))));
    assert_eq!(run.events().last(), Some(&"ExecutionFailed"));

    run.redrive();
    let history = run.execution.as_mut().unwrap().take_history();
    let shown: Vec<_> = history
        .iter()
        .map(|event| (event.kind.as_str(), event.id, event.previous_event_id))
        .collect();
    assert_eq!(
        shown,
        [("ExecutionRedriven", 12, 11), ("LambdaFunctionScheduled", 13, 12)]
    );
    let details = serde_json::to_value(&history[0]).unwrap();
    assert_eq!(details["executionRedrivenEventDetails"], json!({"redriveCount": 1}));

    let again = run.task("B");
    assert_eq!(*again.input, json!({"count": 1, "n": 7}));
    assert!(run.tasks.is_empty(), "what succeeded does not run again");
    run.succeed(again.task, &json!("done"));
    assert_eq!(run.output(), json!("done"));
    assert_eq!(
        run.events(),
        [
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]
    );
}

#[test]
fn retries_and_the_machines_time_begin_again() {
    let definition = json!({"StartAt": "A", "TimeoutSeconds": 100, "States": {"A": {"Type": "Task", "Resource": LAMBDA,
        "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}], "End": true}}});
    let mut run = Run::start(&definition, &json!({}));
    for round in 0..2 {
        let first = run.task("A");
        assert_eq!(first.retry_count, 0, "round {round}");
        run.fail(first.task);
        assert_eq!(run.timers, 2, "the machine's and the retry's");
        run.feed(Event::TimerFired {
            timer: asl::TimerId(if round == 0 { 1 } else { 3 }),
        })
        .unwrap();
        run.timers -= 1;
        let retried = run.task("A");
        assert_eq!(retried.retry_count, 1);
        run.fail(retried.task);
        assert!(matches!(run.ending, Some(Ending::Failed(_))));
        assert_eq!(run.timers, 0);
        run.redrive();
        assert_eq!(run.timers, 1, "the machine's own");
    }
}

#[test]
fn only_branches_that_had_not_succeeded_run_again() {
    let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [branch("A"), branch("B"), branch("C")], "End": true}}});
    let mut run = Run::start(&definition, &json!({}));
    let (a, b) = (run.task("A"), run.task("B"));
    run.succeed(a.task, &json!("a"));
    run.fail(b.task);
    assert!(run.tasks.is_empty(), "C was cancelled");
    run.events();

    run.redrive();
    assert_eq!(
        run.events(),
        [
            "ExecutionRedriven",
            "LambdaFunctionScheduled",
            "LambdaFunctionScheduled"
        ]
    );
    let (b, c) = (run.task("B"), run.task("C"));
    assert!(run.tasks.is_empty());
    run.succeed(c.task, &json!("c"));
    run.fail(b.task);
    run.redrive();
    let b = run.task("B");
    assert!(run.tasks.is_empty(), "C has succeeded by now");
    run.succeed(b.task, &json!("b"));
    assert_eq!(run.output(), json!(["a", "b", "c"]));
}

#[test]
fn only_iterations_that_had_not_succeeded_run_again_at_any_depth() {
    let inner = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [branch("A"), branch("B")], "End": true}}});
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 2, "ItemProcessor": inner, "End": true}}});
    let mut run = Run::start(&definition, &json!([1, 2, 3]));
    let (a1, b1, a2) = (run.task("A"), run.task("B"), run.task("A"));
    run.succeed(a1.task, &json!("a1"));
    run.succeed(b1.task, &json!("b1"));
    // The third iteration has begun; the second has half of its work done when the third fails.
    run.succeed(a2.task, &json!("a2"));
    let third = run
        .tasks
        .iter()
        .find(|request| *request.input == json!(3) && &*request.state == "A")
        .unwrap()
        .task;
    run.fail(third);
    assert!(matches!(run.ending, Some(Ending::Failed(_))));

    run.redrive();
    let mut again: Vec<_> = run
        .tasks
        .drain(..)
        .map(|request| (request.input.to_string(), request.state.to_string(), request.task))
        .collect();
    again.sort();
    let which: Vec<_> = again
        .iter()
        .map(|(input, state, _)| (input.as_str(), state.as_str()))
        .collect();
    assert_eq!(which, [("2", "B"), ("3", "A"), ("3", "B")]);
    for (input, state, task) in again {
        run.succeed(task, &json!(format!("{}{input}", state.to_lowercase())));
    }
    assert_eq!(run.output(), json!([["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]));
}

#[test]
fn iterations_that_were_never_started_are_started() {
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": branch("A"), "End": true}}});
    let mut run = Run::start(&definition, &json!([1, 2, 3]));
    let first = run.task("A");
    run.fail(first.task);
    run.redrive();
    for item in 1..=3 {
        let request = run.task("A");
        assert_eq!(*request.input, json!(item));
        run.succeed(request.task, &json!(item * 10));
    }
    assert_eq!(run.output(), json!([10, 20, 30]));
}

#[test]
fn an_iteration_that_cannot_be_started_ends_those_that_run() {
    let definition = json!({"StartAt": "M", "States": {
        "M": {"Type": "Map", "ItemSelector": {"x.$": "States.StringToJson($$.Map.Item.Value)"}, "ItemProcessor": branch("A"),
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": true},
        "B": task("End")}});
    let mut run = Run::start(&definition, &json!(["1", "no json"]));
    assert_eq!(run.tasks.len(), 1, "the iteration's task was cancelled");
    let caught = run.task("B");
    assert_eq!(caught.input["Error"], "States.IntrinsicFailure");
    run.succeed(caught.task, &json!("caught"));
    assert_eq!(run.output(), json!("caught"));
}

#[test]
fn a_caught_failure_leaves_nothing_behind() {
    let definition = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [branch("A")], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": true},
        "B": task("End")}});
    let mut run = Run::start(&definition, &json!({}));
    let a = run.task("A");
    run.fail(a.task);
    let b = run.task("B");
    run.fail(b.task);
    run.redrive();
    let b = run.task("B");
    assert!(run.tasks.is_empty());
    run.succeed(b.task, &json!(1));
    assert_eq!(run.output(), json!(1));
}

#[test]
fn a_failed_map_run_goes_on_as_the_same_run() {
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "A", "States": {"A": task("End")}}}}});
    let mut run = Run::start(&definition, &json!([1, 2]));
    for redrive in 0..3 {
        let request = run.maps.pop().unwrap();
        assert_eq!((request.map_run.0, request.redrive), (0, redrive));
        let (map_run, arn) = (request.map_run, "arn:run".to_owned());
        run.feed(Event::MapRunStarted { map_run, arn }).unwrap();
        if redrive == 2 {
            let output = "[1,2]".to_owned();
            let result = MapRunResult::Succeeded { output };
            run.feed(Event::MapRunEnded { map_run, result }).unwrap();
            break;
        }
        let result = MapRunResult::Failed {
            error: Some("States.ExceedToleratedFailureThreshold".into()),
            cause: None,
        };
        run.feed(Event::MapRunEnded { map_run, result }).unwrap();
        run.redrive();
    }
    assert_eq!(run.output(), json!([1, 2]));
    let history = run.execution.as_mut().unwrap().take_history();
    let kinds: Vec<_> = history.iter().map(|event| event.kind.as_str()).collect();
    let ending = ["MapRunFailed", "MapStateFailed", "ExecutionFailed", "ExecutionRedriven"];
    assert_eq!(
        kinds[..4],
        [
            "ExecutionStarted",
            "MapStateEntered",
            "MapStateStarted",
            "MapRunStarted"
        ]
    );
    assert_eq!(kinds[4..8], ending);
    assert_eq!(kinds[8], "MapRunRedriven");
    assert_eq!(kinds[9..13], ending);
    assert_eq!(
        kinds[13..],
        [
            "MapRunRedriven",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded"
        ]
    );
    let redriven = serde_json::to_value(&history[13]).unwrap();
    assert_eq!(
        redriven["mapRunRedrivenEventDetails"],
        json!({"mapRunArn": "arn:run", "redriveCount": 2})
    );
}

#[test]
fn a_stopped_execution_goes_on_where_it_waited() {
    let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        branch("A"), {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 50, "End": true}}}]}}});
    let mut run = Run::start(&definition, &json!({}));
    run.feed(Event::Stop {
        error: None,
        cause: None,
    })
    .unwrap();
    assert!(matches!(run.ending, Some(Ending::Aborted(_))));
    assert!(run.tasks.is_empty() && run.timers == 0);
    run.redrive();
    let a = run.task("A");
    assert_eq!(run.timers, 1, "the Wait begins again");
    run.succeed(a.task, &json!("a"));
    run.feed(Event::TimerFired { timer: asl::TimerId(1) }).unwrap();
    assert_eq!(run.output(), json!(["a", {}]));
}

#[test]
fn what_runs_has_succeeded_or_is_express_is_not_redriven() {
    let definition = json!({"StartAt": "A", "States": {"A": task("End")}});
    let mut run = Run::start(&definition, &json!({}));
    assert_eq!(run.feed(Event::Redrive), Err(RefusedReason::NotRedrivable));
    let a = run.task("A");
    run.succeed(a.task, &json!(1));
    assert_eq!(run.feed(Event::Redrive), Err(RefusedReason::NotRedrivable));
    let mut run = Run::of_type(&definition, &json!({}), ExecutionType::Express);
    let a = run.task("A");
    run.fail(a.task);
    assert_eq!(run.feed(Event::Redrive), Err(RefusedReason::NotRedrivable));
}

/// So many states, each of which assigns 200 KiB to a variable.
fn hoard(rounds: usize, name: impl Fn(usize) -> String) -> Value {
    let mut states = serde_json::Map::new();
    for at in 0..rounds {
        let assign = json!({format!("{}.$", name(at)): "$.big"});
        let next = format!("S{}", at + 1);
        states.insert(
            format!("S{at}"),
            json!({"Type": "Pass", "Assign": assign, "Next": next}),
        );
    }
    states.insert(format!("S{rounds}"), json!({"Type": "Succeed"}));
    json!({"StartAt": "S0", "States": states})
}

#[test]
fn all_variables_of_an_execution_have_room_for_ten_mebibytes() {
    let input = json!({"big": "x".repeat(200 << 10)});
    // 51 × 200 KiB are below 10 MiB, 52 are above.
    let run = Run::start(&hoard(51, |at| format!("v{at}")), &input);
    assert!(matches!(run.ending, Some(Ending::Succeeded { .. })), "{:?}", run.ending);
    let run = Run::start(&hoard(52, |at| format!("v{at}")), &input);
    let Some(Ending::Failed(failure)) = &run.ending else {
        panic!("{:?}", run.ending)
    };
    assert_eq!(failure.error.as_deref(), Some("States.DataLimitExceeded"));
    // A variable that is set again takes its room only once.
    let run = Run::start(&hoard(60, |_| "same".to_owned()), &input);
    assert!(matches!(run.ending, Some(Ending::Succeeded { .. })), "{:?}", run.ending);
}
