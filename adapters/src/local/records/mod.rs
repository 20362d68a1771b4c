//! Journal, ledger, notifications, state machines and activities in one `SQLite` file that people may query too.
//!
//! Each port has a file here; they share the connection and its transactions. Write-ahead log with `synchronous = NORMAL`: what has been committed survives the death of the process at any
//! instruction; the last commits may be lost with the power. Every method is a transaction, or a part of one that is
//! undone by itself.

mod activities;
mod groups;
mod journal;
mod ledger;
mod notifications;
mod pages;
mod removal;
mod schema;
mod state_machines;

use std::path::Path;
use std::sync::Arc;

use ports::{Error, ErrorKind, Result};
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use rusqlite::{Connection, ErrorCode};

use groups::Groups;
use schema::SCHEMA_VERSION;

use super::directory::on_path;
use super::private;

/// One file with everything that a run must not forget.
#[derive(Debug, Clone)]
pub struct Records {
    groups: Arc<Groups>,
}

impl Records {
    /// Opens the file, and makes it if need be.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] when it is no database of gantry's, or another gantry has written it.
    pub fn open(path: &Path) -> Result<Self> {
        private::make_file(path).map_err(|error| on_path(error, "failed to open the records", path))?;
        let doing = format!("open the records `{}`", path.display());
        let opened = Connection::open(path).and_then(|mut connection| {
            schema::configure(&connection)?;
            let version = schema::create(&mut connection)?;
            Ok((connection, version))
        });
        let (connection, version) = opened.map_err(|error| failed(&doing, error))?;
        if version != SCHEMA_VERSION {
            let text = format!(
                "the records in `{}` have schema {version}, this gantry reads schema {SCHEMA_VERSION}: use the gantry that made them, or another --state-dir",
                path.display()
            );
            return Err(Error::new(ErrorKind::Malformed, text));
        }
        Ok(Self {
            groups: Arc::new(Groups::new(connection)),
        })
    }

    /// One transaction, or a part of one that several callers share: all of it or nothing.
    async fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.groups.call(doing, work).await
    }
}

/// Ends a call with an error of the port, and undoes what the call has done.
fn refuse(error: Error) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(error))
}

/// The error of a call: the port's own, or what a statement has failed with.
fn failed(doing: &str, error: rusqlite::Error) -> Error {
    let kind = kind_of(&error);
    if kind == ErrorKind::Full {
        return disk_full(doing);
    }
    let doing = format!("failed to {doing}");
    if let rusqlite::Error::UserFunctionError(cause) = error {
        return match cause.downcast() {
            Ok(refusal) => *refusal,
            Err(cause) => Error::new(kind, doing).because(cause),
        };
    }
    Error::new(kind, doing).because(error)
}

/// The error of something that needs room on a disk that has none.
pub(super) fn disk_full(doing: &str) -> Error {
    Error::new(ErrorKind::Full, format!("failed to {doing}: the disk is full"))
}

/// Whether a statement has failed because the disk is full.
pub(super) fn is_about_a_full_disk(error: &rusqlite::Error) -> bool {
    kind_of(error) == ErrorKind::Full
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    // The shared memory of the write-ahead log, which is a file beside the database, could not be made longer.
    if error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE)
    {
        return ErrorKind::Full;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::Full,
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::AuthorizationForStatementDenied,
        ) => ErrorKind::Denied,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => ErrorKind::Malformed,
        Some(ErrorCode::ConstraintViolation) => ErrorKind::Conflict,
        Some(_) | None => ErrorKind::Unavailable,
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Malformed, "failed to write a record as JSON").because(error))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Malformed, "failed to read a record, it is no JSON of ours").because(error)
    })
}

/// A limit and an offset of a list.
fn page(skip: usize, limit: usize) -> (i64, i64) {
    (
        i64::try_from(skip).unwrap_or(i64::MAX),
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
}

/// Sequence numbers and positions are far below 2^63.
fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn as_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::conformance;
    use rusqlite::ffi;

    fn open(dir: &tempfile::TempDir) -> Records {
        Records::open(&dir.path().join("state.db")).unwrap()
    }

    #[tokio::test]
    async fn it_is_a_journal() {
        let dir = tempfile::tempdir().unwrap();
        conformance::journal::all(&open(&dir)).await.unwrap();
    }

    #[tokio::test]
    async fn it_is_a_ledger() {
        let dir = tempfile::tempdir().unwrap();
        conformance::ledger::all(&open(&dir)).await.unwrap();
    }

    #[tokio::test]
    async fn it_keeps_state_machines() {
        let dir = tempfile::tempdir().unwrap();
        conformance::state_machines::all(&open(&dir)).await.unwrap();
    }

    #[tokio::test]
    async fn it_keeps_activities() {
        let dir = tempfile::tempdir().unwrap();
        conformance::activities::all(&open(&dir)).await.unwrap();
    }

    #[tokio::test]
    async fn it_is_a_notifier_that_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let topic = "arn:aws:sns:us-east-1:000000000000:failures";
        conformance::notifier::all(&open(&dir), topic).await.unwrap();
        let kept = open(&dir).notifications().await.unwrap();
        assert!(!kept.is_empty() && kept.iter().all(|notification| notification.topic == topic));
    }

    #[test]
    fn a_full_disk_is_called_so() {
        // What a tmpfs of 16 KB gives: the write-ahead log's index cannot grow, then the database cannot.
        for code in [SQLITE_IOERR_SHMSIZE, ffi::SQLITE_FULL] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert!(is_about_a_full_disk(&error), "{error}");
            let error = failed("write the journal", error);
            let text = "failed to write the journal: the disk is full";
            assert_eq!((error.kind(), error.chain().as_str()), (ErrorKind::Full, text));
        }
    }

    #[test]
    fn other_schemas_and_another_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        drop(Records::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        for other in [99, 2, 1] {
            connection.pragma_update(None, "user_version", other).unwrap();
            let refused = Records::open(&path).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Malformed);
            let text =
                format!("schema {other}, this gantry reads schema {SCHEMA_VERSION}: use the gantry that made them");
            assert!(refused.to_string().contains(&text), "{refused}");
        }
        drop(connection);

        let other = dir.path().join("other.db");
        std::fs::write(
            &other,
            "not a database at all, but long enough to have a header".repeat(9),
        )
        .unwrap();
        assert_eq!(Records::open(&other).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
