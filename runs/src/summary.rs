//! A run in numbers: from its summary, or counted from its outcomes where it has none.

use std::collections::BTreeMap;

use consolidator::{ErrorTally, NoteTally, Summary, Tally};
use manifest::{Counts, run_key};
use ports::{ExecutionRow, ObjectKey};
use serde::Serialize;

use crate::error::Result;
use crate::spec::STATE_BUCKET;
use crate::state::State;

/// What every verb says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Items of the manifest.
    pub items: u64,
    /// Items by their status, and the bytes that were written.
    #[serde(flatten)]
    pub counts: Counts,
    /// Requests made.
    pub attempts: u64,
    /// Rounds that were run.
    pub rounds: u32,
    /// **Milliseconds** an item took, by percentile.
    pub milliseconds: BTreeMap<String, u64>,
    /// By error name.
    pub errors: BTreeMap<String, ErrorTally>,
    /// Notes about items that ended all the same, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, NoteTally>,
    /// The hosts with the most failures.
    pub worst_hosts: Vec<(String, u64)>,
    /// Where the completion report is.
    pub report: Option<String>,
}

impl RunSummary {
    /// The numbers of a run; nothing when it has left neither a summary nor any outcome.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn read(state: &State, row: &ExecutionRow) -> Result<Option<RunSummary>> {
        let objects = state.objects_of(row).await?;
        if let Some(summary) = objects.summary().await? {
            let at = ObjectKey::new(STATE_BUCKET, run_key::report(&row.name, "manifest.json"));
            let report = state.path_of(&at);
            return Ok(Some(from_summary(summary, Some(report))));
        }
        let mut tally = Tally::default();
        let mut outcomes = objects.settled().await?;
        while let Some((_, outcome)) = outcomes.next().await? {
            tally.add(&outcome);
        }
        let nothing = tally.counts.items() == 0;
        let summary = Summary::new(&row.name, 1, tally);
        Ok((!nothing || row.error.is_none()).then(|| from_summary(summary, None)))
    }
}

fn from_summary(summary: Summary, report: Option<String>) -> RunSummary {
    RunSummary {
        items: summary.items,
        counts: summary.counts,
        attempts: summary.attempts,
        rounds: summary.rounds,
        milliseconds: summary.milliseconds,
        errors: summary.errors,
        notes: summary.notes,
        worst_hosts: summary.worst_hosts,
        report,
    }
}
