//! The interpreter as its callers see it: events in, commands out.
#![cfg(test)]

use asl::{
    Command, Ending, Event, Execution, ExecutionType, Identity, Items, MapRunResult, Moment, Recording, Refused,
    RefusedReason, TaskPhase, Timestamp, Value, parse, step,
};
use serde_json::json;

fn moment(millis: i64) -> Moment {
    Moment {
        now: Timestamp::from_millis(millis),
        jitter: 0.5,
    }
}

fn new(definition: &Value) -> Execution {
    let parsed = parse(&definition.to_string());
    let machine = parsed.machine.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    Execution::new(machine, Identity::example(ExecutionType::Standard), Recording::Full)
}

fn start(definition: &Value, input: &Value) -> (Execution, Vec<Command>) {
    step(
        new(definition),
        Event::Start {
            input: input.to_string(),
        },
        moment(0),
    )
    .unwrap()
}

fn output(commands: &[Command]) -> Value {
    match commands.last() {
        Some(Command::Finish(Ending::Succeeded { output })) => serde_json::from_str(output).unwrap(),
        other => panic!("not succeeded: {other:?}"),
    }
}

fn task_machine() -> Value {
    json!({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 10,
        "Parameters": {"FunctionName": "f", "Payload.$": "$"},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
        "ResultSelector": {"answer.$": "$.Payload"}, "ResultPath": "$.t", "End": true},
        "Caught": {"Type": "Pass", "End": true}}})
}

fn task_of(commands: &[Command]) -> asl::TaskId {
    let task = |command: &Command| {
        if let Command::InvokeTask(request) = command {
            Some(request.task)
        } else {
            None
        }
    };
    commands.iter().find_map(task).unwrap()
}

fn timer_of(commands: &[Command]) -> asl::TimerId {
    let timer = |command: &Command| {
        if let Command::StartTimer { timer, .. } = command {
            Some(*timer)
        } else {
            None
        }
    };
    commands.iter().find_map(timer).unwrap()
}

#[test]
fn task_results_flow_through_selector_and_result_path() {
    let (execution, commands) = start(&task_machine(), &json!({"x": 1}));
    let task = task_of(&commands);
    let done = Event::TaskSucceeded {
        task,
        output: json!({"Payload": 7, "StatusCode": 200}).to_string(),
    };
    let (execution, commands) = step(execution, done, moment(5)).unwrap();
    assert_eq!(output(&commands), json!({"x": 1, "t": {"answer": 7}}));
    assert!(execution.is_ended());
}

#[test]
fn failures_are_retried_then_caught() {
    let (execution, commands) = start(&task_machine(), &json!({"x": 1}));
    let failed = |task| Event::TaskFailed {
        task,
        phase: TaskPhase::Run,
        error: Some("Busy".into()),
        cause: Some("later".into()),
    };
    let (execution, commands) = step(execution, failed(task_of(&commands)), moment(5)).unwrap();
    let Some(Command::StartTimer { timer, at }) = commands.last() else {
        panic!("{commands:?}")
    };
    assert_eq!(at.as_millis(), 2_005);
    let (execution, commands) = step(execution, Event::TimerFired { timer: *timer }, moment(2_005)).unwrap();
    let (_, commands) = step(execution, failed(task_of(&commands)), moment(2_010)).unwrap();
    assert_eq!(
        output(&commands),
        json!({"x": 1, "error": {"Error": "Busy", "Cause": "later"}})
    );
}

#[test]
fn tasks_time_out_and_late_answers_are_refused() {
    let (execution, commands) = start(&task_machine(), &json!({}));
    let task = task_of(&commands);
    let fired = Event::TimerFired {
        timer: timer_of(&commands),
    };
    let (execution, commands) = step(execution, fired, moment(10_000)).unwrap();
    assert!(matches!(commands.first(), Some(Command::CancelTask(cancelled)) if *cancelled == task));
    assert_eq!(
        output(&commands),
        json!({"error": {"Error": "States.Timeout", "Cause": ""}})
    );
    let Err(Refused { reason, execution }) = step(execution, Event::TaskHeartbeat { task }, moment(10_001)) else {
        panic!("taken")
    };
    assert_eq!(reason, RefusedReason::Ended);
    assert!(execution.is_ended());
}

#[test]
fn refused_events_leave_the_execution_as_it_was() {
    let (execution, commands) = start(&task_machine(), &json!({}));
    let unknown = Event::TaskSucceeded {
        task: asl::TaskId(99),
        output: "1".into(),
    };
    let Err(Refused { reason, execution }) = step(execution, unknown, moment(1)) else {
        panic!("taken")
    };
    assert_eq!(reason, RefusedReason::UnknownTask(asl::TaskId(99)));
    let done = Event::TaskSucceeded {
        task: task_of(&commands),
        output: json!({"Payload": 1}).to_string(),
    };
    assert!(step(*execution, done, moment(2)).is_ok());
}

#[test]
fn the_same_events_give_the_same_history() {
    let run = || {
        let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"id.$": "States.UUID()", "n.$": "States.MathRandom(0, 1000)"}, "End": true}}},
            {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 1, "End": true}}}]}}});
        let (execution, commands) = start(&definition, &json!({}));
        let fired = Event::TimerFired {
            timer: timer_of(&commands),
        };
        let (mut execution, _) = step(execution, fired, moment(1_000)).unwrap();
        serde_json::to_string(&execution.take_history()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn distributed_maps_are_handed_over_complete() {
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "MaxConcurrencyPath": "$.most",
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL", "MaxItems": 5},
            "Parameters": {"Bucket.$": "$.bucket", "Key": "k"}},
        "ItemSelector": {"line.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index", "run.$": "$.run", "from.$": "$$.Map.Item.Source"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"run.$": "$.run"}},
        "ToleratedFailurePercentage": 100,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix.$": "$.run"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "A",
            "States": {"A": {"Type": "Pass", "End": true}}},
        "ResultPath": "$.m", "End": true}}});
    let (execution, commands) = start(&definition, &json!({"most": 3, "bucket": "in", "run": "r1"}));
    let Some(Command::StartMapRun(request)) = commands.first() else {
        panic!("{commands:?}")
    };
    assert_eq!(
        (
            request.max_concurrency,
            request.tolerated_failure_percentage,
            request.label.as_deref()
        ),
        (3, Some(100.0), Some("L"))
    );
    let Items::Reader(reader) = &request.items else {
        panic!("{:?}", request.items)
    };
    assert_eq!(
        (reader.arguments.clone(), reader.max_items),
        (json!({"Bucket": "in", "Key": "k"}), Some(5))
    );
    let item = request.select_item(4, "S3://in/k", json!({"a": 1})).unwrap();
    assert_eq!(
        item,
        json!({"line": {"a": 1}, "index": 4, "run": "r1", "from": "S3://in/k"})
    );
    assert_eq!(
        request.batch_input(vec![json!(1)]),
        json!({"Items": [1], "BatchInput": {"run": "r1"}})
    );
    assert_eq!(
        request.writer.as_ref().unwrap().arguments,
        json!({"Bucket": "b", "Prefix": "r1"})
    );
    let (map_run, arn) = (request.map_run, "arn:run".to_owned());
    let (execution, _) = step(execution, Event::MapRunStarted { map_run, arn }, moment(1)).unwrap();
    let result = MapRunResult::Succeeded { output: "[1,2]".into() };
    let (_, commands) = step(execution, Event::MapRunEnded { map_run, result }, moment(2)).unwrap();
    assert_eq!(output(&commands)["m"], json!([1, 2]));
}

#[test]
fn filters_of_real_machines_find_what_they_seek() {
    let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Parameters": {
        "failed.$": "$.results[?(@.statusCode != 200)].message", "flat.$": "$.nested[*][*]", "count.$": "States.ArrayLength($.results)"}}}});
    let input = json!({"results": [{"statusCode": 200, "message": "a"}, {"statusCode": 404, "message": "b"}], "nested": [[1], [2, 3]]});
    let (_, commands) = start(&definition, &input);
    assert_eq!(
        output(&commands),
        json!({"failed": ["b"], "flat": [1, 2, 3], "count": 2})
    );
}

#[test]
fn endless_loops_end() {
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}});
    let (_, commands) = start(&definition, &json!({}));
    assert!(matches!(commands.last(), Some(Command::Finish(Ending::Failed(_)))));
    let growing = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"a.$": "$"}, "Next": "A"}}});
    let (_, commands) = start(&growing, &json!({}));
    assert!(matches!(commands.last(), Some(Command::Finish(Ending::Failed(_)))));
}

#[test]
fn executions_move_between_threads_and_requests_are_shared() {
    const fn assert_send<T: Send>() {}
    const fn assert_shared<T: Send + Sync>() {}
    assert_send::<Execution>();
    assert_send::<Command>();
    assert_shared::<asl::MapRunRequest>();
    assert_shared::<asl::StateMachine>();
}
