//! Cases that execute nothing: validation, creation errors, variable references.

use crate::case::Case;
use crate::compare::{Compared, Rules, short};
use crate::paths::Step;
use asl::{Diagnostic, ExecutionType, Severity, Value};
use serde_json::json;

pub(crate) fn compare(case: &Case) -> Compared {
    let kind = if case.is_express() {
        ExecutionType::Express
    } else {
        ExecutionType::Standard
    };
    let parsed = asl::parse_for(case.text("definition"), kind);
    match case.kind() {
        "validate_definition" => compare_findings(case, &parsed.diagnostics),
        "create_error" => compare_error(case, &parsed.diagnostics),
        "variable_references" => compare_references(case, parsed.machine.as_deref()),
        other => Err(format!("unknown kind {other}")),
    }
}

fn compare_findings(case: &Case, diagnostics: &[Diagnostic]) -> Compared {
    let found: Vec<Value> = diagnostics
        .iter()
        .filter(|diagnostic| !diagnostic.ours)
        .map(shown)
        .collect();
    let result = if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        "FAIL"
    } else {
        "OK"
    };
    let actual = json!({"diagnostics": found, "result": result, "truncated": false});
    Rules::of(case).compare(
        &case.expect()["response"],
        &actual,
        &mut vec![Step::Name("response".into())],
    )
}

fn shown(diagnostic: &Diagnostic) -> Value {
    let mut shown = json!({"code": diagnostic.code, "message": diagnostic.message, "severity": diagnostic.severity});
    if !diagnostic.location.is_empty() {
        shown["location"] = Value::from(diagnostic.location.as_str());
    }
    shown
}

fn compare_error(case: &Case, diagnostics: &[Diagnostic]) -> Compared {
    let error = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity == Severity::Error);
    let Some(error) = error else {
        return Err("the definition was not refused".to_owned());
    };
    let message = format!(
        "Invalid State Machine Definition: '{}: {} at {}'",
        error.code, error.message, error.location
    );
    let actual = json!({"code": "InvalidDefinition", "message": message});
    Rules::of(case).compare(&case.expect()["error"], &actual, &mut vec![Step::Name("error".into())])
}

fn compare_references(case: &Case, machine: Option<&asl::StateMachine>) -> Compared {
    let Some(machine) = machine else {
        return Err("the definition was refused".to_owned());
    };
    let actual = serde_json::to_value(machine.variable_references()).unwrap();
    let expected = &case.expect()["variableReferences"];
    if expected == &actual {
        Ok(())
    } else {
        Err(format!("expected {} but found {}", short(expected), short(&actual)))
    }
}
