//! One item of a manifest: what it is and where it stood.

use serde::{Deserialize, Serialize};

/// What a processor is asked to work on.
///
/// ```
/// let subject: manifest::Subject = serde_json::from_str(r#"{"url":"https://example.com/a.gif"}"#)?;
/// assert_eq!(subject, manifest::Subject::Url { url: "https://example.com/a.gif".into() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// Something to download. The text is the manifest's, joined to the base URL, not yet checked.
    Url {
        /// The URL.
        url: String,
    },
    /// An object to copy.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key, decoded.
        key: String,
        /// Its version, if the manifest names one.
        #[serde(rename = "versionId", default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// A record that could not be read; it is failed under its own text.
    Record {
        /// The beginning of the record, at most 200 bytes, made readable.
        record: String,
    },
}

/// Where an item stood in its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The record, from 1; a header is not counted.
    pub record: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The byte at which it begins, from 0.
    pub byte: u64,
}

/// A record that is no item, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// One of [`crate::error_name`].
    pub error: String,
    /// What was expected and what was found.
    pub message: String,
}

/// One item of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its position among all items of the manifest, from 0. It is the item's identity through every round and redrive.
    pub index: u64,
    /// Where it stood.
    pub place: Place,
    /// What to work on.
    pub subject: Subject,
    /// Why it cannot be worked on.
    pub malformed: Option<Malformed>,
    /// Only this destination, when an earlier round has done the others.
    pub destination: Option<String>,
}
