//! Executions and their records in maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::{Error, ErrorKind, ExecutionArn, ExecutionRow, ExecutionStatus, JournalRecord, MapRunArn, Result};

/// Executions and their records in maps.
#[derive(Debug, Default)]
pub struct Journal {
    executions: Mutex<BTreeMap<ExecutionArn, Execution>>,
}

#[derive(Debug)]
struct Execution {
    /// How many were created before it.
    position: usize,
    row: ExecutionRow,
    records: Vec<String>,
}

impl Journal {
    fn with<T>(&self, arn: &ExecutionArn, act: impl FnOnce(&mut Execution) -> Result<T>) -> Result<T> {
        let mut executions = lock(&self.executions);
        let found = executions.get_mut(arn);
        act(found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no execution `{arn}`")))?)
    }

    fn page(&self, wanted: impl Fn(&ExecutionRow) -> bool, skip: usize, limit: usize) -> Vec<ExecutionRow> {
        let executions = lock(&self.executions);
        let wanted = executions.values().filter(|stored| wanted(&stored.row));
        let mut newest: Vec<_> = wanted.collect();
        newest.sort_by_key(|stored| std::cmp::Reverse((stored.row.started, stored.position)));
        let page = newest.into_iter().skip(skip).take(limit);
        page.map(|stored| stored.row.clone()).collect()
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
            position: executions.len(),
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

    async fn executions(&self, skip: usize, limit: usize) -> Result<Vec<ExecutionRow>> {
        Ok(self.page(|row| row.child_of.is_none(), skip, limit))
    }

    async fn children(
        &self,
        map_run: &MapRunArn,
        status: Option<ExecutionStatus>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        let wanted = |row: &ExecutionRow| {
            let of_it = row.child_of.as_ref().is_some_and(|child| child.map_run == *map_run);
            of_it && status.is_none_or(|status| row.status == status)
        };
        Ok(self.page(wanted, skip, limit))
    }
}
