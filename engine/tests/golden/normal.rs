//! Brings our answers to the form of the recordings.

use serde_json::Value;

/// Objects in strings parsed, timestamps replaced.
pub(crate) fn normal(value: &Value) -> Value {
    dated(&parsed(value))
}

/// In every object, a string that is a JSON object becomes it; not inside the result again.
fn parsed(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), parsed_member(member)))
            .collect(),
        Value::Array(elements) => elements.iter().map(parsed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn parsed_member(member: &Value) -> Value {
    let object = member
        .as_str()
        .filter(|text| text.starts_with('{'))
        .and_then(|text| serde_json::from_str(text).ok());
    object.unwrap_or_else(|| parsed(member))
}

/// In every string, each ISO-8601 timestamp becomes `date`.
pub(crate) fn dated(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), dated(member)))
            .collect(),
        Value::Array(elements) => elements.iter().map(dated).collect(),
        Value::String(text) => Value::String(dated_text(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn dated_text(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = timestamp_length(rest);
        match length {
            0 => {
                made.push(character);
                rest = rest.split_at(character.len_utf8()).1;
            }
            length => {
                made.push_str("date");
                rest = rest.split_at(length).1;
            }
        }
    }
    made
}

/// Bytes of the timestamp at the start, if it is one that exists: `YYYY-MM-DDThh:mm:ss[.f](Z|±hh[:]mm)`.
fn timestamp_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |at: usize, class: u8| {
        bytes.get(at).is_some_and(|byte| {
            if class == b'd' {
                byte.is_ascii_digit()
            } else {
                *byte == class
            }
        })
    };
    if !shape.iter().enumerate().all(|(at, class)| fits(at, *class)) {
        return 0;
    }
    let mut at = shape.len();
    let number = |from: usize| {
        text.get(from..from + 2)
            .and_then(|digits| digits.parse::<u32>().ok())
            .unwrap_or(99)
    };
    if !(1..=12).contains(&number(5))
        || !(1..=31).contains(&number(8))
        || number(11) > 23
        || number(14) > 59
        || number(17) > 59
    {
        return 0;
    }
    if fits(at, b'.') {
        let digits = bytes[at + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
            .min(9);
        at += if digits > 0 { digits + 1 } else { 0 };
    }
    if fits(at, b'Z') {
        return at + 1;
    }
    let signed = fits(at, b'+') || fits(at, b'-');
    let digits = |from: usize| (0..2).all(|offset| fits(from + offset, b'd'));
    match () {
        () if signed && digits(at + 1) && fits(at + 3, b':') && digits(at + 4) => at + 6,
        () if signed && digits(at + 1) && digits(at + 3) => at + 5,
        () => 0,
    }
}

#[test]
fn timestamps_become_dates() {
    assert_eq!(
        dated_text("at 2016-03-14T01:59:00.123Z, 2016-03-14T01:59:00+0100 and 2016-03-14"),
        "at date, date and 2016-03-14"
    );
}
