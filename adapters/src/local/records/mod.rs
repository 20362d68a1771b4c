//! Journal, ledger and notifications in one `SQLite` file that people may query too.
//!
//! Write-ahead log with `synchronous = NORMAL`: what has been committed survives the death of the process at any
//! instruction; the last commits may be lost with the power. Every method is a transaction, or a part of one that is
//! undone by itself.

mod groups;
mod schema;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{
    Commit, Error, ErrorKind, ExecutionArn, ExecutionRow, ExecutionStatus, Journal, JournalRecord, Ledger, LedgerState,
    MapRunArn, Notification, Notifier, Result, ResultStatus,
};
use rusqlite::{Connection, OptionalExtension, params};

use groups::Groups;
use schema::{SCHEMA_VERSION, migrate, prepare};

/// Rows of results that are deleted in one transaction: what a transaction changes is held in memory and in the log.
const FORGOTTEN_AT_ONCE: usize = 64;

/// One file with everything that a run must not forget.
#[derive(Debug, Clone)]
pub struct Records {
    groups: Arc<Groups>,
}

impl Records {
    /// Opens the file, and makes it if need be.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] when it is no database of ours or has a newer schema.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path).map_err(|error| failed("open the records", error))?;
        let place = || format!("`{}`", path.display());
        prepare(&mut connection).map_err(|error| failed("open the records", error))?;
        let version = migrate(&mut connection).map_err(|error| failed("read the records", error))?;
        if version != SCHEMA_VERSION {
            let text = format!(
                "the records in {} have schema {version}, this gantry reads schema {SCHEMA_VERSION}: use the gantry that made them, or another --state-dir",
                place()
            );
            return Err(Error::new(ErrorKind::Malformed, text));
        }
        Ok(Self {
            groups: Arc::new(Groups::over(connection)),
        })
    }

    /// Everything that was published, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn notifications(&self) -> Result<Vec<Notification>> {
        let texts: Vec<String> = self
            .call("read the notifications", |transaction| {
                let mut select =
                    transaction.prepare_cached("SELECT notification FROM notifications ORDER BY ordinal")?;
                select.query_map([], |row| row.get(0))?.collect()
            })
            .await?;
        texts.iter().map(|text| from_json(text)).collect()
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

fn failed(doing: &str, error: rusqlite::Error) -> Error {
    Error::new(kind_of(&error), format!("failed to {doing}")).because(error)
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => ErrorKind::Full,
        Some(
            rusqlite::ErrorCode::PermissionDenied
            | rusqlite::ErrorCode::ReadOnly
            | rusqlite::ErrorCode::CannotOpen
            | rusqlite::ErrorCode::AuthorizationForStatementDenied,
        ) => ErrorKind::Denied,
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => ErrorKind::Malformed,
        Some(rusqlite::ErrorCode::ConstraintViolation) => ErrorKind::Conflict,
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

fn status_name(status: ExecutionStatus) -> String {
    serde_json::to_value(status)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[async_trait]
impl Journal for Records {
    async fn create(&self, row: ExecutionRow) -> Result<()> {
        let (json, status) = (to_json(&row)?, status_name(row.status));
        let arn = row.arn.clone();
        let created = self
            .call("create an execution", move |transaction| {
                let map_run = row.child_of.map(|child| child.map_run.0);
                let values = params![row.arn.0, row.name, row.state_machine, status, json, map_run];
                transaction
                    .prepare_cached(
                        "INSERT INTO executions (arn, ordinal, name, state_machine, status, row, map_run)
                         VALUES (?1, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM executions), ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(values)
            })
            .await;
        created.map(|_| ()).map_err(|error| {
            if error.kind() == ErrorKind::Conflict {
                return Error::new(ErrorKind::Conflict, format!("there is an execution `{arn}` already"));
            }
            error
        })
    }

    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> Result<()> {
        let arn = execution.0.clone();
        let appended = self.call("write the journal", move |transaction| {
            append(transaction, &arn, &records)
        });
        match appended.await? {
            Appended::Written => Ok(()),
            Appended::NoExecution => Err(no_execution(execution)),
            Appended::Gap { expected, found } => {
                let text = format!("record {found} of `{execution}` does not follow, expected {expected}");
                Err(Error::new(ErrorKind::Conflict, text))
            }
        }
    }

    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        let arn = execution.0.clone();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.call("read the journal", move |transaction| {
            let mut select = transaction.prepare_cached(
                "SELECT sequence, record FROM journal WHERE execution = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3",
            )?;
            let rows = select.query_map(params![arn, as_i64(sequence), limit], |row| {
                Ok(JournalRecord {
                    sequence: as_u64(row.get(0)?),
                    record: row.get(1)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        read.await
    }

    async fn update(&self, row: ExecutionRow) -> Result<()> {
        let (json, status) = (to_json(&row)?, status_name(row.status));
        let arn = row.arn.clone();
        let updated = self.call("update an execution", move |transaction| {
            transaction
                .prepare_cached("UPDATE executions SET status = ?2, row = ?3 WHERE arn = ?1")?
                .execute(params![row.arn.0, status, json])
        });
        match updated.await? {
            0 => Err(no_execution(&arn)),
            _ => Ok(()),
        }
    }

    async fn execution(&self, execution: &ExecutionArn) -> Result<ExecutionRow> {
        let arn = execution.0.clone();
        let found: Option<String> = self
            .call("read an execution", move |transaction| {
                let mut select = transaction.prepare_cached("SELECT row FROM executions WHERE arn = ?1")?;
                select.query_row([arn], |row| row.get(0)).optional()
            })
            .await?;
        from_json(&found.ok_or_else(|| no_execution(execution))?)
    }

    async fn executions(&self, skip: usize, limit: usize) -> Result<Vec<ExecutionRow>> {
        self.rows("map_run IS NULL", vec![], skip, limit).await
    }

    async fn children(
        &self,
        map_run: &MapRunArn,
        status: Option<ExecutionStatus>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        let of_it = map_run.0.clone();
        match status {
            None => self.rows("map_run = ?3", vec![of_it], skip, limit).await,
            Some(status) => {
                let values = vec![of_it, status_name(status)];
                self.rows("map_run = ?3 AND status = ?4", values, skip, limit).await
            }
        }
    }
}

impl Records {
    /// A page of the executions of which that is true; its parameters begin at `?3`.
    async fn rows(
        &self,
        condition: &'static str,
        values: Vec<String>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        let (skip, limit) = page(skip, limit);
        let rows: Vec<String> = self
            .call("list the executions", move |transaction| {
                let query =
                    format!("SELECT row FROM executions WHERE {condition} ORDER BY ordinal DESC LIMIT ?1 OFFSET ?2");
                let mut select = transaction.prepare_cached(&query)?;
                select.raw_bind_parameter(1, limit)?;
                select.raw_bind_parameter(2, skip)?;
                for (at, value) in (3..).zip(&values) {
                    select.raw_bind_parameter(at, value)?;
                }
                select.raw_query().mapped(|row| row.get(0)).collect()
            })
            .await?;
        rows.iter().map(|row| from_json(row)).collect()
    }
}

fn page(skip: usize, limit: usize) -> (i64, i64) {
    (
        i64::try_from(skip).unwrap_or(i64::MAX),
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
}

fn no_execution(arn: &ExecutionArn) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no execution `{arn}`"))
}

enum Appended {
    Written,
    NoExecution,
    Gap { expected: u64, found: u64 },
}

fn append(transaction: &Connection, arn: &str, records: &[JournalRecord]) -> rusqlite::Result<Appended> {
    let mut known = transaction.prepare_cached("SELECT 1 FROM executions WHERE arn = ?1")?;
    if !known.exists([arn])? {
        return Ok(Appended::NoExecution);
    }
    let mut last = transaction.prepare_cached("SELECT MAX(sequence) FROM journal WHERE execution = ?1")?;
    let last: Option<i64> = last.query_row([arn], |row| row.get(0))?;
    let first = last.map_or(0, |last| as_u64(last) + 1);
    for (expected, record) in (first..).zip(records) {
        if record.sequence != expected {
            return Ok(Appended::Gap {
                expected,
                found: record.sequence,
            });
        }
    }
    let mut insert =
        transaction.prepare_cached("INSERT INTO journal (execution, sequence, record) VALUES (?1, ?2, ?3)")?;
    for record in records {
        insert.execute(params![arn, as_i64(record.sequence), record.record])?;
    }
    Ok(Appended::Written)
}

/// Sequence numbers and positions are far below 2^63.
fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn as_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

const fn status_key(status: ResultStatus) -> &'static str {
    match status {
        ResultStatus::Succeeded => "SUCCEEDED",
        ResultStatus::Failed => "FAILED",
        ResultStatus::Pending => "PENDING",
    }
}

#[async_trait]
impl Ledger for Records {
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>> {
        let arn = map_run.0.clone();
        let found: Option<String> = self
            .call("read the ledger", move |transaction| {
                let mut select = transaction.prepare_cached("SELECT state FROM map_runs WHERE arn = ?1")?;
                select.query_row([arn], |row| row.get(0)).optional()
            })
            .await?;
        found.map(|state| from_json(&state)).transpose()
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()> {
        let (arn, state) = (map_run.0.clone(), to_json(&commit.state)?);
        let (execution, attempt) = (
            commit.state.execution.map(|arn| arn.0),
            commit.state.attempts.len() as u64,
        );
        let committed = self.call("write the ledger", move |transaction| {
            let mut replace = transaction.prepare_cached(
                "INSERT INTO map_runs (arn, execution, state) VALUES (?1, ?2, ?3)
                 ON CONFLICT (arn) DO UPDATE SET execution = ?2, state = ?3",
            )?;
            replace.execute(params![arn, execution, state])?;
            if !commit.unsuccessful.is_empty() {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO unsuccessful (map_run, attempt, position, lines) VALUES (?1, ?2,
                     (SELECT COALESCE(MAX(position), -1) + 1 FROM unsuccessful WHERE map_run = ?1 AND attempt = ?2), ?3)",
                )?;
                insert.execute(params![arn, as_i64(attempt), &commit.unsuccessful[..]])?;
            }
            let mut insert = transaction.prepare_cached(
                "INSERT INTO results (map_run, status, position, lines) VALUES (?1, ?2,
                 (SELECT COALESCE(MAX(position), -1) + 1 FROM results WHERE map_run = ?1 AND status = ?2), ?3)",
            )?;
            for chunk in &commit.results {
                insert.execute(params![arn, status_key(chunk.status), &chunk.lines[..]])?;
            }
            Ok(())
        });
        committed.await
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> Result<Option<Bytes>> {
        let arn = map_run.0.clone();
        let found: Option<Vec<u8>> = self
            .call("read the results", move |transaction| {
                let mut select = transaction
                    .prepare_cached("SELECT lines FROM results WHERE map_run = ?1 AND status = ?2 AND position = ?3")?;
                let key = params![arn, status_key(status), as_i64(position)];
                select.query_row(key, |row| row.get(0)).optional()
            })
            .await?;
        Ok(found.map(Bytes::from))
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> Result<()> {
        loop {
            let arn = map_run.0.clone();
            let forgotten = self.call("clear the results", move |transaction| {
                let mut delete = transaction.prepare_cached(
                    "DELETE FROM results WHERE rowid IN
                     (SELECT rowid FROM results WHERE map_run = ?1 AND status = ?2 LIMIT ?3)",
                )?;
                delete.execute(params![arn, status_key(status), page(0, FORGOTTEN_AT_ONCE).1])
            });
            if forgotten.await? < FORGOTTEN_AT_ONCE {
                return Ok(());
            }
        }
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> Result<Option<Bytes>> {
        let arn = map_run.0.clone();
        let found: Option<Vec<u8>> = self
            .call("read what did not succeed", move |transaction| {
                let mut select = transaction.prepare_cached(
                    "SELECT lines FROM unsuccessful WHERE map_run = ?1 AND attempt = ?2 AND position = ?3",
                )?;
                let key = params![arn, attempt, as_i64(position)];
                select.query_row(key, |row| row.get(0)).optional()
            })
            .await?;
        Ok(found.map(Bytes::from))
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(MapRunArn, LedgerState)>> {
        let (arn, (skip, limit)) = (execution.0.clone(), page(skip, limit));
        let rows: Vec<(String, String)> = self
            .call("list the map runs", move |transaction| {
                let mut select = transaction.prepare_cached(
                    "SELECT arn, state FROM map_runs WHERE execution = ?1 ORDER BY ordinal DESC LIMIT ?2 OFFSET ?3",
                )?;
                let rows = select.query_map(params![arn, limit, skip], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect()
            })
            .await?;
        let read = |(arn, state): (String, String)| Ok((MapRunArn(arn), from_json(&state)?));
        rows.into_iter().map(read).collect()
    }
}

#[async_trait]
impl Notifier for Records {
    async fn publish(&self, notification: Notification) -> Result<String> {
        notification.check()?;
        let json = to_json(&notification)?;
        let published = self.call("keep a notification", move |transaction| {
            let mut known = transaction.prepare_cached("SELECT message_id FROM notifications WHERE id = ?1")?;
            let known: Option<String> = known.query_row([&notification.id], |row| row.get(0)).optional()?;
            if let Some(message_id) = known {
                return Ok(message_id);
            }
            let ordinal: i64 =
                transaction.query_row("SELECT COALESCE(MAX(ordinal), 0) + 1 FROM notifications", [], |row| {
                    row.get(0)
                })?;
            let message_id = format!("00000000-0000-4000-8000-{ordinal:012x}");
            transaction.execute(
                "INSERT INTO notifications (id, ordinal, message_id, notification) VALUES (?1, ?2, ?3, ?4)",
                params![notification.id, ordinal, message_id, json],
            )?;
            Ok(message_id)
        });
        published.await
    }
}

#[cfg(test)]
mod tests {
    use super::schema::FIRST_SCHEMA;
    use super::*;
    use ports::{MapRunStatus, conformance};

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
    async fn it_is_a_notifier_that_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let topic = "arn:aws:sns:us-east-1:000000000000:failures";
        conformance::notifier::all(&open(&dir), topic).await.unwrap();
        let kept = open(&dir).notifications().await.unwrap();
        assert!(!kept.is_empty() && kept.iter().all(|notification| notification.topic == topic));
    }

    /// A run of the first schema that was killed half-way, and one that was over.
    #[tokio::test]
    async fn a_file_of_the_first_schema_becomes_one_of_this() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(FIRST_SCHEMA).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let row = serde_json::to_string(&conformance::journal::row("old", 10)).unwrap();
        assert!(!row.contains("childOf"), "as the first schema wrote it: {row}");
        let old = r#"{"lowWater":7,"sourceByte":70,"sourceItem":7,"done":[{"first":9,"last":9}],"#.to_owned()
            + r#""executions":{"succeeded":8,"failed":0,"timedOut":0,"aborted":0},"#
            + r#""items":{"succeeded":8,"failed":0,"timedOut":0,"aborted":0},"#;
        let insert = "INSERT INTO map_runs (arn, state) VALUES (?1, ?2)";
        for (arn, rest) in [
            ("half", r#""closed":false}"#),
            ("over", r#""closed":true}"#),
            ("failed", r#""failure":{"error":"X"},"closed":true}"#),
        ] {
            connection.execute(insert, [arn, &(old.clone() + rest)]).unwrap();
        }
        let insert = "INSERT INTO executions (arn, ordinal, name, state_machine, status, row)
                      VALUES ('old', 1, 'old', 'manifest-map', 'RUNNING', ?1)";
        connection.execute(insert, [row]).unwrap();
        drop(connection);
        for _ in 0..2 {
            let records = open(&dir);
            let state = async |arn: &str| records.state(&MapRunArn(arn.to_owned())).await.unwrap().unwrap();
            let half = state("half").await;
            assert_eq!((half.low_water, half.status), (7, MapRunStatus::Running));
            assert!(half.done.contains(9));
            assert_eq!(state("over").await.status, MapRunStatus::Succeeded);
            assert_eq!(state("failed").await.status, MapRunStatus::Failed);
            let names: Vec<String> = records
                .executions(0, 9)
                .await
                .unwrap()
                .into_iter()
                .map(|row| row.name)
                .collect();
            assert_eq!(names, ["old"]);
        }
    }

    #[test]
    fn a_newer_schema_and_another_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        drop(Records::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let refused = Records::open(&path).unwrap_err();
        assert!(refused.to_string().contains("schema 99"), "{refused}");

        let other = dir.path().join("other.db");
        std::fs::write(
            &other,
            "not a database at all, but long enough to have a header".repeat(9),
        )
        .unwrap();
        assert_eq!(Records::open(&other).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
