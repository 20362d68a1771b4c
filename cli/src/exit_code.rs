//! What the process says when it ends: five numbers, and who decides on them.

use std::process::ExitCode;

use runs::ErrorKind;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All items succeeded, or as many as the user asked for.
    Success,
    /// Some items failed.
    ItemsFailed,
    /// The command or the manifest is wrong: the user can mend it.
    Usage,
    /// Something broke; the run can be resumed.
    Internal,
    /// The user interrupted; the run can be resumed.
    Interrupted,
}

impl Exit {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::ItemsFailed => 1,
            Self::Usage => 2,
            Self::Internal => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// An error that says which way the process ends.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl CliError {
    /// The user can mend it.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            hint: None,
        }
    }

    /// Something broke.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Internal,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with what would help.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<runs::Error> for CliError {
    fn from(error: runs::Error) -> Self {
        let exit = match error.kind {
            ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Busy => Exit::Usage,
            ErrorKind::ManifestChanged | ErrorKind::Halted | ErrorKind::Internal => Exit::Internal,
        };
        Self {
            exit,
            message: error.message,
            hint: error.hint,
        }
    }
}

impl From<ports::Error> for CliError {
    fn from(error: ports::Error) -> Self {
        Self::internal(error.chain())
    }
}
