//! Rules of the language as recordings of AWS show them, each with the value that AWS gives.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one command it looks for"
)]

use asl::test_state::{TestStateProgress, TestStateRefused, TestStateRequest, TestStateResponse, test_state};
use asl::{
    Command, Ending, Event, Execution, ExecutionType, HistoryEvent, Identity, MapRunResult, Moment, Recording,
    Severity, TaskPhase, parse, parse_for, step,
};
use serde_json::{Value, json};

fn identity() -> Identity {
    Identity::example(ExecutionType::Standard)
}

fn now() -> Moment {
    Moment {
        now: identity().start_time,
        jitter: 0.5,
    }
}

fn start(definition: &Value, identity: Identity, input: &Value) -> (Execution, Vec<Command>) {
    let machine = parse(&definition.to_string()).machine.unwrap();
    let execution = Execution::new(machine, identity, Recording::Full);
    let input = input.to_string();
    step(execution, Event::Start { input }, now()).unwrap()
}

fn ending(commands: &[Command]) -> Ending {
    let found = commands.iter().find_map(|command| match command {
        Command::Finish(ending) => Some(ending.clone()),
        _ => None,
    });
    found.unwrap()
}

fn output(commands: &[Command]) -> Value {
    match ending(commands) {
        Ending::Succeeded { output } => serde_json::from_str(&output).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn pass(fields: &Value) -> Value {
    let mut state = json!({"Type": "Pass", "End": true});
    state
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({"StartAt": "A", "States": {"A": state}})
}

fn named(event: &HistoryEvent) -> Value {
    serde_json::to_value(event).unwrap()
}

#[test]
fn a_half_is_rounded_up() {
    for (sum, expected) in [
        ("-2.5, 0", -2),
        ("2.5, 0", 3),
        ("-0.5, 0", 0),
        ("-2.51, 0", -3),
        ("1.49, 1.5", 3),
    ] {
        let definition = pass(&json!({"Parameters": {"x.$": format!("States.MathAdd({sum})")}}));
        let (_, commands) = start(&definition, identity(), &json!({}));
        assert_eq!(output(&commands), json!({ "x": expected }), "{sum}");
    }
}

#[test]
fn paths_of_settings_may_lead_to_strings_that_hold_numbers() {
    let map = json!({"StartAt": "A", "States": {"A": {"Type": "Map", "End": true, "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.most", "ToleratedFailureCountPath": "$.count", "ToleratedFailurePercentagePath": "$.share",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}}}});
    let input = json!({"items": [1], "most": "3", "count": "2", "share": "12.5"});
    let (_, commands) = start(&map, identity(), &input);
    let request = commands.iter().find_map(|command| match command {
        Command::StartMapRun(request) => Some(request.clone()),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!(request.max_concurrency, 3);
    assert_eq!(request.tolerated_failure_count, Some(2));
    assert_eq!(request.tolerated_failure_percentage, Some(12.5));
    let (_, commands) = start(
        &map,
        identity(),
        &json!({"items": [1], "most": "three", "count": 2, "share": 1}),
    );
    assert!(matches!(ending(&commands), Ending::Failed(_)));
}

#[test]
fn the_state_after_a_map_run_follows_its_start() {
    let map = json!({"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}}}});
    let (execution, commands) = start(&map, identity(), &json!([1]));
    let run = commands.iter().find_map(|command| match command {
        Command::StartMapRun(request) => Some(request.map_run),
        _ => None,
    });
    let map_run = run.unwrap();
    let arn = "arn".to_owned();
    let (execution, _) = step(execution, Event::MapRunStarted { map_run, arn }, now()).unwrap();
    let result = MapRunResult::Succeeded {
        output: "[1]".to_owned(),
    };
    let (mut execution, _) = step(execution, Event::MapRunEnded { map_run, result }, now()).unwrap();
    let events: Vec<Value> = execution.take_history().iter().map(named).collect();
    let previous = |kind: &str| {
        let event = events.iter().find(|event| event["type"] == kind).unwrap();
        let id = &event["previousEventId"];
        let previous = events.iter().find(|event| event["id"] == *id).unwrap();
        previous["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(previous("MapRunSucceeded"), "MapRunStarted");
    assert_eq!(previous("MapStateSucceeded"), "MapRunSucceeded");
    assert_eq!(previous("MapStateExited"), "MapRunStarted");
}

#[test]
fn a_caught_error_without_a_cause_has_an_empty_one() {
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": true},
        "B": {"Type": "Pass", "End": true}}});
    let (execution, commands) = start(&definition, identity(), &json!({}));
    let task = commands.iter().find_map(|command| match command {
        Command::InvokeTask(request) => Some(request.task),
        _ => None,
    });
    let failed = Event::TaskFailed {
        task: task.unwrap(),
        phase: TaskPhase::TimedOut,
        error: Some("States.Timeout".to_owned()),
        cause: None,
    };
    let (_, commands) = step(execution, failed, now()).unwrap();
    assert_eq!(output(&commands), json!({"Error": "States.Timeout", "Cause": ""}));
}

#[test]
fn the_context_of_a_synchronous_execution_has_no_redrive_count() {
    let definition = pass(&json!({"Parameters": {"x.$": "$$.Execution"}}));
    let count = |synchronous| {
        let identity = Identity {
            synchronous,
            ..identity()
        };
        let (_, commands) = start(&definition, identity, &json!({}));
        output(&commands)["x"].get("RedriveCount").cloned()
    };
    assert_eq!((count(false), count(true)), (Some(json!(0)), None));
}

#[test]
fn an_empty_assign_leaves_no_mark_in_the_history() {
    let exited = |assign: Value| {
        let (mut execution, _) = start(&pass(&json!({"Assign": assign})), identity(), &json!({}));
        let history = execution.take_history();
        let event = history
            .iter()
            .map(named)
            .find(|event| event["type"] == "PassStateExited");
        event.unwrap()["stateExitedEventDetails"]
            .get("assignedVariables")
            .cloned()
    };
    assert_eq!(exited(json!({})), None);
    assert_eq!(exited(json!({"a": 1})), Some(json!({"a": "1"})));
}

#[test]
fn words_without_quotes_in_a_filter_are_strings() {
    let definition = pass(&json!({"Parameters": {"x.$": "$.jobs[?(@.status==Failure)].id"}}));
    let jobs = json!({"jobs": [{"id": 1, "status": "Success"}, {"id": 2, "status": "Failure"}]});
    let (_, commands) = start(&definition, identity(), &jobs);
    assert_eq!(output(&commands), json!({"x": [2]}));
}

/// The errors of a definition: message and location.
fn errors(definition: &Value, kind: ExecutionType) -> Vec<(String, String)> {
    let parsed = parse_for(&definition.to_string(), kind);
    let errors = parsed
        .diagnostics
        .into_iter()
        .filter(|found| found.severity == Severity::Error);
    errors.map(|found| (found.message, found.location)).collect()
}

fn one(message: &str, location: &str) -> Vec<(String, String)> {
    vec![(message.to_owned(), location.to_owned())]
}

#[test]
fn a_state_cannot_go_back_to_jsonpath() {
    let standard = ExecutionType::Standard;
    let mut definition = pass(&json!({"QueryLanguage": "JSONPath"}));
    assert_eq!(errors(&definition, standard), []);
    definition["QueryLanguage"] = json!("JSONata");
    assert_eq!(
        errors(&definition, standard),
        one(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            "/States/A"
        )
    );
    // The states of a processor have the machine's language, not the Map's.
    let map = json!({"StartAt": "A", "States": {"A": {"Type": "Map", "QueryLanguage": "JSONata", "Items": [1], "End": true,
        "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "InputPath": "$.a", "End": true}}}}}});
    assert_eq!(errors(&map, standard), []);
}

#[test]
fn fields_of_other_kinds_and_doubled_names_are_errors() {
    let standard = ExecutionType::Standard;
    for field in ["TimeoutSeconds", "Retry", "Catch"] {
        let value = if field == "TimeoutSeconds" { json!(1) } else { json!([]) };
        assert_eq!(
            errors(&pass(&json!({ field: value })), standard),
            one(&format!("Field '{field}' is not supported"), "/States/A")
        );
    }
    let parallel = json!({"StartAt": "A", "States": {"A": {"Type": "Parallel", "End": true,
        "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]}}});
    assert_eq!(
        errors(&parallel, standard),
        one("Duplicate State name: A", "/States/A/Branches/0/States/A")
    );
}

#[test]
fn what_express_cannot_wait_for_is_told_with_and_without_a_space() {
    let machine = |pattern: &str| {
        json!({"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
            "Resource": format!("arn:aws:states:::states:startExecution{pattern}"),
            "Parameters": {"StateMachineArn": "x", "Input": {"t.$": "$$.Task.Token"}}}}})
    };
    let told = |pattern: &str| errors(&machine(pattern), ExecutionType::Express);
    let place = "/States/A/Resource";
    let sync = "Express state machine does not support '.sync' service integration";
    assert_eq!(told(".sync"), one(sync, place));
    let token = "Express state machine does not support '.waitForTaskToken' service integration ";
    assert_eq!(told(".waitForTaskToken"), one(token, place));
}

#[test]
fn values_out_of_range_and_combinations_of_a_distributed_map_are_errors() {
    let map = |fields: Value| {
        let mut state = json!({"Type": "Map", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}});
        state
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        errors(
            &json!({"StartAt": "A", "States": {"A": state}}),
            ExecutionType::Standard,
        )
    };
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"});
    for (fields, place) in [
        (
            json!({"ToleratedFailurePercentage": 101}),
            "/States/A/ToleratedFailurePercentage",
        ),
        (json!({"ItemBatcher": {}}), "/States/A/ItemBatcher"),
        (
            json!({"ItemReader": {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"Bucket": "b"}}}),
            "/States/A/ItemReader/Resource",
        ),
        (
            json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": given,
                "Parameters": {"Bucket": "b", "Key": "k"}}}),
            "/States/A/ItemReader/ReaderConfig",
        ),
    ] {
        let found = map(fields.clone());
        assert_eq!(found.len(), 1, "{fields}: {found:?}");
        assert_eq!(found[0].1, place);
    }
}

fn tested(request: Value) -> Result<TestStateResponse, TestStateRefused> {
    let request: TestStateRequest = serde_json::from_value(request).unwrap();
    match test_state(&request, Identity::example(ExecutionType::Express), now())? {
        TestStateProgress::Done(response) => Ok(*response),
        TestStateProgress::Invoke(request, _) => panic!("{request:?}"),
    }
}

fn task(language: &str, pattern: &str) -> String {
    json!({"Type": "Task", "QueryLanguage": language, "Resource": format!("arn:aws:states:::lambda:invoke{pattern}"), "End": true})
        .to_string()
}

#[test]
fn mocks_are_checked_before_anything_runs() {
    let refused = |mock: Value| {
        tested(json!({"definition": task("JSONPath", ""), "mock": mock}))
            .unwrap_err()
            .message
    };
    assert_eq!(
        refused(json!({"result": "{}", "errorOutput": {"error": "E"}})),
        "A test mock should have only one of the following fields: [result, errorOutput]."
    );
    assert_eq!(
        refused(json!({"result": "no JSON"})),
        "Mocked result must be valid JSON"
    );
    let map = json!({"Type": "Map", "End": true,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}});
    let written =
        |result: &str| tested(json!({"definition": map.to_string(), "input": "[1]", "mock": {"result": result}}));
    assert_eq!(written("[1]").unwrap_err().code, "ValidationException");
    assert_eq!(written(r#"{"MapRunArn":"a"}"#).unwrap().status, "SUCCEEDED");
}

#[test]
fn a_given_context_is_checked_at_every_depth() {
    let refused = |pattern: &str, context: Value| {
        let request = json!({"definition": task("JSONPath", pattern), "context": context.to_string(),
            "mock": {"errorOutput": {"error": "E"}}});
        tested(request).err().map(|refused| refused.message)
    };
    let not = |name: &str| {
        Some(format!(
            "Invalid Context object provided: Field '{name}' is not allowed"
        ))
    };
    assert_eq!(
        refused("", json!({"Execution": {"Name": "n", "RedriveCount": 0}})),
        None
    );
    assert_eq!(refused("", json!({"Execution": {"Nome": "n"}})), not("Nome"));
    assert_eq!(refused("", json!({"Map": {}})), not("Map"));
    assert_eq!(refused("", json!({"Task": {"Token": "t"}})), not("Task"));
    assert_eq!(refused(".waitForTaskToken", json!({"Task": {"Token": "t"}})), None);
    assert!(refused("", json!({"State": {"RetryCount": "1"}})).is_some());
}

#[test]
fn the_result_of_a_jsonata_task_is_told() {
    let request = json!({"definition": task("JSONata", ""), "inspectionLevel": "DEBUG",
        "mock": {"result": "{\"StatusCode\":200}", "fieldValidationMode": "NONE"}});
    let told = tested(request).unwrap().inspection_data.unwrap();
    assert_eq!(told["result"], json!("{\"StatusCode\":200}"));
}
