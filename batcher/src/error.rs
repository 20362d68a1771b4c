//! Why a manifest cannot be split. What is wrong with a single item is never an error here, unless it is asked for.

use manifest::{Malformed, SourcePosition, SplitErrorKind};
use ports::{ObjectKey, TaskFailure};

/// The names that `Retry` and `Catch` match.
pub mod error_name {
    /// The event or the request in it makes no sense.
    pub const INVALID_REQUEST: &str = "Gantry.InvalidRequest";
    /// There is no such manifest.
    pub const MANIFEST_NOT_FOUND: &str = "Gantry.ManifestNotFound";
    /// The manifest has changed while it was read.
    pub const MANIFEST_CHANGED: &str = "Gantry.ManifestChanged";
    /// The header lacks the column, or has it twice.
    pub const WRONG_COLUMN: &str = "Gantry.WrongColumn";
    /// A quoted field never closes.
    pub const UNCLOSED_QUOTE: &str = "Gantry.UnclosedQuote";
    /// The manifest is not UTF-8.
    pub const INVALID_UTF8: &str = "Gantry.InvalidUtf8";
    /// The manifest is not the JSON that it should be.
    pub const INVALID_JSON: &str = "Gantry.InvalidJson";
    /// The manifest is no text that can be read.
    pub const UNSUPPORTED_FORMAT: &str = "Gantry.UnsupportedFormat";
    /// The manifest is not compressed as it says.
    pub const INVALID_COMPRESSION: &str = "Gantry.InvalidCompression";
    /// A strict reading has found items that cannot be read.
    pub const MALFORMED_ITEMS: &str = "Gantry.MalformedItems";
    /// The manifest is over a limit.
    pub const LIMIT_EXCEEDED: &str = "Gantry.LimitExceeded";
    /// The time does not suffice.
    pub const DEADLINE_TOO_CLOSE: &str = "Gantry.DeadlineTooClose";
}

/// Why a manifest cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request makes no sense.
    #[error("failed to read the request: {reason}")]
    InvalidRequest {
        /// What was expected and found.
        reason: String,
    },
    /// There is no such manifest.
    #[error("failed to find the manifest `{manifest}`")]
    NotFound {
        /// The manifest.
        manifest: ObjectKey,
        /// What the store said.
        #[source]
        source: Box<ports::Error>,
    },
    /// The manifest is not what it was when its reading began.
    #[error("failed to read `{manifest}`: it has changed since its reading began")]
    Changed {
        /// The manifest.
        manifest: ObjectKey,
        /// What the store said, if it noticed.
        #[source]
        source: Option<Box<ports::Error>>,
    },
    /// A port failed.
    #[error("failed to {doing}")]
    Port {
        /// What was being done.
        doing: String,
        /// What the port said.
        #[source]
        source: ports::Error,
    },
    /// The header lacks the column, or has it twice.
    #[error("failed to read the header of `{manifest}`: expected one column `{column}`, found {}; the columns are {}", count(*.found), list(.columns))]
    WrongColumn {
        /// The manifest.
        manifest: ObjectKey,
        /// The column that was asked for.
        column: String,
        /// How many there are.
        found: usize,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// The manifest as a whole cannot be read.
    #[error("failed to read `{manifest}`: {} at record {}, line {}, byte {}", text_of(*.kind), .position.record, .position.line, .position.byte)]
    Split {
        /// The manifest.
        manifest: ObjectKey,
        /// What is wrong.
        kind: SplitErrorKind,
        /// Where.
        position: SourcePosition,
    },
    /// The manifest is not the JSON that it should be.
    #[error("failed to read `{manifest}`: {reason}")]
    InvalidJson {
        /// The manifest.
        manifest: ObjectKey,
        /// What was expected and found.
        reason: String,
    },
    /// The manifest is no text that can be read.
    #[error("failed to read `{manifest}`: expected text in UTF-8, found {found}")]
    UnsupportedFormat {
        /// The manifest.
        manifest: ObjectKey,
        /// What it looks like.
        found: &'static str,
    },
    /// The manifest is not compressed as it says.
    #[error("failed to unpack `{manifest}` after {bytes} bytes")]
    InvalidCompression {
        /// The manifest.
        manifest: ObjectKey,
        /// **Bytes** read before.
        bytes: u64,
        /// What the decoder said.
        #[source]
        source: std::io::Error,
    },
    /// A strict reading has found items that cannot be read.
    #[error("failed to read every item of `{manifest}`: {}", told(.faults))]
    MalformedItems {
        /// The manifest.
        manifest: ObjectKey,
        /// The first of them.
        faults: Vec<(SourcePosition, Malformed)>,
    },
    /// Something is over a limit.
    #[error("failed to read `{manifest}`: {what} is over the limit of {limit} bytes")]
    LimitExceeded {
        /// The manifest.
        manifest: ObjectKey,
        /// What is too large.
        what: &'static str,
        /// **Bytes.**
        limit: u64,
        /// What can be done.
        hint: &'static str,
    },
    /// The time does not suffice.
    #[error("failed to split `{manifest}` before the deadline: {read} of {size} bytes were read")]
    DeadlineTooClose {
        /// The manifest.
        manifest: ObjectKey,
        /// **Bytes** read.
        read: u64,
        /// **Bytes** to read.
        size: u64,
    },
}

impl Error {
    /// The stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. } => error_name::INVALID_REQUEST,
            Self::NotFound { .. } => error_name::MANIFEST_NOT_FOUND,
            Self::Changed { .. } => error_name::MANIFEST_CHANGED,
            Self::WrongColumn { .. } => error_name::WRONG_COLUMN,
            Self::Split { kind, .. } => match kind {
                SplitErrorKind::UnclosedQuote => error_name::UNCLOSED_QUOTE,
                SplitErrorKind::InvalidUtf8 => error_name::INVALID_UTF8,
                SplitErrorKind::UnclosedArray | SplitErrorKind::TextAfterArray => error_name::INVALID_JSON,
            },
            Self::InvalidJson { .. } => error_name::INVALID_JSON,
            Self::UnsupportedFormat { .. } => error_name::UNSUPPORTED_FORMAT,
            Self::InvalidCompression { .. } => error_name::INVALID_COMPRESSION,
            Self::MalformedItems { .. } => error_name::MALFORMED_ITEMS,
            Self::LimitExceeded { .. } => error_name::LIMIT_EXCEEDED,
            Self::DeadlineTooClose { .. } => error_name::DEADLINE_TOO_CLOSE,
            Self::Port { source, .. } => source.kind().error_name(),
        }
    }

    /// What whoever sent the manifest can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest { .. } | Self::Port { .. } => None,
            Self::NotFound { .. } => Some("check the manifest's bucket and key"),
            Self::Changed { .. } => Some("start again when nobody writes to the manifest any more"),
            Self::UnsupportedFormat { found, .. } if found.starts_with("UTF-") => Some(
                "convert the manifest to UTF-8, for example with `iconv -f UTF-16LE -t UTF-8`, or UTF-16BE or UTF-32",
            ),
            Self::UnsupportedFormat { .. } => Some("export the manifest as CSV or JSON Lines"),
            Self::WrongColumn { columns, .. } => Some(match columns.as_slice() {
                [only] => other_delimiter(only).unwrap_or(NAME_A_COLUMN),
                _ => NAME_A_COLUMN,
            }),
            Self::Split { kind, .. } => match kind {
                SplitErrorKind::UnclosedQuote | SplitErrorKind::InvalidUtf8 => {
                    Some("correct the manifest, or skip malformed records to let them fail on their own")
                }
                SplitErrorKind::UnclosedArray | SplitErrorKind::TextAfterArray => {
                    Some("correct the manifest: it is not one whole JSON array")
                }
            },
            Self::InvalidJson { .. } => Some("correct the manifest, or name its format"),
            Self::InvalidCompression { .. } => Some("correct the manifest, or name its compression"),
            Self::MalformedItems { .. } => {
                Some("correct these records, or leave strict reading off to let them fail on their own")
            }
            Self::LimitExceeded { hint, .. } => Some(hint),
            Self::DeadlineTooClose { .. } => Some("give the batcher more time, or unpack or divide the manifest"),
        }
    }
}

impl From<Error> for TaskFailure {
    /// Only name and cause leave the state machine, so the hint goes with the cause.
    fn from(error: Error) -> Self {
        let failure = Self::from_error(error.name(), &error);
        match error.hint() {
            Some(hint) => Self {
                cause: format!("{}; hint: {hint}", failure.cause),
                ..failure
            },
            None => failure,
        }
    }
}

/// What can be done about a column that is not there.
const NAME_A_COLUMN: &str = "name one of the columns that there are, or give the header's names";

/// Says what was being done when a port failed.
pub(crate) fn while_doing(doing: impl Into<String>) -> impl FnOnce(ports::Error) -> Error {
    move |source| Error::Port {
        doing: doing.into(),
        source,
    }
}

fn count(number: usize) -> String {
    match number {
        0 => "none".to_owned(),
        more => more.to_string(),
    }
}

/// The columns, with what a terminal should not get to see replaced.
fn list(columns: &[String]) -> String {
    let readable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let quoted = columns
        .iter()
        .map(|column| format!("`{}`", column.chars().map(readable).collect::<String>()));
    quoted.collect::<Vec<_>>().join(", ")
}

/// What to say of a header that is one column because something else separates its names.
fn other_delimiter(only: &str) -> Option<&'static str> {
    let hints = [
        (
            ';',
            "the header looks separated by semicolons: give the delimiter SEMICOLON (`--delimiter semicolon`)",
        ),
        (
            '\t',
            "the header looks separated by tabs: give the delimiter TAB (`--delimiter tab`)",
        ),
        (
            '|',
            "the header looks separated by pipes: give the delimiter PIPE (`--delimiter pipe`)",
        ),
        (
            ',',
            "the header looks separated by commas: give the delimiter COMMA (`--delimiter comma`)",
        ),
    ];
    let found = hints.into_iter().find(|(delimiter, _)| only.contains(*delimiter));
    found.map(|(_, hint)| hint)
}

const fn text_of(kind: SplitErrorKind) -> &'static str {
    match kind {
        SplitErrorKind::UnclosedQuote => "expected a closing quote before its end, found none for the record",
        SplitErrorKind::InvalidUtf8 => "expected UTF-8, found something else",
        SplitErrorKind::UnclosedArray => "expected `]` before its end, found none",
        SplitErrorKind::TextAfterArray => "expected nothing after its `]`, found text",
    }
}

fn told(faults: &[(SourcePosition, Malformed)]) -> String {
    let texts: Vec<_> = faults
        .iter()
        .map(|(position, malformed)| {
            let SourcePosition { record, line, byte } = position;
            format!("{} at record {record}, line {line}, byte {byte}", malformed.message)
        })
        .collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::ErrorKind;

    fn port(kind: ErrorKind) -> ports::Error {
        ports::Error::new(kind, "no")
    }

    #[test]
    fn every_error_has_its_name() {
        let manifest = ObjectKey::new("m", "k");
        let manifest = || manifest.clone();
        let fault = |kind| Error::Split {
            manifest: manifest(),
            kind,
            position: SourcePosition::default(),
        };
        let failed = |kind| while_doing("write")(port(kind));
        let cases = [
            (Error::InvalidRequest { reason: String::new() }, "Gantry.InvalidRequest"),
            (
                Error::NotFound {
                    manifest: manifest(),
                    source: Box::new(port(ErrorKind::NotFound)),
                },
                "Gantry.ManifestNotFound",
            ),
            (
                Error::Changed {
                    manifest: manifest(),
                    source: None,
                },
                "Gantry.ManifestChanged",
            ),
            (
                Error::WrongColumn {
                    manifest: manifest(),
                    column: "a".into(),
                    found: 0,
                    columns: vec![],
                },
                "Gantry.WrongColumn",
            ),
            (fault(SplitErrorKind::UnclosedQuote), "Gantry.UnclosedQuote"),
            (fault(SplitErrorKind::InvalidUtf8), "Gantry.InvalidUtf8"),
            (fault(SplitErrorKind::UnclosedArray), "Gantry.InvalidJson"),
            (fault(SplitErrorKind::TextAfterArray), "Gantry.InvalidJson"),
            (
                Error::InvalidJson {
                    manifest: manifest(),
                    reason: String::new(),
                },
                "Gantry.InvalidJson",
            ),
            (
                Error::UnsupportedFormat {
                    manifest: manifest(),
                    found: "Parquet",
                },
                "Gantry.UnsupportedFormat",
            ),
            (
                Error::InvalidCompression {
                    manifest: manifest(),
                    bytes: 0,
                    source: std::io::Error::other("no"),
                },
                "Gantry.InvalidCompression",
            ),
            (
                Error::MalformedItems {
                    manifest: manifest(),
                    faults: vec![],
                },
                "Gantry.MalformedItems",
            ),
            (
                Error::LimitExceeded {
                    manifest: manifest(),
                    what: "it",
                    limit: 1,
                    hint: "less",
                },
                "Gantry.LimitExceeded",
            ),
            (
                Error::DeadlineTooClose {
                    manifest: manifest(),
                    read: 0,
                    size: 1,
                },
                "Gantry.DeadlineTooClose",
            ),
            (failed(ErrorKind::Full), "Gantry.StorageFull"),
            (failed(ErrorKind::Denied), "Gantry.StorageDenied"),
            (failed(ErrorKind::Unavailable), "Gantry.StorageUnavailable"),
        ];
        for (error, name) in cases {
            assert_eq!(error.name(), name, "{error}");
        }
    }
}
