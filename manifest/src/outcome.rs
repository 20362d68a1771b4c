//! What became of one item: the unit of truth.

use serde::{Deserialize, Serialize};

use crate::{Note, Subject};

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Done.
    Succeeded,
    /// Tried, and given up.
    Failed,
    /// Not reached before the deadline; the next round takes it.
    Pending,
    /// Nothing to do: it was there already.
    Skipped,
}

/// What kind of failure it was, for whoever decides whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// Another attempt may pass.
    Retryable,
    /// No attempt will pass.
    Permanent,
    /// The other side asked to slow down.
    Throttled,
    /// No answer in time.
    Timeout,
    /// We refused: a forbidden address, scheme or name.
    Refused,
}

/// Why an item failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// One of [`crate::error_name`].
    pub name: String,
    /// Its class.
    pub class: ErrorClass,
    /// For a person; no secrets.
    pub message: String,
}

/// A checksum of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
}

/// What became of one item, or of one destination of it: one line of an outcome object.
///
/// ```
/// let line = r#"{"index":7,"url":"https://example.com/a.gif","status":"succeeded","statusCode":200,"bytes":2048,"attempts":1,"milliseconds":12,"destination":"s3://images/example.com/a.gif","filename":"example.com/a.gif"}"#;
/// let outcome: manifest::Outcome = serde_json::from_str(line)?;
/// assert_eq!(serde_json::to_string(&outcome)?, line);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The item's position in the manifest.
    pub index: u64,
    /// The item.
    #[serde(flatten)]
    pub subject: Subject,
    /// Where it stands.
    pub status: Status,
    /// The HTTP or service status, when there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Why it failed, or is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ItemError>,
    /// **Bytes** written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Such as `sha256:…` in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// How many requests were made.
    #[serde(default)]
    pub attempts: u32,
    /// **Milliseconds** from the first attempt to the end.
    #[serde(default)]
    pub milliseconds: u64,
    /// Where it is now, or was to be: `s3://bucket/key`, or a file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Its name below the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What is worth a word, and no reason to fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Where the record stood, for a record that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<crate::SourcePosition>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
