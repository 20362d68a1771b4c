//! Between the two kinds of JSON values.

use jsonata_core::value::JValue;
use serde_json::{Map, Number, Value};

/// Values nested deeper than this do not come back.
const DEPTH_MAX: usize = 512;

/// For the evaluator.
pub(super) fn from_json(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(flag) => JValue::Bool(*flag),
        Value::Number(number) => JValue::from_f64(number.as_f64().unwrap_or_default()),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(elements) => JValue::array(elements.iter().map(from_json).collect()),
        Value::Object(members) => JValue::object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), from_json(member)))
                .collect(),
        ),
    }
}

/// From the evaluator; `None` for functions and the like. Undefined members are left out, undefined elements are null.
pub(super) fn to_json(value: &JValue) -> Option<Value> {
    convert(value, DEPTH_MAX)
}

fn convert(value: &JValue, depth: usize) -> Option<Value> {
    let below = depth.checked_sub(1)?;
    if let Some(number) = value.as_f64() {
        return Some(number_value(number));
    }
    if let Some(text) = value.as_str() {
        return Some(Value::from(text));
    }
    if let Some(elements) = value.as_array() {
        return elements.iter().map(|element| convert(element, below)).collect();
    }
    if let Some(members) = value.as_object() {
        let defined = members.iter().filter(|(_, member)| !member.is_undefined());
        let converted = defined.map(|(name, member)| Some((name.clone(), convert(member, below)?)));
        return converted.collect::<Option<Map<_, _>>>().map(Value::Object);
    }
    if let Some(flag) = value.as_bool() {
        return Some(Value::Bool(flag));
    }
    (value.is_null() || value.is_undefined()).then_some(Value::Null)
}

/// Whole numbers print without a fraction.
fn number_value(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
