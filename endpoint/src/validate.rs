//! Checks a request against the service model, with AWS's words for what is wrong.
//!
//! Types come first: a member of another type than its shape ends the check with a `SerializationException`. Then all
//! constraints are checked, and all faults go into one `ValidationException`. Values of sensitive shapes are not shown.

use serde_json::Value;

use crate::error::ApiError;
use crate::facts::{Facts, Kind, Shape};

/// Status values in the order in which the service lists them (recorded 2024-03-14); other enums are in the model's.
const RECORDED_ORDER: [&str; 6] = [
    "SUCCEEDED",
    "TIMED_OUT",
    "PENDING_REDRIVE",
    "ABORTED",
    "FAILED",
    "RUNNING",
];
/// Shapes whose limit is in **bytes** of UTF-8; the limits of other texts are in UTF-16 units, as Java counts.
const BYTE_LIMITED: [&str; 3] = ["SensitiveData", "SensitiveDataJobInput", "Definition"];

/// Checks the body of a request for an operation.
///
/// # Errors
/// [`ApiError::Serialization`] and [`ApiError::Validation`].
pub(crate) fn check(facts: &Facts, input: &str, body: &Value) -> Result<(), ApiError> {
    let mut checker = Checker {
        facts,
        faults: Vec::new(),
    };
    checker.value(input, body, "")?;
    let faults = checker.faults;
    if faults.is_empty() {
        return Ok(());
    }
    let plural = if faults.len() == 1 { "" } else { "s" };
    let message = format!(
        "{} validation error{plural} detected: {}",
        faults.len(),
        faults.join("; ")
    );
    Err(ApiError::validation(message))
}

struct Checker<'a> {
    facts: &'a Facts,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn value(&mut self, name: &str, value: &Value, path: &str) -> Result<(), ApiError> {
        let facts = self.facts;
        let Some(shape) = facts.shape(name) else {
            return Err(ApiError::Internal(format!("the service model has no shape `{name}`")));
        };
        check_type(shape.kind, value)?;
        match value {
            Value::Object(members) if shape.kind == Kind::Structure => {
                self.members(shape, members, path)?;
            }
            Value::Array(elements) => {
                self.length(name, shape, value, path, elements.len());
                let element = shape.member.as_deref().unwrap_or_default();
                for (at, value) in elements.iter().enumerate() {
                    self.value(element, value, &format!("{path}.{}.member", at + 1))?;
                }
            }
            Value::String(text) => self.text(name, shape, text, value, path),
            Value::Number(number) => {
                if let Some(number) = number.as_f64() {
                    self.number(name, shape, number, value, path);
                }
            }
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        Ok(())
    }

    fn members(&mut self, shape: &Shape, given: &serde_json::Map<String, Value>, path: &str) -> Result<(), ApiError> {
        for (name, member) in shape.members() {
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            match given.get(name).filter(|value| !value.is_null()) {
                Some(value) => self.value(member, value, &path)?,
                None if shape.required.iter().any(|required| required == name) => {
                    self.fault(member, &Value::Null, &path, "Member must not be null");
                }
                None => {}
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str, shape: &Shape, text: &str, value: &Value, path: &str) {
        if !shape.values.is_empty() && !shape.values.iter().any(|one| one == text) {
            let set = format!("Member must satisfy enum value set: [{}]", enum_values(shape));
            self.fault(name, value, path, &set);
        }
        let length = if BYTE_LIMITED.contains(&name) {
            text.len()
        } else {
            text.encode_utf16().count()
        };
        self.length(name, shape, value, path, length);
        let facts = self.facts;
        if let Some(pattern) = facts.pattern(name).filter(|pattern| !pattern.matches(text)) {
            let wanted = format!("Member must satisfy regular expression pattern: {}", pattern.text);
            self.fault(name, value, path, &wanted);
        }
    }

    fn length(&mut self, name: &str, shape: &Shape, value: &Value, path: &str, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if let Some(min) = shape.min.filter(|min| length < *min) {
            let wanted = format!("Member must have length greater than or equal to {min}");
            self.fault(name, value, path, &wanted);
        }
        if let Some(max) = shape.max.filter(|max| length > *max) {
            let wanted = format!("Member must have length less than or equal to {max}");
            self.fault(name, value, path, &wanted);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the model's limits are far below 2^52")]
    fn number(&mut self, name: &str, shape: &Shape, number: f64, value: &Value, path: &str) {
        if let Some(min) = shape.min.filter(|min| number < *min as f64) {
            let wanted = format!("Member must have value greater than or equal to {min}");
            self.fault(name, value, path, &wanted);
        }
        if let Some(max) = shape.max.filter(|max| number > *max as f64) {
            let wanted = format!("Member must have value less than or equal to {max}");
            self.fault(name, value, path, &wanted);
        }
    }

    fn fault(&mut self, shape: &str, value: &Value, path: &str, constraint: &str) {
        let sensitive = self.facts.shape(shape).is_some_and(|shape| shape.sensitive);
        let shown = match value {
            _ if sensitive => String::new(),
            Value::Null => " null".to_owned(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                format!(" '{}'", print(self.facts, shape, value))
            }
        };
        self.faults.push(format!(
            "Value{shown} at '{path}' failed to satisfy constraint: {constraint}"
        ));
    }
}

fn enum_values(shape: &Shape) -> String {
    let recorded = RECORDED_ORDER.len() == shape.values.len()
        && RECORDED_ORDER
            .iter()
            .all(|value| shape.values.iter().any(|one| one == value));
    if recorded {
        return RECORDED_ORDER.join(", ");
    }
    shape.values.join(", ")
}

/// A value as Java prints it: `[RoutingConfigurationListItem(stateMachineVersionArn=…, weight=50)]`.
fn print(facts: &Facts, name: &str, value: &Value) -> String {
    let shape = facts.shape(name);
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let element = shape.and_then(|shape| shape.member.as_deref()).unwrap_or_default();
            let printed: Vec<String> = elements.iter().map(|one| print(facts, element, one)).collect();
            format!("[{}]", printed.join(", "))
        }
        Value::Object(members) => {
            let known = shape.into_iter().flat_map(Shape::members);
            let given = known.filter_map(|(member, shape)| Some((member, shape, members.get(member)?)));
            let printed: Vec<String> = given
                .map(|(member, shape, value)| format!("{member}={}", print(facts, shape, value)))
                .collect();
            format!("{name}({})", printed.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Whether the value can become one of that type.
fn check_type(kind: Kind, value: &Value) -> Result<(), ApiError> {
    let wanted = match (kind, value) {
        (_, Value::Null)
        | (Kind::Structure | Kind::Map, Value::Object(_))
        | (Kind::List, Value::Array(_))
        | (Kind::String, Value::String(_))
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::Float | Kind::Timestamp, Value::Number(_)) => return Ok(()),
        (Kind::Integer | Kind::Long, Value::Number(number)) if number.is_i64() => return Ok(()),
        (Kind::Structure | Kind::Map, _) => return refused("Unexpected value type in payload"),
        (Kind::List, _) => return refused("Expected list or null"),
        (Kind::String, _) => "a String",
        (Kind::Boolean, _) => "a Boolean",
        (Kind::Integer, _) => "an Integer",
        (Kind::Long, _) => "a Long",
        (Kind::Float, _) => "a Float",
        (Kind::Timestamp, _) => "a Timestamp",
    };
    let found = match value {
        Value::Object(_) => return refused("Start of structure or map found where not expected."),
        Value::Array(_) => return refused("Start of list found where not expected"),
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Null => "NULL_VALUE",
    };
    refused(&format!("{found} can not be converted to {wanted}"))
}

fn refused(message: &str) -> Result<(), ApiError> {
    Err(ApiError::Serialization(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(operation: &str, body: &Value) -> String {
        let facts = Facts::load().unwrap();
        let input = &facts.operation(operation).unwrap().input;
        check(&facts, input, body).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    /// The texts of these are recordings of the service, 2024-03 to 2025-03.
    #[test]
    fn recorded_texts() {
        let long = "A".repeat(81);
        let version = |n| format!("arn:aws:states:us-east-1:111111111111:stateMachine:m:{n}");
        let route = |n: u32, weight: i32| json!({"stateMachineVersionArn": version(n), "weight": weight});
        let cases = [
            (
                "ListStateMachines",
                json!({"maxResults": 1001}),
                "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000".to_owned(),
            ),
            (
                "ListExecutions",
                json!({"statusFilter": "succeeded"}),
                "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]".to_owned(),
            ),
            (
                "CreateStateMachineAlias",
                json!({"name": long, "routingConfiguration": [route(1, 100)]}),
                format!("1 validation error detected: Value '{long}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"),
            ),
            (
                "CreateStateMachineAlias",
                json!({"name": "123", "routingConfiguration": [route(1, 100)]}),
                r"1 validation error detected: Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$".to_owned(),
            ),
            (
                "CreateStateMachineAlias",
                json!({"name": "a", "routingConfiguration": [route(1, 101)]}),
                "1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100".to_owned(),
            ),
            (
                "CreateStateMachineAlias",
                json!({"name": "a", "routingConfiguration": [route(1, 50), route(2, 30), route(3, 20)]}),
                format!(
                    "1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn={}, weight=50), RoutingConfigurationListItem(stateMachineVersionArn={}, weight=30), RoutingConfigurationListItem(stateMachineVersionArn={}, weight=20)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2",
                    version(1), version(2), version(3)
                ),
            ),
        ];
        for (operation, body, expected) in cases {
            assert_eq!(message(operation, &body), expected);
        }
    }

    #[test]
    fn missing_members_are_told_together() {
        assert_eq!(
            message("CreateActivity", &json!({"name": null})),
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(
            message("TagResource", &json!({})),
            "2 validation errors detected: Value null at 'resourceArn' failed to satisfy constraint: Member must not be null; \
             Value null at 'tags' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn values_of_sensitive_members_are_not_shown() {
        let told = message(
            "StartExecution",
            &json!({"stateMachineArn": "a", "input": "x".repeat(262_145)}),
        );
        assert_eq!(
            told,
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
        );
        let told = message("SendTaskSuccess", &json!({"output": "{}", "taskToken": ""}));
        assert!(
            told.starts_with("1 validation error detected: Value at 'taskToken' failed"),
            "{told}"
        );
    }

    #[test]
    fn other_types_are_refused_first() {
        let cases = [
            (json!({"name": 5}), "NUMBER_VALUE can not be converted to a String"),
            (json!({"name": true}), "TRUE_VALUE can not be converted to a String"),
            (
                json!({"name": {}}),
                "Start of structure or map found where not expected.",
            ),
            (json!({"name": "a", "tags": {}}), "Expected list or null"),
            (json!([]), "Unexpected value type in payload"),
        ];
        for (body, expected) in cases {
            assert_eq!(message("CreateActivity", &body), expected);
        }
        assert_eq!(
            message("ListActivities", &json!({"maxResults": "ten"})),
            "STRING_VALUE can not be converted to an Integer"
        );
    }

    #[test]
    fn a_request_that_keeps_the_rules_passes() {
        let body =
            json!({"name": "a", "tags": [{"key": "k", "value": ""}], "unknown": 1, "encryptionConfiguration": null});
        assert_eq!(message("CreateActivity", &body), "fine");
    }
}
