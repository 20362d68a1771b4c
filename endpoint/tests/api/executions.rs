//! Executions, activities, task tokens and map runs. Texts of refusals are recordings of the service, 2023-06 to 2025-03.

use serde_json::{Value, json};

use crate::support::{FUNCTION, Served, pass};

const ROLE: &str = "arn:aws:iam::111111111111:role/r";

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:states:us-east-1:111111111111:{kind}:{name}")
}

fn refusal(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

async fn create(served: &Served, kind: &str, definition: &Value) {
    let machine =
        json!({"name": "m", "type": kind, "roleArn": ROLE, "definition": definition.to_string(), "publish": true});
    served.ok("CreateStateMachine", &machine).await;
}

fn one_state(state: &Value) -> Value {
    let mut state = state.clone();
    state["End"] = json!(true);
    json!({"StartAt": "A", "States": {"A": state}})
}

fn start(name: &str, input: &str) -> Value {
    json!({"stateMachineArn": arn("stateMachine", "m"), "name": name, "input": input})
}

#[tokio::test]
async fn an_execution_is_started_described_and_listed() {
    let served = Served::start().await;
    create(&served, "STANDARD", &serde_json::from_str(&pass()).unwrap()).await;
    let started = served.ok("StartExecution", &start("e", "{\"a\": 1}")).await;
    assert_eq!(
        started,
        json!({"executionArn": arn("execution", "m:e"), "startDate": 0.0})
    );
    let described = served.ended(&started).await;
    let expected = json!({
        "executionArn": arn("execution", "m:e"), "stateMachineArn": arn("stateMachine", "m"), "name": "e",
        "status": "SUCCEEDED", "startDate": 0.0, "stopDate": 0.0,
        "input": "{\"a\": 1}", "inputDetails": {"included": true},
        "output": "{\"a\": 1}", "outputDetails": {"included": true},
        "redriveCount": 0, "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    });
    assert_eq!(described, expected);
    let taken = format!("Execution Already Exists: '{}'", arn("execution", "m:e"));
    let told = served.refused("StartExecution", &start("e", "{}")).await;
    assert_eq!(told, refusal("ExecutionAlreadyExists", &taken));
    let machine = json!({"stateMachineArn": arn("stateMachine", "m")});
    let listed = served.ok("ListExecutions", &machine).await;
    assert_eq!(listed["executions"][0]["executionArn"], arn("execution", "m:e"));
    let running = json!({"stateMachineArn": arn("stateMachine", "m"), "statusFilter": "RUNNING"});
    assert_eq!(served.ok("ListExecutions", &running).await, json!({"executions": []}));
    let runs = served
        .ok(
            "DescribeStateMachineForExecution",
            &json!({"executionArn": started["executionArn"]}),
        )
        .await;
    assert_eq!(
        (&runs["definition"], &runs["roleArn"], &runs["name"]),
        (&json!(pass()), &json!(ROLE), &json!("m"))
    );
    served.stop().await;
}

#[tokio::test]
async fn histories_are_read_in_pages_and_both_orders() {
    let served = Served::start().await;
    create(&served, "STANDARD", &serde_json::from_str(&pass()).unwrap()).await;
    let started = served.ok("StartExecution", &start("e", "{}")).await;
    served.ended(&started).await;
    let asked = json!({"executionArn": started["executionArn"], "maxResults": 3});
    let first = served.ok("GetExecutionHistory", &asked).await;
    let kinds = |answer: &Value| -> Vec<String> {
        let events = answer["events"].as_array().unwrap().iter();
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        kinds(&first),
        ["ExecutionStarted", "PassStateEntered", "PassStateExited"]
    );
    assert_eq!(first["events"][0]["timestamp"], 0.0);
    let next = json!({"executionArn": started["executionArn"], "maxResults": 3, "nextToken": first["nextToken"]});
    let second = served.ok("GetExecutionHistory", &next).await;
    assert_eq!(
        (kinds(&second), second.get("nextToken")),
        (vec!["ExecutionSucceeded".to_owned()], None)
    );
    let reversed =
        json!({"executionArn": started["executionArn"], "reverseOrder": true, "includeExecutionData": false});
    let reversed = served.ok("GetExecutionHistory", &reversed).await;
    assert_eq!(kinds(&reversed).first().map(String::as_str), Some("ExecutionSucceeded"));
    assert_eq!(
        reversed["events"][0]["executionSucceededEventDetails"].get("output"),
        None
    );
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_awss_words() {
    let served = Served::start().await;
    create(&served, "STANDARD", &serde_json::from_str(&pass()).unwrap()).await;
    let missing = arn("execution", "m:none");
    let execution = json!({"executionArn": missing});
    let told = format!("Execution Does Not Exist: '{missing}'");
    for operation in [
        "DescribeExecution",
        "GetExecutionHistory",
        "StopExecution",
        "ListMapRuns",
        "RedriveExecution",
    ] {
        assert_eq!(
            served.refused(operation, &execution).await,
            refusal("ExecutionDoesNotExist", &told)
        );
        let invalid = served.refused(operation, &json!({"executionArn": "no_arn"})).await;
        assert_eq!(
            invalid,
            refusal("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: no_arn'")
        );
    }
    let mut other = start("e", "{}");
    other["stateMachineArn"] = json!(arn("stateMachine", "none"));
    let told = format!("State Machine Does Not Exist: '{}'", arn("stateMachine", "none"));
    assert_eq!(
        served.refused("StartExecution", &other).await,
        refusal("StateMachineDoesNotExist", &told)
    );
    let told = served.refused("StartExecution", &start("e", "{'not': 'json'}")).await;
    let message = "Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): \
                   was expecting double-quote to start field name'";
    assert_eq!(told, refusal("InvalidExecutionInput", message));
    let told = served.refused("StartSyncExecution", &start("e", "{}")).await;
    let message = "This operation is not supported by this type of state machine";
    assert_eq!(told, refusal("StateMachineTypeNotSupported", message));
    served.stop().await;
}

#[tokio::test]
async fn versions_and_aliases_run_what_they_name() {
    let served = Served::start().await;
    create(&served, "STANDARD", &one_state(&json!({"Type": "Pass", "Result": 1}))).await;
    let second = one_state(&json!({"Type": "Pass", "Result": 2})).to_string();
    let update = json!({"stateMachineArn": arn("stateMachine", "m"), "definition": second});
    served.ok("UpdateStateMachine", &update).await;
    let version = arn("stateMachine", "m:1");
    let route = json!([{"stateMachineVersionArn": version, "weight": 100}]);
    served
        .ok(
            "CreateStateMachineAlias",
            &json!({"name": "live", "routingConfiguration": route}),
        )
        .await;
    for (qualifier, output) in [("m", "2"), ("m:1", "1"), ("m:live", "1")] {
        let started = served
            .ok(
                "StartExecution",
                &json!({"stateMachineArn": arn("stateMachine", qualifier)}),
            )
            .await;
        assert_eq!(served.ended(&started).await["output"], output, "{qualifier}");
    }
    let of_alias = json!({"stateMachineArn": arn("stateMachine", "m:live")});
    let listed = served.ok("ListExecutions", &of_alias).await;
    assert_eq!(listed["executions"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        listed["executions"][0]["stateMachineAliasArn"],
        arn("stateMachine", "m:live")
    );
    assert_eq!(listed["executions"][0]["stateMachineVersionArn"], version);
    served.stop().await;
}

#[tokio::test]
async fn a_running_execution_is_stopped() {
    let served = Served::start().await;
    create(
        &served,
        "STANDARD",
        &one_state(&json!({"Type": "Wait", "Seconds": 3600})),
    )
    .await;
    let started = served.ok("StartExecution", &start("e", "{}")).await;
    assert_eq!(served.ok("StartExecution", &start("e", "{}")).await, started);
    served.event(&started, "WaitStateEntered").await;
    let stop = json!({"executionArn": started["executionArn"], "error": "Enough", "cause": "of it"});
    served.ok("StopExecution", &stop).await;
    let described = served.ended(&started).await;
    assert_eq!(
        (&described["status"], &described["error"]),
        (&json!("ABORTED"), &json!("Enough"))
    );
    assert_eq!(described["redriveStatus"], "REDRIVABLE");
    served.ok("StopExecution", &stop).await;
    served.stop().await;
}

#[tokio::test]
async fn a_failed_execution_is_redriven() {
    let served = Served::start().await;
    let task = json!({"Type": "Task", "Resource": format!("{FUNCTION}fail")});
    create(&served, "STANDARD", &one_state(&task)).await;
    let started = served.ok("StartExecution", &start("e", "{}")).await;
    assert_eq!(served.ended(&started).await["status"], "FAILED");
    let execution = json!({"executionArn": started["executionArn"]});
    served.ok("RedriveExecution", &execution).await;
    let described = served.ended(&started).await;
    assert_eq!(
        (&described["status"], &described["redriveCount"]),
        (&json!("FAILED"), &json!(1))
    );
    served.stop().await;
}

#[tokio::test]
async fn express_executions_are_run_at_once() {
    let served = Served::start().await;
    let task = json!({"Type": "Task", "Resource": format!("{FUNCTION}double")});
    create(&served, "EXPRESS", &one_state(&task)).await;
    let ended = served.ok("StartSyncExecution", &start("e", "21")).await;
    assert_eq!(
        (&ended["status"], &ended["output"], &ended["name"]),
        (&json!("SUCCEEDED"), &json!("42"), &json!("e"))
    );
    assert_eq!(
        ended["billingDetails"],
        json!({"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100})
    );
    let express = ended["executionArn"].as_str().unwrap();
    assert!(express.starts_with(&arn("express", "m:e:")), "{express}");
    served.ok("StartExecution", &start("e", "1")).await;
    let told = served
        .refused("DescribeExecution", &json!({"executionArn": express}))
        .await;
    assert_eq!(
        told,
        refusal(
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'"
        )
    );
    let machine = json!({"stateMachineArn": arn("stateMachine", "m")});
    assert_eq!(
        served.refused("ListExecutions", &machine).await.0,
        "StateMachineTypeNotSupported"
    );
    served.stop().await;
}

#[tokio::test]
async fn workers_take_tasks_of_an_activity_and_answer_them() {
    let served = Served::start().await;
    let activity = arn("activity", "a");
    let poll = json!({"activityArn": activity, "workerName": "w"});
    let missing = format!("Activity Does Not Exist: '{activity}'");
    assert_eq!(
        served.refused("GetActivityTask", &poll).await,
        refusal("ActivityDoesNotExist", &missing)
    );
    served.ok("CreateActivity", &json!({"name": "a"})).await;
    create(
        &served,
        "STANDARD",
        &one_state(&json!({"Type": "Task", "Resource": activity})),
    )
    .await;
    let started = served.ok("StartExecution", &start("e", "{\"n\": 1}")).await;
    let task = served.ok("GetActivityTask", &poll).await;
    assert_eq!(task["input"], "{\"n\": 1}");
    let token = &task["taskToken"];
    served.ok("SendTaskHeartbeat", &json!({"taskToken": token})).await;
    let told = served
        .refused("SendTaskSuccess", &json!({"taskToken": token, "output": "no json"}))
        .await;
    assert_eq!(told.0, "InvalidOutput");
    served
        .ok("SendTaskSuccess", &json!({"taskToken": token, "output": "2"}))
        .await;
    assert_eq!(served.ended(&started).await["output"], "2");
    let told = served.refused("SendTaskFailure", &json!({"taskToken": token})).await;
    assert_eq!(
        told,
        refusal("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    );
    let told = served
        .refused("SendTaskSuccess", &json!({"taskToken": "forged", "output": "2"}))
        .await;
    assert_eq!(told, refusal("InvalidToken", "Invalid Token: 'Invalid token'"));
    served.stop().await;
}

#[tokio::test]
async fn open_polls_answer_when_the_endpoint_ends() {
    let served = Served::start().await;
    served.ok("CreateActivity", &json!({"name": "a"})).await;
    let poll = json!({"activityArn": arn("activity", "a")}).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AWSStepFunctions.GetActivityTask\r\ncontent-length: {}\r\n\r\n{poll}",
        poll.len()
    );
    let mut stream = served.connect().await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    // Another request on another connection: by its answer the poll is open.
    served.ok("ListActivities", &json!({})).await;
    served.stop().await;
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer)
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{}"),
        "{answer}"
    );
}

#[tokio::test]
async fn map_runs_are_listed_and_described_with_their_children() {
    let served = Served::start().await;
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}},
    });
    let map = json!({"Type": "Map", "Label": "L", "MaxConcurrency": 1, "ItemProcessor": processor});
    create(&served, "STANDARD", &one_state(&map)).await;
    let started = served.ok("StartExecution", &start("e", "[1, 2]")).await;
    assert_eq!(served.ended(&started).await["output"], "[1,2]");
    let listed = served
        .ok("ListMapRuns", &json!({"executionArn": started["executionArn"]}))
        .await;
    let run = &listed["mapRuns"][0];
    assert_eq!(run["stateMachineArn"], arn("stateMachine", "m/L"));
    let named = json!({"mapRunArn": run["mapRunArn"]});
    let described = served.ok("DescribeMapRun", &named).await;
    assert_eq!(
        (&described["status"], &described["maxConcurrency"]),
        (&json!("SUCCEEDED"), &json!(1))
    );
    assert_eq!(
        (&described["itemCounts"]["succeeded"], &described["itemCounts"]["total"]),
        (&json!(2), &json!(2))
    );
    let children = served.ok("ListExecutions", &named).await;
    assert_eq!(children["executions"].as_array().map(Vec::len), Some(2));
    assert_eq!(children["executions"][0]["stateMachineArn"], arn("stateMachine", "m/L"));
    let mut update = named.clone();
    update["maxConcurrency"] = json!(5);
    assert_eq!(served.refused("UpdateMapRun", &update).await.0, "ValidationException");
    update["mapRunArn"] = json!(arn("mapRun", "m/L:none"));
    assert_eq!(served.refused("UpdateMapRun", &update).await.0, "ResourceNotFound");
    served.stop().await;
}
