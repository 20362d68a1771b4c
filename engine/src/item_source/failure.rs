//! Why a map run's items cannot be read: always `States.ItemReaderFailed`, with the object and the position.

use asl::{StateError, error_name};
use ports::{ErrorKind, ObjectKey};

/// The failure of an item reader.
pub(crate) fn failed(cause: impl Into<String>) -> StateError {
    StateError::new(error_name::ITEM_READER_FAILED, cause.into())
}

/// The failure of a request to the store.
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

/// The failure to decode a record as the input type says.
pub(crate) fn of_record(at: &ObjectKey, record: u64, byte: u64, message: &str) -> StateError {
    failed(format!("`{at}`, item {record} (from 0), byte {byte}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_the_store_is_told() {
        let at = ObjectKey::new("b", "k");
        for (kind, expected) in [
            (
                ErrorKind::NotFound,
                "`s3://b/k`: there is no such bucket, object or version: why: its cause",
            ),
            (ErrorKind::Denied, "`s3://b/k`: access is denied: why: its cause"),
            (
                ErrorKind::Conflict,
                "`s3://b/k`: the object has changed since it was first read: why: its cause",
            ),
            (ErrorKind::Unavailable, "`s3://b/k`: it cannot be read: why: its cause"),
        ] {
            let error = ports::Error::new(kind, "why").because("its cause");
            let told = of_store(&at, &error);
            assert_eq!(told.error.as_deref(), Some("States.ItemReaderFailed"));
            assert_eq!(told.cause.as_deref(), Some(expected));
        }
    }
}
