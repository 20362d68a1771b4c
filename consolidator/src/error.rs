//! Why a call cannot be answered. What became of an item is never an error here.

use ports::TaskFailure;

/// The names that `Retry` and `Catch` match.
pub mod error_name {
    /// An outcome, batch list or tally is not what it should be.
    pub const MALFORMED: &str = "Gantry.Malformed";
    /// The manifest has changed, or is gone, while lost items had to be found in it.
    pub const MANIFEST_CHANGED: &str = "Gantry.ManifestChanged";
}

/// Why a call cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port failed.
    #[error("failed to {doing}")]
    Port {
        /// What was being done.
        doing: String,
        /// What the port said.
        #[source]
        source: ports::Error,
    },
    /// Something that gantry wrote cannot be read back.
    #[error("failed to read `{place}`: {reason}")]
    Malformed {
        /// Which object, and where in it.
        place: String,
        /// What was found.
        reason: String,
    },
    /// A batch has no outcomes, and its items cannot be read again.
    #[error("failed to find the items of batch {batch} in `{place}`, whose processor ended without an answer")]
    ManifestChanged {
        /// The batch.
        batch: u64,
        /// The manifest.
        place: String,
        /// What the store said.
        #[source]
        source: ports::Error,
    },
}

impl Error {
    /// The stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => error_name::MALFORMED,
            Self::ManifestChanged { .. } => error_name::MANIFEST_CHANGED,
            Self::Port { source, .. } => source.kind().error_name(),
        }
    }
}

impl From<Error> for TaskFailure {
    fn from(error: Error) -> Self {
        Self::from_error(error.name(), &error)
    }
}

/// Says what was being done when a port failed.
pub(crate) fn while_doing(doing: impl Into<String>) -> impl FnOnce(ports::Error) -> Error {
    move |source| Error::Port {
        doing: doing.into(),
        source,
    }
}
