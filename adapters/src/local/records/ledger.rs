//! Map runs, their results, and their children that did not succeed.

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Commit, ExecutionArn, Ledger, LedgerState, MapRunArn, Result, ResultStatus};
use rusqlite::{OptionalExtension, params};

use super::{Records, as_i64, from_json, page, to_json};

/// Rows of results that are deleted in one transaction: what a transaction changes is held in memory and in the log.
const FORGOTTEN_AT_ONCE: usize = 64;

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
