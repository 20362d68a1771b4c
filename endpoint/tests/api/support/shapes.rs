//! Answers against the service model's output shapes.

use serde_json::Value;

const MODEL: &str = include_str!("../../../data/stepfunctions-2026-11.json");

/// Panics unless the answer has the operation's output shape: required members, known members, types and enums.
pub(crate) fn check_output(operation: &str, answer: &Value) {
    let model: Value = serde_json::from_str(MODEL).unwrap();
    let output = model["operations"][operation]["output"].as_str().unwrap();
    check(&model, output, answer, operation);
}

fn check(model: &Value, name: &str, value: &Value, at: &str) {
    let shape = &model["shapes"][name];
    let fits = match shape["type"].as_str().unwrap() {
        "structure" => {
            let given = value.as_object().unwrap_or_else(|| panic!("{at}: {value}"));
            for required in shape["required"].as_array().into_iter().flatten() {
                assert!(
                    given.contains_key(required.as_str().unwrap()),
                    "{at}: no {required} in {value}"
                );
            }
            for (member, value) in given {
                let shape = shape["members"][member].as_str();
                let shape = shape.unwrap_or_else(|| panic!("{at}: {name} has no member {member}"));
                check(model, shape, value, &format!("{at}.{member}"));
            }
            true
        }
        "list" => {
            let element = shape["member"].as_str().unwrap();
            let given = value.as_array().unwrap_or_else(|| panic!("{at}: {value}"));
            for value in given {
                check(model, element, value, at);
            }
            true
        }
        "map" => {
            let element = shape["value"].as_str().unwrap();
            let given = value.as_object().unwrap_or_else(|| panic!("{at}: {value}"));
            for value in given.values() {
                check(model, element, value, at);
            }
            true
        }
        "string" => {
            let known = shape["enum"].as_array();
            value.is_string() && known.is_none_or(|known| known.contains(value))
        }
        "boolean" => value.is_boolean(),
        "integer" | "long" => value.is_i64(),
        "float" | "timestamp" => value.is_number(),
        other => panic!("{at}: unknown type {other}"),
    };
    assert!(fits, "{at}: {value} is no {name}");
}
