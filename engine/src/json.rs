//! Our own types as JSON.

use serde::Serialize;

/// Our own types always have a JSON form.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
