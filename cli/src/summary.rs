//! A run in numbers: from its summary, or counted from its outcomes where it has none.

use std::collections::BTreeMap;

use consolidator::{ErrorTally, Summary, Tally};
use manifest::{Status, run_key};
use ports::{ExecutionRow, ObjectKey};
use serde::Serialize;
use serde_json::Value;

use crate::composition::STATE_BUCKET;
use crate::exit_code::Failure;
use crate::outcomes::RunObjects;
use crate::state::State;

/// What every verb says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunSummary {
    pub(crate) items: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Not settled yet.
    pub(crate) pending: u64,
    pub(crate) bytes: u64,
    pub(crate) attempts: u64,
    pub(crate) rounds: u32,
    /// **Milliseconds** an item took, by percentile.
    pub(crate) milliseconds: BTreeMap<String, u64>,
    pub(crate) errors: BTreeMap<String, ErrorTally>,
    pub(crate) worst_hosts: Vec<(String, u64)>,
    /// Where the completion report is.
    pub(crate) report: Option<String>,
}

/// The numbers of a run; nothing when it has left neither a summary nor any outcome.
pub(crate) async fn of(state: &State, row: &ExecutionRow) -> Result<Option<RunSummary>, Failure> {
    let objects = RunObjects::of(&*state.objects, row);
    if let Some(summary) = objects.summary().await? {
        let at = ObjectKey::new(STATE_BUCKET, run_key::report(&row.name, "manifest.json"));
        let report = state.path_of(&at);
        return Ok(Some(from_summary(summary, 0, Some(report))));
    }
    let mut tally = Tally::default();
    let mut pending = 0;
    let mut outcomes = objects.settled().await?;
    while let Some((_, outcome)) = outcomes.next().await? {
        if outcome.status == Status::Pending {
            pending += 1;
        } else {
            tally.add(&outcome);
        }
    }
    let nothing = tally.items() + pending == 0;
    let summary = Summary::of(&row.name, 1, tally);
    Ok((!nothing || row.error.is_none()).then(|| from_summary(summary, pending, None)))
}

fn from_summary(summary: Summary, pending: u64, report: Option<String>) -> RunSummary {
    RunSummary {
        items: summary.items + pending,
        succeeded: summary.succeeded,
        failed: summary.failed,
        skipped: summary.skipped,
        pending,
        bytes: summary.bytes,
        attempts: summary.attempts,
        rounds: summary.rounds,
        milliseconds: summary.milliseconds,
        errors: summary.errors,
        worst_hosts: summary.worst_hosts,
        report,
    }
}

/// Why an execution failed, in words.
pub(crate) fn cause(row: &ExecutionRow) -> String {
    said(row.cause.as_deref().unwrap_or_default())
}

/// A cause in words: a function's is Lambda's JSON around its message.
pub(crate) fn said(cause: &str) -> String {
    let inside: Option<Value> = serde_json::from_str(cause).ok();
    let message = inside.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str());
    message.unwrap_or(cause).to_owned()
}
