//! Map runs in maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::lock;
use crate::{Commit, ExecutionArn, LedgerState, MapRunArn, Result, ResultStatus};

/// Map runs in maps.
#[derive(Debug, Default)]
pub struct Ledger {
    map_runs: Mutex<BTreeMap<MapRunArn, MapRun>>,
}

#[derive(Debug, Default)]
struct MapRun {
    /// How many were committed to before it.
    ordinal: usize,
    state: LedgerState,
    results: BTreeMap<ResultStatus, Vec<Bytes>>,
    /// By attempt.
    unsuccessful: BTreeMap<u32, Vec<Bytes>>,
}

#[async_trait]
impl crate::Ledger for Ledger {
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>> {
        Ok(lock(&self.map_runs).get(map_run).map(|stored| stored.state.clone()))
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()> {
        let mut map_runs = lock(&self.map_runs);
        let ordinal = map_runs.len();
        let stored = map_runs.entry(map_run.clone()).or_insert_with(|| MapRun {
            ordinal,
            ..MapRun::default()
        });
        stored.state = commit.state;
        if !commit.unsuccessful.is_empty() {
            let attempt = stored.unsuccessful.entry(stored.state.redrives()).or_default();
            attempt.push(commit.unsuccessful);
        }
        for chunk in commit.results {
            stored.results.entry(chunk.status).or_default().push(chunk.lines);
        }
        Ok(())
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> Result<Option<Bytes>> {
        let map_runs = lock(&self.map_runs);
        let chunks = map_runs.get(map_run).and_then(|stored| stored.results.get(&status));
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        Ok(chunks.and_then(|chunks| chunks.get(position)).cloned())
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> Result<()> {
        if let Some(stored) = lock(&self.map_runs).get_mut(map_run) {
            stored.results.remove(&status);
        }
        Ok(())
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> Result<Option<Bytes>> {
        let map_runs = lock(&self.map_runs);
        let stored = map_runs.get(map_run);
        let chunks = stored.and_then(|stored| stored.unsuccessful.get(&attempt));
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        Ok(chunks.and_then(|chunks| chunks.get(position)).cloned())
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(MapRunArn, LedgerState)>> {
        let map_runs = lock(&self.map_runs);
        let of_it = map_runs
            .iter()
            .filter(|(_, stored)| stored.state.execution.as_ref() == Some(execution));
        let mut newest: Vec<_> = of_it.collect();
        newest.sort_by_key(|(_, stored)| std::cmp::Reverse(stored.ordinal));
        let page = newest.into_iter().skip(skip).take(limit);
        Ok(page.map(|(arn, stored)| (arn.clone(), stored.state.clone())).collect())
    }
}
