//! One item of a manifest: what it is and where it stood.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::limits::{EXCERPT_BYTES, RECORD_BYTES_MAX};
use crate::{RemainingItem, error_name, redact};

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

impl Subject {
    /// What the item is called: its URL, or `s3://bucket/key`.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Url { url } => Cow::Borrowed(url),
            Self::Object { bucket, key, .. } => Cow::Owned(format!("s3://{bucket}/{key}")),
            Self::Record { record } => Cow::Borrowed(record),
        }
    }

    /// The same for people, without the secrets that a URL may hold.
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Url { url: text } | Self::Record { record: text } => redact(text),
            Self::Object { .. } => self.name(),
        }
    }

    /// Who has it: the URL's host, or the bucket.
    pub fn host(&self) -> Option<String> {
        match self {
            Self::Url { url } => Some(url::Url::parse(url).ok()?.host_str()?.to_owned()),
            Self::Object { bucket, .. } => Some(bucket.clone()),
            Self::Record { .. } => None,
        }
    }
}

/// Where an item stood in its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourcePosition {
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

/// Something about an item that is worth a word, and no reason to fail it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// One of [`crate::error_name`].
    pub name: String,
    /// What was expected and what was found.
    pub message: String,
}

/// One item of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its position among all items of the manifest, from 0. It is the item's identity through every round and redrive.
    pub index: u64,
    /// Where it stood.
    pub position: SourcePosition,
    /// What to work on.
    pub subject: Subject,
    /// Why it cannot be worked on.
    pub malformed: Option<Malformed>,
    /// What is worth a word about its record.
    pub note: Option<Note>,
    /// Only this destination, when an earlier round has done the others.
    pub destination: Option<String>,
}

impl Subject {
    /// A manifest's URL: as it is when it is absolute, otherwise resolved against the base URL, whose path stands for a
    /// folder. Nothing else is done to it.
    ///
    /// ```
    /// use manifest::Subject;
    ///
    /// let url = |text| Subject::url(text, Some("https://example.com/flags/")).name().into_owned();
    /// assert_eq!(url("ag.gif"), "https://example.com/flags/ag.gif");
    /// assert_eq!(url("/ag.gif"), "https://example.com/ag.gif");
    /// assert_eq!(url("//cdn.example.com/ag.gif"), "https://cdn.example.com/ag.gif");
    /// assert_eq!(url("http://example.org/"), "http://example.org/");
    /// ```
    ///
    /// **Source**: RFC 3986, section 5.2.2.
    pub fn url(text: &str, base_url: Option<&str>) -> Self {
        let url = match base_url {
            Some(base_url) if !has_scheme(text) => resolve(text, base_url),
            Some(_) | None => text.to_owned(),
        };
        Self::Url { url }
    }

    /// A path below a base URL, with a `/` between them: how the tasks of `image-download` name their URLs.
    pub(crate) fn joined(path: &str, base_url: &str) -> Self {
        let url = if has_authority(path) {
            path.to_owned()
        } else {
            format!("{base_url}/{path}")
        };
        Self::Url { url }
    }

    /// The beginning of a record that could not be read, with what cannot be printed replaced.
    pub(crate) fn excerpt(record: &[u8]) -> Self {
        let record = record.trim_ascii();
        let start = record.get(..EXCERPT_BYTES).unwrap_or(record);
        let readable = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
        Self::Record {
            record: String::from_utf8_lossy(start).chars().map(readable).collect(),
        }
    }
}

/// Resolves a reference without a scheme. Segments of dots stay: whoever fetches the URL refuses them.
fn resolve(text: &str, base_url: &str) -> String {
    let text = text.trim_start();
    let base = base_url.split(['?', '#']).next().unwrap_or_default();
    let scheme_end = base.find("://").map_or(0, |at| at + 1);
    let (scheme, hierarchy) = base.split_at(scheme_end);
    if text.starts_with("//") {
        return [scheme, text].concat();
    }
    let authority = hierarchy.trim_start_matches('/').split('/').next().unwrap_or_default();
    if text.starts_with('/') {
        return [scheme, "//", authority, text].concat();
    }
    [base.strip_suffix('/').unwrap_or(base), "/", text].concat()
}

/// Whether a text begins with a scheme and `://`.
fn has_authority(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Whether a text begins with a scheme, as `data:` does.
fn has_scheme(text: &str) -> bool {
    let text = text.trim_start();
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(scheme: &str) -> bool {
    let mut letters = scheme.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
}

impl Malformed {
    /// One of [`crate::error_name`], and what was expected and found.
    pub fn new(error: &str, message: String) -> Self {
        Self {
            error: error.to_owned(),
            message,
        }
    }

    /// A record that an earlier round could not read, and did not say why.
    fn earlier() -> Self {
        let message = "expected an item, found a record that an earlier round could not read".to_owned();
        Self::new(error_name::INVALID_RECORD, message)
    }

    /// A record over the size limit.
    fn too_long() -> Self {
        let message = format!("expected a record of at most {RECORD_BYTES_MAX} bytes, found a longer one");
        Self::new(error_name::RECORD_TOO_LONG, message)
    }

    /// An empty cell of this column.
    pub(crate) fn empty(column: &str) -> Self {
        Self::new(
            error_name::EMPTY_CELL,
            format!("expected a value in `{column}`, found an empty one"),
        )
    }
}

/// A record as a layout's reader has found it, before its position is known.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The byte of the range at which it begins.
    pub(crate) at: usize,
    /// The record itself.
    pub(crate) text: &'a [u8],
    /// What it names.
    pub(crate) subject: Result<Subject, Malformed>,
    /// What is worth a word about it.
    pub(crate) note: Option<Note>,
    /// Its line in a manifest of remaining items, if it stands in one.
    pub(crate) remaining: Option<RemainingItem>,
}

impl Found<'_> {
    /// The item: a remaining item brings its own index and position.
    pub(crate) fn into_item(self, index: u64, position: SourcePosition) -> Item {
        let too_long = self.text.len() as u64 > RECORD_BYTES_MAX;
        let subject = if too_long {
            Err(Malformed::too_long())
        } else {
            self.subject
        };
        let (subject, malformed) = match subject {
            Ok(subject) => (subject, None),
            Err(malformed) => (Subject::excerpt(self.text), Some(malformed)),
        };
        let Some(remaining) = self.remaining else {
            return Item {
                index,
                position,
                subject,
                malformed,
                note: self.note,
                destination: None,
            };
        };
        let unreadable = matches!(subject, Subject::Record { .. });
        Item {
            index: remaining.index,
            position: remaining.position.unwrap_or(position),
            subject,
            malformed: remaining.malformed.or_else(|| unreadable.then(Malformed::earlier)),
            note: None,
            destination: remaining.destination,
        }
    }
}
