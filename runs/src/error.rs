//! What can go wrong with a run, sorted by what the caller can do about it.

use ports::ExecutionRow;
use serde_json::Value;

/// The answer of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request or the manifest is wrong: correct it and ask again.
    Invalid,
    /// The state directory or the run does not exist: name another one.
    NotFound,
    /// Another process holds the state directory: wait for its end, or use another directory.
    Busy,
    /// The manifest is not what it was when the run began: put it back and resume the run, or start a new one.
    ManifestChanged,
    /// The run has stopped at something that a person must mend, such as a full disk: mend it, then resume the run.
    Halted,
    /// Something broke. A run that had started can be resumed.
    Internal,
}

/// Why a run could not be started, resumed or looked up.
///
/// The text is whole: the causes are in it, joined by `: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What the caller can do.
    pub kind: ErrorKind,
    /// What happened, to what.
    pub message: String,
    /// What would help, in the words of the command line.
    pub hint: Option<String>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// The request or the manifest is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Something broke.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Adds what would help.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ports::Error> for Error {
    fn from(error: ports::Error) -> Self {
        Self::internal(error.chain())
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        if let engine::Error::Halted { error: name, cause } = &error {
            let kind = if name == consolidator::error_name::MANIFEST_CHANGED {
                ErrorKind::ManifestChanged
            } else {
                ErrorKind::Halted
            };
            return Self::new(kind, format!("{error}: {}", message_of(cause)));
        }
        Self::internal(chain(&error))
    }
}

/// An error with all its causes, joined by `: `.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Why an execution failed, in words; empty when it did not.
pub fn cause_of(row: &ExecutionRow) -> String {
    message_of(row.cause.as_deref().unwrap_or_default())
}

/// The message of a cause: Lambda wraps a function's in JSON.
fn message_of(cause: &str) -> String {
    let inside: Option<Value> = serde_json::from_str(cause).ok();
    let message = inside.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str());
    message.unwrap_or(cause).to_owned()
}
