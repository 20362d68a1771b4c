//! Executions and their journals.

use async_trait::async_trait;
use ports::{
    Cursor, Error, ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, ExecutionStatus, ExecutionsOf, Journal,
    JournalRecord, Page, Result,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::pages::{self, Entries};
use super::{Records, as_i64, as_u64, from_json, to_json};

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
                        "INSERT INTO executions (arn, name, state_machine, status, row, map_run)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
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

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ExecutionRow>> {
        let (mut condition, mut keys) = match &filter.of {
            ExecutionsOf::StateMachines => ("map_run IS NULL".to_owned(), vec![]),
            ExecutionsOf::StateMachine(name) => {
                ("map_run IS NULL AND state_machine = ?2".to_owned(), vec![name.clone()])
            }
            ExecutionsOf::MapRun(map_run) => ("map_run = ?2".to_owned(), vec![map_run.0.clone()]),
        };
        if let Some(status) = filter.status {
            keys.push(status_name(status));
            condition = format!("{condition} AND status = ?{}", keys.len() + 1);
        }
        let query =
            format!("SELECT ordinal, row FROM executions WHERE {condition} AND ordinal < ?1 ORDER BY ordinal DESC");
        let listed = self.call("list the executions", move |connection| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let entries = Entries {
                select: &query,
                keys: &keys,
            };
            pages::page(connection, &entries, after, limit, |_| true)
        });
        listed.await
    }
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
