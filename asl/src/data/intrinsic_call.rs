//! What each intrinsic function does: values in, a value or AWS's complaint out.

use super::document;
use super::intrinsic::{Argument, Call, Function};
use super::java;
use super::path_filter::equal;
use super::random::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;

type Made = Result<Value, String>;
type Values<'a, 'b> = &'a [Cow<'b, Value>];

/// Characters that Base64 functions and `Hash` take. AWS: 10,000.
const TEXT_CHARACTERS_MAX: usize = 10_000;
/// Elements that `ArrayRange` makes. AWS: 1,000.
const RANGE_ELEMENTS_MAX: usize = 1_000;

/// Carries out a call.
pub(super) fn call(call: &Call, values: Values<'_, '_>, random: &Random) -> Made {
    match call.function {
        Function::Format => format(call, values),
        Function::StringToJson => string_to_json(text(one(values)?)?),
        Function::JsonToString => Ok(Value::String(one(values)?.to_string())),
        Function::Array => Ok(values.iter().map(|value| (**value).clone()).collect()),
        Function::ArrayPartition => two(values).and_then(|(list, size)| partition(list, size)),
        Function::ArrayContains => {
            two(values).and_then(|(list, wanted)| Ok(array(list)?.iter().any(|value| equal(value, wanted)).into()))
        }
        Function::ArrayRange => range(values),
        Function::ArrayGetItem => two(values).and_then(|(list, index)| item(list, index)),
        Function::ArrayLength => Ok(array(one(values)?)?.len().into()),
        Function::ArrayUnique => unique(one(values)?),
        Function::Base64Encode => limited(text(one(values)?)?).map(|text| BASE64.encode(text).into()),
        Function::Base64Decode => decode(limited(text(one(values)?)?)?),
        Function::Hash => two(values).and_then(|(content, algorithm)| hash(content, text(algorithm)?)),
        Function::JsonMerge => merge(values),
        Function::MathRandom => math_random(values, random),
        Function::MathAdd => two(values).and_then(|(left, right)| add(left, right)),
        Function::StringSplit => two(values).and_then(|(whole, splitters)| Ok(split(text(whole)?, text(splitters)?))),
        Function::Uuid => {
            if values.is_empty() {
                Ok(random.uuid().into())
            } else {
                Err(wrong_count())
            }
        }
    }
}

/// `$partition(list, size)`.
pub(super) fn partition_values(values: &[Value]) -> Made {
    let [list, size] = values else {
        return Err(wrong_count());
    };
    partition(list, size)
}

/// `$range(first, last, step)`.
pub(super) fn range_values(values: &[Value]) -> Made {
    range(&borrowed(values))
}

/// `$hash(content, algorithm)`.
pub(super) fn hash_values(values: &[Value]) -> Made {
    let [content, algorithm] = values else {
        return Err(wrong_count());
    };
    hash(content, text(algorithm)?)
}

/// `$parse(text)`.
pub(super) fn parse_values(values: &[Value]) -> Made {
    string_to_json(text(one(&borrowed(values))?)?)
}

fn borrowed(values: &[Value]) -> Vec<Cow<'_, Value>> {
    values.iter().map(Cow::Borrowed).collect()
}

fn wrong_count() -> String {
    "Invalid number of arguments".to_owned()
}

fn one<'a>(values: Values<'a, '_>) -> Result<&'a Value, String> {
    match values {
        [only] => Ok(only),
        _ => Err(wrong_count()),
    }
}

fn two<'a>(values: Values<'a, '_>) -> Result<(&'a Value, &'a Value), String> {
    match values {
        [first, second] => Ok((first, second)),
        _ => Err(wrong_count()),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("The argument must be a string but was: {value}"))
}

fn array(value: &Value) -> Result<&Vec<Value>, String> {
    value
        .as_array()
        .ok_or_else(|| format!("The argument must be an array but was: {value}"))
}

/// An integer; others are rounded to the nearest, and a half goes up, as Java's `Math.round` does.
fn integer(value: &Value) -> Result<i64, String> {
    let refused = || format!("The argument must be an integer but was: {value}");
    if let Some(integer) = value.as_i64() {
        return Ok(integer);
    }
    let number = half_up(value.as_f64().ok_or_else(refused)?);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and 2^53 is checked before"
    )]
    let rounded = number as i64;
    if number.abs() < 9e15 {
        Ok(rounded)
    } else {
        Err(refused())
    }
}

fn half_up(number: f64) -> f64 {
    let below = number.floor();
    if number - below >= 0.5 { below + 1.0 } else { below }
}

fn limited(text: &str) -> Result<&str, String> {
    if text.chars().count() <= TEXT_CHARACTERS_MAX {
        Ok(text)
    } else {
        Err(format!(
            "The argument must have at most {TEXT_CHARACTERS_MAX} characters"
        ))
    }
}

fn format(call: &Call, values: Values<'_, '_>) -> Made {
    let (first, rest) = values.split_first().ok_or_else(wrong_count)?;
    let template = match call.arguments.first() {
        Some(Argument::Quoted { raw, .. }) => raw.as_str(),
        Some(_) | None => text(first)?,
    };
    let mut arguments = rest.iter();
    let mut made = String::with_capacity(template.len());
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek().copied()) {
            ('\\', Some(next)) if matches!(next, '\'' | '\\' | '{' | '}') => {
                made.push(next);
                characters.next();
            }
            ('{', Some('}')) => {
                made.push_str(&java::print(arguments.next().ok_or_else(placeholder_count)?));
                characters.next();
            }
            (other, _) => made.push(other),
        }
    }
    if arguments.next().is_some() {
        Err(placeholder_count())
    } else {
        Ok(made.into())
    }
}

fn placeholder_count() -> String {
    "The number of arguments do not match the number of occurrences of {}".to_owned()
}

fn string_to_json(text: &str) -> Made {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    document::parse(text).map_err(|_unused| "Unable to parse the string argument as JSON".to_owned())
}

fn partition(list: &Value, size: &Value) -> Made {
    let size = usize::try_from(integer(size)?).ok().filter(|size| *size > 0);
    let size = size.ok_or("The chunk size must be a positive integer")?;
    Ok(array(list)?
        .chunks(size)
        .map(|part| Value::Array(part.to_vec()))
        .collect())
}

fn range(values: Values<'_, '_>) -> Made {
    let [first, last, step] = values else {
        return Err(wrong_count());
    };
    let (first, last, step) = (integer(first)?, integer(last)?, integer(step)?);
    if step == 0 {
        return Err("The step must not be 0".to_owned());
    }
    let mut numbers = Vec::new();
    let mut next = first;
    while (step > 0 && next <= last) || (step < 0 && next >= last) {
        if numbers.len() == RANGE_ELEMENTS_MAX {
            return Err(format!("The range must have at most {RANGE_ELEMENTS_MAX} elements"));
        }
        numbers.push(Value::from(next));
        next = next.saturating_add(step);
    }
    Ok(Value::Array(numbers))
}

fn item(list: &Value, index: &Value) -> Made {
    let list = array(list)?;
    let index = integer(index)?;
    let found = usize::try_from(index).ok().and_then(|at| list.get(at));
    found.cloned().ok_or_else(|| {
        format!(
            "The index {index} is out of bounds for an array of length {}",
            list.len()
        )
    })
}

fn unique(list: &Value) -> Made {
    let mut seen = std::collections::BTreeSet::new();
    Ok(array(list)?
        .iter()
        .filter(|value| seen.insert(value.to_string()))
        .cloned()
        .collect())
}

fn decode(text: &str) -> Made {
    let bytes = BASE64
        .decode(text)
        .map_err(|_unused| "The argument is not valid Base64".to_owned())?;
    String::from_utf8(bytes)
        .map(Value::String)
        .map_err(|_unused| "The decoded bytes are not valid UTF-8".to_owned())
}

fn hash(content: &Value, algorithm: &str) -> Made {
    use sha2::Digest as _;
    let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
    let content = limited(&content)?.as_bytes();
    let digest = match algorithm {
        "MD5" => hex(&md5::Md5::digest(content)),
        "SHA-1" => hex(&sha1::Sha1::digest(content)),
        "SHA-256" => hex(&sha2::Sha256::digest(content)),
        "SHA-384" => hex(&sha2::Sha384::digest(content)),
        "SHA-512" => hex(&sha2::Sha512::digest(content)),
        other => return Err(format!("Unknown algorithm: {other}")),
    };
    Ok(Value::String(digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            let written = write!(hex, "{byte:02x}");
            debug_assert!(written.is_ok(), "writing to a string succeeds");
            hex
        })
}

fn merge(values: Values<'_, '_>) -> Made {
    let [left, right, deep] = values else {
        return Err(wrong_count());
    };
    if deep.as_bool() != Some(false) {
        return Err("Deep merge is not supported: the third argument must be false".to_owned());
    }
    let (Some(left), Some(right)) = (left.as_object(), right.as_object()) else {
        return Err("The first two arguments must be JSON objects".to_owned());
    };
    let mut merged = left.clone();
    merged.extend(right.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Value::Object(merged))
}

/// A number from the first argument up to, not including, the second; a third is the seed.
fn math_random(values: Values<'_, '_>, random: &Random) -> Made {
    let (first, last, drawn) = match values {
        [first, last] => (first, last, random.next()),
        [first, last, seed] => (first, last, Random::new(integer(seed)?.unsigned_abs()).next()),
        _ => return Err(wrong_count()),
    };
    let (first, last) = (integer(first)?, integer(last)?);
    let width = u64::try_from(last.saturating_sub(first))
        .ok()
        .filter(|width| *width > 0);
    let width = width.ok_or("The start of the range must be less than its end")?;
    Ok(Value::from(first.saturating_add_unsigned(drawn % width)))
}

fn add(left: &Value, right: &Value) -> Made {
    let sum = integer(left)?.checked_add(integer(right)?);
    sum.map(Value::from).ok_or_else(|| "The sum does not fit".to_owned())
}

/// Each character of `splitters` splits; empty parts are dropped.
fn split(whole: &str, splitters: &str) -> Value {
    whole
        .split(|character| splitters.contains(character))
        .filter(|part| !part.is_empty())
        .map(Value::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::context::{Context, Local};
    use super::super::expression::{Expression, Scope};
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn evaluate(text: &str) -> Option<Value> {
        let context = Context::new(Arc::new(json!({})), Local::default());
        let input = json!({"list": [1, 2, 2, 3], "o": {"Arg1": 1, "Arg2": []}});
        let scope = Scope {
            input: &input,
            context: &context,
            variables: &Arc::default(),
            random: &Random::new(3),
        };
        Expression::parse(text)
            .unwrap()
            .evaluate(&scope)
            .ok()
            .map(Cow::into_owned)
    }

    #[test]
    fn functions_answer_as_documented() {
        for (text, expected) in [
            (r"States.Format('a\{{}\} {}', 1, $.o)", json!("a{1} {Arg1=1, Arg2=[]}")),
            ("States.StringToJson('{\"a\":1}')", json!({"a": 1})),
            ("States.JsonToString($.list)", json!("[1,2,2,3]")),
            ("States.Array(1, 'a', null)", json!([1, "a", null])),
            ("States.ArrayPartition($.list, 3)", json!([[1, 2, 2], [3]])),
            ("States.ArrayContains($.list, 3)", json!(true)),
            ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
            ("States.ArrayGetItem($.list, 3)", json!(3)),
            ("States.ArrayLength($.list)", json!(4)),
            ("States.ArrayUnique($.list)", json!([1, 2, 3])),
            ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
            ("States.Hash('', 'MD5')", json!("d41d8cd98f00b204e9800998ecf8427e")),
            (
                "States.JsonMerge($.o, States.StringToJson('{\"Arg1\":2}'), false)",
                json!({"Arg1": 2, "Arg2": []}),
            ),
            ("States.MathAdd(111, -1)", json!(110)),
            ("States.StringSplit('1,2;3', ',;')", json!(["1", "2", "3"])),
            ("States.MathRandom(1, 2)", json!(1)),
        ] {
            assert_eq!(evaluate(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for text in [
            "States.ArrayGetItem($.list, 4)",
            "States.ArrayPartition($.list, 0)",
            "States.ArrayRange(1, 100000, 1)",
            "States.Format('{} {}', 1)",
            "States.MathAdd(1, 'x')",
            "States.UUID(1)",
            "States.Hash('a', 'CRC')",
            "States.ArrayLength($.no)",
        ] {
            assert_eq!(evaluate(text), None, "{text}");
        }
    }
}
