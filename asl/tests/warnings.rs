//! Faults that AWS and its linters take without a word, each found where it is.
#![cfg(test)]

use asl::{Severity, parse};

fn findings(text: &str) -> Vec<(String, usize)> {
    let parsed = parse(text);
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
    let warnings = parsed
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Warning && diagnostic.ours);
    warnings
        .map(|diagnostic| (diagnostic.pointer.clone(), diagnostic.line))
        .collect()
}

fn one(pointer: &str, line: usize) -> Vec<(String, usize)> {
    vec![(pointer.to_owned(), line)]
}

#[test]
fn unreachable_states_are_found() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"},
        "B": {"Type": "Succeed"}}}"#;
    let parsed = parse(text);
    let found: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|found| {
            (
                found.severity,
                found.code.as_str(),
                found.message.as_str(),
                found.location.as_str(),
            )
        })
        .collect();
    // As CreateStateMachine answers.
    let expected = (
        Severity::Error,
        "MISSING_TRANSITION_TARGET",
        "State \"B\" is not reachable.",
        "/States/B",
    );
    assert_eq!(found, [expected]);
}

#[test]
fn lost_input_is_found() {
    let text = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName.$": "$.table", "Item": {}}, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"x.$": "$.table"}, "End": true}}}"#;
    assert_eq!(findings(text), one("/States/A", 2));
}

#[test]
fn tokens_that_nobody_gets_are_found() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}"#;
    assert_eq!(findings(text), one("/States/A/Resource", 2));
}

#[test]
fn readers_without_a_key_and_readers_inline_are_found() {
    let machine = |mode: &str, parameters: &str| {
        format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Map", "End": true,
            "ItemReader": {{"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {{"InputType": "JSON"}}, "Parameters": {parameters}}},
            "ItemProcessor": {{"ProcessorConfig": {{{mode}}}, "StartAt": "B", "States": {{"B": {{"Type": "Succeed"}}}}}}}}}}}}"#
        )
    };
    let distributed = r#""Mode": "DISTRIBUTED", "ExecutionType": "STANDARD""#;
    assert_eq!(
        findings(&machine(distributed, r#"{"Bucket": "b"}"#)),
        one("/States/A/ItemReader", 2)
    );
    assert_eq!(
        findings(&machine(r#""Mode": "INLINE""#, r#"{"Bucket": "b", "Key": "k"}"#)),
        one("/States/A/ItemReader", 2)
    );
    assert_eq!(
        findings(&machine(distributed, r#"{"Bucket": "b", "Key.$": "$.key"}"#)),
        []
    );
}

#[test]
fn legacy_maps_that_mistake_their_input_for_the_item_are_found() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true, "ItemsPath": "$.list",
        "Parameters": {"x.$": "$.x"},
        "Iterator": {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#;
    assert_eq!(findings(text), one("/States/A/Parameters", 2));
}

#[test]
fn warnings_are_told_beside_errors() {
    let text = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Odd"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}"#;
    let parsed = parse(text);
    assert!(parsed.machine.is_none());
    let told: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.severity, diagnostic.pointer.as_str()))
        .collect();
    // Nobody can say what leads to B: that is not told.
    assert_eq!(
        told,
        [
            (Severity::Error, "/States/A/Type"),
            (Severity::Warning, "/States/B/Resource")
        ]
    );
}

#[test]
fn all_errors_are_told_at_once() {
    let text = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "Nowhere"},
        "B": {"Type": "Task", "Resource": "nothing", "End": true},
        "C": {"Type": "Pass", "Parameters": {"x.$": "States.Nope()"}, "End": true},
        "D": {"Type": "Odd"}}}"#;
    let parsed = parse(text);
    let lines: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.line, diagnostic.pointer.as_str()))
        .collect();
    assert!(parsed.machine.is_none());
    assert_eq!(
        lines,
        [
            (2, "/States/A/Next"),
            (3, "/States/B/Resource"),
            (4, "/States/C/Parameters/x.$"),
            (5, "/States/D/Type")
        ]
    );
}
