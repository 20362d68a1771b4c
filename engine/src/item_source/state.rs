//! Items from the state's own data: the elements of an array, the entries of an object.

use std::sync::Arc;

use asl::Value;

use super::content::Content;

/// Items that are in memory already.
pub(crate) enum StateItems {
    Elements(Arc<Value>),
    /// Entries in a list, so that each is found by its number.
    Entries(Vec<(String, Value)>),
}

impl StateItems {
    pub(crate) fn new(items: &Arc<Value>) -> Self {
        match items.as_object() {
            Some(members) => Self::Entries(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            ),
            None => Self::Elements(Arc::clone(items)),
        }
    }

    pub(crate) fn get(&self, index: u64) -> Option<Content> {
        let index = usize::try_from(index).ok()?;
        match self {
            Self::Elements(items) => items.as_array()?.get(index).cloned().map(Content::Value),
            Self::Entries(entries) => {
                let (key, value) = entries.get(index)?;
                Some(Content::Entry(key.clone(), value.clone()))
            }
        }
    }
}

/// The number of items in a state's data.
pub(crate) fn len(items: &Value) -> usize {
    let elements = items.as_array().map(Vec::len);
    let entries = || items.as_object().map(serde_json::Map::len);
    elements.or_else(entries).unwrap_or(0)
}
