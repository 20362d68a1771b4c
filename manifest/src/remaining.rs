//! An item that an earlier round or run has left, with its first index.

use serde::{Deserialize, Serialize};

use crate::item::Found;
use crate::{Malformed, Outcome, SourcePosition, Status, Subject, error_name, json_lines};

/// One line of a manifest of remaining items.
///
/// ```
/// let line = r#"{"index":7,"url":"https://example.com/a.gif","destination":"s3://images/a.gif"}"#;
/// let remaining: manifest::RemainingItem = serde_json::from_str(line)?;
/// assert_eq!(remaining.index, 7);
/// let mut bytes = Vec::new();
/// remaining.write(&mut bytes);
/// assert_eq!(bytes, [line.as_bytes(), b"\n"].concat());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemainingItem {
    /// The item's position in the first manifest.
    pub index: u64,
    /// What to work on.
    #[serde(flatten)]
    pub subject: Subject,
    /// Only this destination, when the others are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Where it stood in the first manifest, for a record that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<SourcePosition>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Malformed>,
    /// Why it was left, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RemainingItem {
    /// The item of an outcome, to be tried again: at this destination alone when one is given.
    pub fn from_outcome(outcome: &Outcome, destination: Option<String>) -> Self {
        let unreadable = matches!(outcome.subject, Subject::Record { .. });
        let left = outcome.status == Status::Pending;
        Self {
            index: outcome.index,
            subject: outcome.subject.clone(),
            destination,
            position: outcome.position,
            malformed: outcome
                .error
                .as_ref()
                .filter(|_| unreadable)
                .map(|error| Malformed::new(&error.name, error.message.clone())),
            reason: outcome
                .error
                .as_ref()
                .filter(|_| left)
                .map(|error| error.message.clone()),
        }
    }

    /// Appends the line, with its newline.
    ///
    /// # Panics
    /// Never: text and numbers always serialise, and a vector takes them.
    pub fn write(&self, line: &mut Vec<u8>) {
        let written = serde_json::to_writer(&mut *line, self);
        assert!(written.is_ok(), "text and numbers serialise into a vector");
        line.push(b'\n');
    }
}

/// Reads one line; a line of another form is an item without a known index.
pub(crate) fn read(at: usize, text: &[u8]) -> Found<'_> {
    let read = json_lines::utf8(text).and_then(|text| {
        serde_json::from_str::<RemainingItem>(text)
            .map_err(|error| Malformed::new(error_name::INVALID_JSON, format!("expected a remaining item: {error}")))
    });
    match read {
        Ok(remaining) => Found {
            at,
            text,
            subject: Ok(remaining.subject.clone()),
            note: None,
            remaining: Some(remaining),
        },
        Err(malformed) => Found {
            at,
            text,
            subject: Err(malformed),
            note: None,
            remaining: None,
        },
    }
}
