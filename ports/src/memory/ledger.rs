//! Map runs in maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::lock;
use crate::{Commit, LedgerState, MapRunArn, Result, ResultStatus};

/// Map runs in maps.
#[derive(Debug, Default)]
pub struct Ledger {
    map_runs: Mutex<BTreeMap<MapRunArn, MapRun>>,
}

#[derive(Debug, Default)]
struct MapRun {
    state: LedgerState,
    results: BTreeMap<ResultStatus, Vec<Bytes>>,
}

#[async_trait]
impl crate::Ledger for Ledger {
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>> {
        Ok(lock(&self.map_runs).get(map_run).map(|stored| stored.state.clone()))
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()> {
        let mut map_runs = lock(&self.map_runs);
        let stored = map_runs.entry(map_run.clone()).or_default();
        stored.state = commit.state;
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

    async fn forget_results(&self, map_run: &MapRunArn) -> Result<()> {
        if let Some(stored) = lock(&self.map_runs).get_mut(map_run) {
            stored.results.clear();
        }
        Ok(())
    }
}
