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

async fn compare(served: &Served, operation: &str, request: &Value, case: &Case) {
    if let Some(error) = case.json["expect"].get("error") {
        let (code, message) = served.refused(operation, request).await;
        case.compare(error, &json!({"code": code, "message": message}), "$.error");
    } else {
        let answer = served.ok(operation, request).await;
        case.compare(&case.json["expect"]["response"], &answer, "$.response");
    }
}
