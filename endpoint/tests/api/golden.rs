//! Recorded cases of the service over the socket: `TestState`, `ValidateStateMachineDefinition`.
//!
//! The recordings are not in the repository: `GANTRY_GOLDEN` names their folder, without it nothing is compared.

use crate::golden_case::{Case, cases};
use crate::support::Served;
use serde_json::{Value, json};

#[tokio::test]
async fn recorded_test_states() {
    let served = Served::start().await;
    let cases = cases("test_state");
    // The others call a service that answers on AWS alone.
    for case in cases.into_iter().filter(|case| case.json.get("needs").is_none()) {
        let mut request = case.json["request"].clone();
        request["definition"] = case.json["definition"].clone();
        request["input"] = case.json.get("input").cloned().unwrap_or(Value::Null);
        compare(&served, "TestState", &request, &case).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn recorded_validations() {
    let served = Served::start().await;
    for case in cases("validate_definition") {
        let mut request = case.json.get("request").cloned().unwrap_or_else(|| json!({}));
        request["definition"] = case.json["definition"].clone();
        request["type"] = case.json["type"].clone();
        compare(&served, "ValidateStateMachineDefinition", &request, &case).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn recorded_refusals_and_references_of_definitions() {
    let served = Served::start().await;
    for case in cases("create_error") {
        let error = case.json["expect"]["error"].clone();
        let (code, message) = served.refused("CreateStateMachine", &machine(&case, "refused")).await;
        case.compare(&error, &json!({"code": code, "message": message}), "$.error");
    }
    for (number, case) in cases("variable_references").into_iter().enumerate() {
        let created = served
            .ok("CreateStateMachine", &machine(&case, &number.to_string()))
            .await;
        let named = json!({"stateMachineArn": created["stateMachineArn"]});
        let described = served.ok("DescribeStateMachine", &named).await;
        let references = described
            .get("variableReferences")
            .cloned()
            .unwrap_or_else(|| json!({}));
        case.compare(
            &case.json["expect"]["variableReferences"],
            &sorted(references),
            "$.variableReferences",
        );
    }
    served.stop().await;
}

/// Executions that call nothing and wait for nothing: time stands still in these tests.
#[tokio::test]
async fn recorded_executions_end_as_recorded() {
    let served = Served::start().await;
    let mut differing = Vec::new();
    let cases: Vec<Case> = cases("execution").into_iter().filter(is_plain).collect();
    for (number, case) in cases.iter().enumerate() {
        let created = served
            .ok("CreateStateMachine", &machine(case, &format!("m{number}")))
            .await;
        let mut start = json!({"stateMachineArn": created["stateMachineArn"], "input": case.json.get("input")});
        if let Some(name) = case.json.get("execution_name") {
            start["name"] = name.clone();
        }
        let started = served.ok("StartExecution", &start).await;
        let ended = served.ended(&started).await;
        if !case.has_outcome(&ended) {
            differing.push(case.json["id"].clone());
        }
    }
    println!(
        "{} recorded executions, {} end otherwise: {differing:?}",
        cases.len(),
        differing.len()
    );
    assert!(differing.is_empty(), "{differing:?}");
    served.stop().await;
}

fn is_plain(case: &Case) -> bool {
    let features = case.json["features"].as_array().cloned().unwrap_or_default();
    let waits = ["Wait", "Retry"]
        .iter()
        .any(|waiting| features.contains(&json!(waiting)));
    let plain = ["needs", "s3_objects", "related_state_machines"]
        .iter()
        .all(|name| case.json.get(name).is_none());
    plain && !waits && case.json["type"] == "STANDARD"
}

fn machine(case: &Case, name: &str) -> Value {
    json!({
        "name": name, "type": case.json["type"], "definition": case.json["definition"],
        "roleArn": "arn:aws:iam::111111111111:role/r",
    })
}

/// The recordings hold the names in order.
fn sorted(mut references: Value) -> Value {
    for names in references.as_object_mut().unwrap().values_mut() {
        names.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    references
}

async fn compare(served: &Served, operation: &str, request: &Value, case: &Case) {
    if let Some(error) = case.json["expect"].get("error") {
        let (code, message) = served.refused(operation, request).await;
        case.compare(error, &json!({"code": code, "message": message}), "$.error");
    } else {
        let answer = served.ok(operation, request).await;
        case.compare(&case.json["expect"]["response"], &answer, "$.response");
    }
}
