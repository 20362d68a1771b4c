//! What ends a batch. What ends one item is an outcome.

use ports::{ObjectKey, TaskFailure};

/// Why a call of the processor failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event, or something in it, cannot be understood.
    #[error("the event cannot be understood: {0}")]
    Malformed(String),
    /// The manifest is not the one that was split into batches.
    #[error("manifest {at} has changed since it was split into batches")]
    ManifestChanged {
        /// Where it is.
        at: ObjectKey,
        /// What the store said.
        #[source]
        source: ports::Error,
    },
    /// The store failed.
    #[error("failed to {what} {at}")]
    Store {
        /// What was tried.
        what: &'static str,
        /// Where.
        at: ObjectKey,
        /// What the store said.
        #[source]
        source: ports::Error,
    },
    /// Outcomes that cannot be written as JSON.
    #[error("the outcomes cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl Error {
    pub(crate) fn store(what: &'static str, at: &ObjectKey, source: ports::Error) -> Self {
        Self::Store {
            what,
            at: at.clone(),
            source,
        }
    }

    /// The name that `Retry` and `Catch` match.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Gantry.MalformedEvent",
            Self::ManifestChanged { .. } => "Gantry.ManifestChanged",
            Self::Encode(_) => "Gantry.Internal",
            Self::Store { source, .. } => source.kind().error_name(),
        }
    }

    /// Whether the very same call may pass later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::ManifestChanged { .. } | Self::Encode(_) => false,
            Self::Store { source, .. } => source.is_retryable(),
        }
    }
}

impl From<Error> for TaskFailure {
    fn from(error: Error) -> Self {
        Self::from_error(error.name(), &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::ErrorKind;

    #[test]
    fn names_are_stable() {
        let kinds = [
            (ErrorKind::NotFound, "Gantry.StorageNotFound"),
            (ErrorKind::Conflict, "Gantry.StorageConflict"),
            (ErrorKind::Throttled, "Gantry.StorageThrottled"),
            (ErrorKind::Denied, "Gantry.StorageDenied"),
            (ErrorKind::Malformed, "Gantry.StorageMalformed"),
            (ErrorKind::Full, "Gantry.StorageFull"),
            (ErrorKind::Unavailable, "Gantry.StorageUnavailable"),
            (ErrorKind::Cancelled, "Gantry.Cancelled"),
        ];
        let at = ObjectKey::new("b", "k");
        for (kind, name) in kinds {
            let error = Error::store("write", &at, ports::Error::new(kind, "no"));
            assert_eq!(
                (error.name(), error.to_string().as_str()),
                (name, "failed to write s3://b/k")
            );
        }
        assert_eq!(Error::Malformed(String::new()).name(), "Gantry.MalformedEvent");
    }
}
