//! Executions and their records in maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::{Cursor, Error, ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, JournalRecord, Page, Result};

/// Executions and their records in maps.
#[derive(Debug, Default)]
pub struct Journal {
    executions: Mutex<BTreeMap<ExecutionArn, Execution>>,
}

#[derive(Debug)]
struct Execution {
    /// How many were created before it.
    ordinal: u64,
    row: ExecutionRow,
    records: Vec<String>,
}

impl Journal {
    fn with<T>(&self, arn: &ExecutionArn, act: impl FnOnce(&mut Execution) -> Result<T>) -> Result<T> {
        let mut executions = lock(&self.executions);
        let found = executions.get_mut(arn);
        act(found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no execution `{arn}`")))?)
    }
}

#[async_trait]
impl crate::Journal for Journal {
    async fn create(&self, row: ExecutionRow) -> Result<()> {
        let mut executions = lock(&self.executions);
        if executions.contains_key(&row.arn) {
            let text = format!("execution `{}` exists already", row.arn);
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        let execution = Execution {
            ordinal: executions.len() as u64,
            row,
            records: Vec::new(),
        };
        executions.insert(execution.row.arn.clone(), execution);
        Ok(())
    }

    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> Result<()> {
        self.with(execution, |stored| {
            let expected = stored.records.len() as u64..;
            if let Some((wanted, record)) = expected.zip(&records).find(|(next, record)| *next != record.sequence) {
                let text = format!(
                    "record {} of execution `{execution}` does not follow, expected {wanted}",
                    record.sequence
                );
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            stored.records.extend(records.into_iter().map(|record| record.record));
            Ok(())
        })
    }

    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        let executions = lock(&self.executions);
        let records = executions.get(execution).map(|stored| stored.records.as_slice());
        let skip = usize::try_from(sequence).unwrap_or(usize::MAX);
        let records = (0..).zip(records.unwrap_or_default()).skip(skip).take(limit);
        let copied = records.map(|(sequence, record)| JournalRecord {
            sequence,
            record: record.clone(),
        });
        Ok(copied.collect())
    }

    async fn update(&self, row: ExecutionRow) -> Result<()> {
        self.with(&row.arn.clone(), |stored| {
            stored.row = row;
            Ok(())
        })
    }

    async fn execution(&self, execution: &ExecutionArn) -> Result<ExecutionRow> {
        self.with(execution, |stored| Ok(stored.row.clone()))
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ExecutionRow>> {
        let executions = lock(&self.executions);
        let before = after.map_or(u64::MAX, Cursor::ordinal);
        let older = executions.values().filter(|stored| stored.ordinal < before);
        let mut newest: Vec<&Execution> = older.filter(|stored| filter.matches(&stored.row)).collect();
        newest.sort_by_key(|stored| std::cmp::Reverse(stored.ordinal));
        let rows = newest.into_iter().map(|stored| (stored.ordinal, stored.row.clone()));
        Ok(Page::from_newest(rows, limit))
    }
}
