//! One JSON value, a string or an object, as an item: a line of JSON Lines or an element of an array.

use serde_json::Value;

use crate::{Columns, Format, Malformed, Subject, error_name, url_list};

/// The subject of one JSON text.
pub(crate) fn subject(text: &[u8], format: &Format) -> Result<Subject, Malformed> {
    let text = utf8(text)?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Malformed::new(error_name::INVALID_JSON, format!("expected JSON: {error}")))?;
    match (&value, &format.columns) {
        (Value::String(text), _) => url_list::subject(text, format),
        (_, Columns::Url { name, .. }) => match member(&value, name)? {
            url if url.trim().is_empty() => Err(Malformed::empty(name)),
            url => Ok(Subject::url(url, format.base_url.as_deref())),
        },
        (_, Columns::Object { .. }) => Ok(Subject::Object {
            bucket: member(&value, "bucket")?.to_owned(),
            key: member(&value, "key")?.to_owned(),
            version: version(&value)?,
        }),
    }
}

/// The text of bytes, or where they stop being UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    simdutf8::compat::from_utf8(bytes).map_err(|error| {
        let message = format!(
            "expected UTF-8, found something else at byte {} of the record",
            error.valid_up_to()
        );
        Malformed::new(error_name::INVALID_UTF8, message)
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Result<&'a str, Malformed> {
    match field(value, name)? {
        Some(Value::String(text)) if text.is_empty() => Err(Malformed::empty(name)),
        Some(Value::String(text)) => Ok(text),
        found => Err(missing(name, found)),
    }
}

fn version(value: &Value) -> Result<Option<String>, Malformed> {
    match field(value, "versionId")? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        found => Err(missing("versionId", found)),
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Result<Option<&'a Value>, Malformed> {
    let Value::Object(members) = value else {
        let message = format!(
            "expected a string or an object with the member `{name}`, found {}",
            kind(value)
        );
        return Err(Malformed::new(error_name::MISSING_MEMBER, message));
    };
    Ok(members.get(name))
}

fn missing(name: &str, found: Option<&Value>) -> Malformed {
    let found = found.map_or("no such member", kind);
    let message = format!("expected a string in the member `{name}`, found {found}");
    Malformed::new(error_name::MISSING_MEMBER, message)
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
