//! What a mark remembers besides the item's number and its byte: which content it was read from.
//!
//! Kept in the map run's ledger as text; a recovered run opens its source with it.

use std::sync::Arc;

use asl::StateError;
use manifest::reader::JsonShape;
use serde::{Deserialize, Serialize};

use super::failure::failed;

/// Where a reader stands, but for the byte.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Token {
    /// The content that is being read; absent between two objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// Items before this object's first.
    pub(crate) first: u64,
    /// The object is a JSON object whose entries are the items.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) entries: bool,
    /// Which object it is, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<Cursor>,
}

/// Where a list of objects stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cursor {
    /// A listing: the store's own mark of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    /// A listing: the key behind which it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// A listing: how many objects there were by then, and what they were.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) digest: u64,
    /// A manifest: the number of the file at which it goes on.
    pub(crate) file: usize,
    /// A manifest: its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Token {
    pub(crate) fn read(text: Option<&Arc<str>>) -> Result<Self, StateError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let token = serde_json::from_str(text);
        token.map_err(|error| failed(format!("the ledger's mark of the source cannot be read: {error}")))
    }

    /// What the items of a JSON file are part of.
    pub(crate) const fn shape(&self) -> JsonShape {
        if self.entries {
            JsonShape::Object
        } else {
            JsonShape::Array
        }
    }

    pub(crate) fn write(&self) -> Option<Arc<str>> {
        // Strings and numbers always have a JSON text.
        serde_json::to_string(self).ok().map(Arc::from)
    }
}
