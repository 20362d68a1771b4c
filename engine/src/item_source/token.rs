//! What a mark keeps besides the item's number and its byte: the content from which the item was read.
//!
//! Kept in the map run's ledger as text; a recovered run opens its source with it.

use std::sync::Arc;

use asl::StateError;
use manifest::reader::JsonShape;
use serde::{Deserialize, Serialize};

use super::failure::failed;

/// The position of a reader, without the byte.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Token {
    /// The `ETag` of the object that is being read; absent between two objects.
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

/// The position in a list of objects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cursor {
    /// Of a listing: the store's token of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    /// Of a listing: the key after which it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// Of a listing: the number of objects so far, and a digest of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) digest: u64,
    /// Of a manifest: the number of the file at which reading continues.
    pub(crate) file: usize,
    /// Of a manifest: identifies its content.
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

    /// Whether the items of a JSON object are elements or entries.
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
