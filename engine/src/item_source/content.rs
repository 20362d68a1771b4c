//! An item as it was read, and where it stands: in its object, and in the source.

use std::sync::Arc;

use asl::{StateError, Value};

use super::failure::failed;

/// An item as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Its JSON text.
    Text(String),
    Value(Value),
    /// A member of an object: `{"Key":…,"Value":…}`.
    Entry(String, Value),
}

/// A place in an object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ObjectPosition {
    pub(crate) byte: u64,
    /// Items of the object before it.
    pub(crate) count: u64,
}

impl Content {
    /// The item as a value; a member is `{"Key":…,"Value":…}`.
    pub(crate) fn into_value(self) -> Result<Value, StateError> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Entry(key, value) => Ok(entry(key, value)),
            Self::Text(text) => {
                serde_json::from_str(&text).map_err(|error| failed(format!("an item is no JSON: {error}")))
            }
        }
    }
}

fn entry(key: String, value: Value) -> Value {
    let members = [("Key".to_owned(), Value::String(key)), ("Value".to_owned(), value)];
    Value::Object(members.into_iter().collect())
}

/// Where reading starts: the first item of a new run, or the low-water mark of a recovered one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The item's position among all items.
    pub(crate) item: u64,
    /// The byte at which it is to be looked for; a row's number where there are no bytes.
    pub(crate) byte: u64,
    /// What else the source needs.
    pub(crate) token: Option<Arc<str>>,
}
