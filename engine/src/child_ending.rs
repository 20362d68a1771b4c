//! How a child of a map run ended.

use asl::StateError;
use ports::ResultStatus;

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChildEnding {
    Succeeded { output: String },
    Failed(StateError),
    TimedOut(StateError),
    Aborted(StateError),
}

impl ChildEnding {
    /// AWS's word for it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
            Self::TimedOut(_) => "TIMED_OUT",
            Self::Aborted(_) => "ABORTED",
        }
    }

    /// Why it did not succeed.
    pub(crate) const fn error(&self) -> Option<&StateError> {
        match self {
            Self::Succeeded { .. } => None,
            Self::Failed(error) | Self::TimedOut(error) | Self::Aborted(error) => Some(error),
        }
    }

    /// Which result file tells of the child.
    pub(crate) const fn status(&self) -> ResultStatus {
        match self {
            Self::Succeeded { .. } => ResultStatus::Succeeded,
            Self::Failed(_) | Self::TimedOut(_) | Self::Aborted(_) => ResultStatus::Failed,
        }
    }
}
