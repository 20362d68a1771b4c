//! Why a map run's items cannot be read: always `States.ItemReaderFailed`, with the object and the place.

use asl::{StateError, error_name};
use ports::{ErrorKind, ObjectKey};

/// The failure of an item reader.
pub(crate) fn failed(cause: impl Into<String>) -> StateError {
    StateError::new(error_name::ITEM_READER_FAILED, cause.into())
}

/// The store did not give what was asked of it.
pub(crate) fn of_store(at: &ObjectKey, error: &ports::Error) -> StateError {
    let hint = match error.kind() {
        ErrorKind::NotFound => "there is no such bucket, object or version",
        ErrorKind::Denied => "access is denied",
        ErrorKind::Conflict => "the object has changed since it was first read",
        ErrorKind::Malformed
        | ErrorKind::Throttled
        | ErrorKind::Full
        | ErrorKind::Unavailable
        | ErrorKind::Cancelled => "it cannot be read",
    };
    failed(format!("`{at}`: {hint}: {}", error.chain()))
}

/// A record is not what the input type says.
pub(crate) fn of_record(at: &ObjectKey, record: u64, byte: u64, message: &str) -> StateError {
    failed(format!("`{at}`, item {record} (from 0), byte {byte}: {message}"))
}
