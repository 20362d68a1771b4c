//! `gantry validate`: seeded faults, each told once, with its place.

use crate::support::Place;
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

/// One fault in a definition of its own; expected: line, column, severity, pointer, a part of the message.
type Seeded = (&'static str, (u64, u64, &'static str, &'static str, &'static str));

const SEEDED: [Seeded; 14] = [
    (
        // The result of the call replaces the input that the next state reads again.
        r#"{"StartAt": "A", "States": {
  "A": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {"TableName.$": "$.table"}, "Next": "B"},
  "B": {"Type": "Pass", "Parameters": {"t.$": "$.table"}, "End": true}}}"#,
        (2, 3, "WARNING", "/States/A", "ResultPath is missing"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "ItemsPath": "$.list", "End": true,
    "Parameters": {"name.$": "$.name"},
    "Iterator": {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#,
        (2, 5, "WARNING", "/States/A/Parameters", "$$.Map.Item.Value"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true,
  "Parameters": {
      "x.$": "States.Shuffle($.list)"}}}}"#,
        (3, 7, "ERROR", "/States/A/Parameters/x.$", "valid intrinsic function"),
    ),
    (
        "{\"StartAt\": \"A\", \"States\": {\n \"A\": {\"Type\": \"Succeed\"},\n \"B\": {\"Type\": \"Succeed\"}}}",
        (3, 2, "ERROR", "/States/B", "is not reachable"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
  "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"}},
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#,
        (2, 3, "WARNING", "/States/A/ItemReader", "no 'Key'"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
  "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}},
  "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}}}}"#,
        (3, 3, "WARNING", "/States/A/ItemReader", "DISTRIBUTED"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
  "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
  "Parameters": {"QueueUrl": "q", "MessageBody": "m"}}}}"#,
        (2, 3, "WARNING", "/States/A/Resource", "$$.Task.Token"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
    "StartAt": "B", "States": {"B": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "j"}}}}}}}"#,
        (4, 9, "ERROR", "/States/A/ItemProcessor/States/B/Resource", "'.sync'"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
    "StartAt": "B", "States": {"B": {"Type": "Map", "End": true,
      "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "C", "States": {"C": {"Type": "Succeed"}}}}}}}}}"#,
        (
            4,
            7,
            "WARNING",
            "/States/A/ItemProcessor/States/B/ItemProcessor",
            "an EXPRESS execution",
        ),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
  "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
  "TimeoutSeconds": 60,
  "HeartbeatSeconds": 60}}}"#,
        (
            4,
            3,
            "WARNING",
            "/States/A/HeartbeatSeconds",
            "smaller than TimeoutSeconds",
        ),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "End": true,
  "Label": "12345678901234567890123456789012345678901",
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}}}"#,
        (2, 3, "ERROR", "/States/A/Label", "40"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass",
  "Next": "Z"}}}"#,
        (2, 3, "ERROR", "/States/A/Next", "Z"),
    ),
    (
        r#"{"StartAt": "A", "States": {"A/b~c": {"Type": "Pass",
  "InputPath": "$.[", "End": true}}}"#,
        (2, 3, "ERROR", "/States/A~1b~0c/InputPath", "JSONPath"),
    ),
    (
        // As Jackson counts: behind the token that it could not read.
        "{\"StartAt\": \"A\",\n  nonsense}",
        (2, 11, "ERROR", "", "Unrecognized token 'nonsense'"),
    ),
];

#[test]
fn seeded_faults_are_told_with_pointer_line_and_column() {
    for (definition, (line, column, severity, pointer, message)) in SEEDED {
        let place = Place::new();
        place.write("m.asl.json", definition);
        let code = if severity == "ERROR" { 2 } else { 0 };
        let said = place.run("--json validate m.asl.json").expect(code);
        let told: Vec<Value> = said
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let found = told.iter().any(|told| {
            told["line"] == line
                && told["column"] == column
                && told["severity"] == severity
                && told["pointer"] == pointer
                && told["file"] == "m.asl.json"
                && told["message"].as_str().is_some_and(|text| text.contains(message))
        });
        assert!(found, "{definition}\n{told:#?}");
    }
}

#[test]
fn all_findings_of_all_files_come_at_once() {
    let place = Place::new();
    place.write(
        "one.json",
        "{\"StartAt\": \"A\", \"States\": {\n \"A\": {\"Type\": \"Odd\"},\n \"B\": {\"Type\": \"Succeed\", \"Next\": 1}}}",
    );
    place.write(
        "two.json",
        "{\"StartAt\": \"A\", \"States\": {\n \"A\": {\"Type\": \"Succeed\"},\n \"B\": {\"Type\": \"Succeed\"}}}",
    );
    let said = place.run("validate one.json missing.json two.json").expect(2);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert!(
        lines[0].starts_with("one.json:2:8: error SCHEMA_VALIDATION_FAILED "),
        "{said:?}"
    );
    assert!(lines[0].ends_with(" (/States/A/Type)"), "{said:?}");
    assert!(lines.iter().any(|line| line.starts_with("one.json:3:")), "{said:?}");
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("two.json:3:2: error MISSING_TRANSITION_TARGET State \"B\" is not reachable."),
        "{said:?}"
    );
    assert!(said.stderr.contains("failed to read `missing.json`"), "{said:?}");
    assert!(
        said.stderr.contains("3 files: ") && said.stderr.contains("1 not read"),
        "{said:?}"
    );
}

#[test]
fn a_sound_definition_is_told_by_nothing_but_the_exit_code() {
    let place = Place::new();
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
    place.write("m.json", text);
    let said = place.run("validate m.json").expect(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("", "1 file: 0 errors, 0 warnings\n")
    );
}

#[test]
fn what_is_filled_in_later_is_not_judged() {
    let place = Place::new();
    place.write("m.json", asl::machines::MANIFEST_MAP);
    let said = place.run("validate m.json").expect(0);
    assert_eq!(
        said.stderr,
        "1 file: 0 errors, 0 warnings, 4 placeholders not checked\n"
    );
    place.write(
        "m.json",
        r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "x${Arn}", "End": true}}}"#,
    );
    place.run("validate m.json").expect(2);
}

#[test]
fn stdin_and_the_kind_of_machine_are_heeded() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "j"}}}}"#;
    for (words, code) in [("validate -", 0), ("validate --type EXPRESS -", 2)] {
        let place = Place::new();
        let mut command = place.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {output:?}");
        assert_eq!(output.stdout.starts_with(b"-:2:9: error "), code == 2, "{output:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_not_read() {
    let place = Place::new();
    place.write("m.json", b"{\"a\": \"\xff\"}");
    let said = place.run("validate m.json").expect(2);
    assert!(said.stderr.contains("not UTF-8 from byte 7 on"), "{said:?}");
}
