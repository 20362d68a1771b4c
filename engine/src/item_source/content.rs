//! An item as it was read, and where it stands: in its object, and in the source.

use std::sync::Arc;

use asl::{StateError, Value};

use super::failure::failed;

/// An item as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// The item's JSON text.
    Text(String),
    Value(Value),
    /// A member of an object: `{"Key":…,"Value":…}`.
    Entry(String, Value),
}

/// A position in an object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ObjectPosition {
    pub(crate) byte: u64,
    /// The number of items in the object before the position.
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

/// A position in the source at which reading can start: its first item, or the low-water mark of a recovered run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The item's position among all items.
    pub(crate) item: u64,
    /// The byte at which the item begins; a row's number in formats without addresses.
    pub(crate) byte: u64,
    /// What else the source needs to find the position: see [`super::token`].
    pub(crate) token: Option<Arc<str>>,
}
