//! `DescribeMapRun`, `ListMapRuns` and `UpdateMapRun`.

use ports::{Amount, Counts, ExecutionArn, LedgerState, MapRunArn, MapRunStatus, Timestamp};
use serde::{Serialize, Serializer};
use tokio::sync::oneshot;

use super::message::{MapRunChange, MapRunMessage, Snapshot};
use crate::error::{InvalidRequest, while_doing};
use crate::{Engine, Error, Result};

/// The response of `DescribeMapRun`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapRunDescription {
    /// The ARN of the map run.
    pub map_run_arn: MapRunArn,
    /// The execution that runs the Map state.
    pub execution_arn: ExecutionArn,
    /// The status of the map run.
    pub status: MapRunStatus,
    /// When the map run started.
    #[serde(serialize_with = "date")]
    pub start_date: Timestamp,
    /// When the map run ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date")]
    pub stop_date: Option<Timestamp>,
    /// Children that may run at once; `0` stands for the default of AWS, 10,000.
    pub max_concurrency: u64,
    /// **Percent** of failed items that is tolerated.
    pub tolerated_failure_percentage: f64,
    /// The number of failed items that is tolerated.
    pub tolerated_failure_count: u64,
    /// Items by status.
    pub item_counts: MapRunCounts,
    /// Children by status.
    pub execution_counts: MapRunCounts,
    /// Number of redrives of the map run.
    pub redrive_count: u32,
    /// When the map run was last redriven.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date")]
    pub redrive_date: Option<Timestamp>,
}

/// The numbers of a map run's items, or of its children, by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapRunCounts {
    /// Known and not started.
    pub pending: u64,
    /// Running.
    pub running: u64,
    /// Ended with success.
    pub succeeded: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Ended because their time was up.
    pub timed_out: u64,
    /// Ended because they were stopped.
    pub aborted: u64,
    /// All of the numbers above and `pending_redrive`.
    pub total: u64,
    /// Have records in result files.
    pub results_written: u64,
    /// Ended without success and cannot be redriven.
    pub failures_not_redrivable: u64,
    /// Did not succeed in an earlier attempt and have not been started in this one.
    pub pending_redrive: u64,
}

/// An entry of `ListMapRuns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapRunEntry {
    /// The execution that runs the Map state.
    pub execution_arn: ExecutionArn,
    /// The ARN of the map run.
    pub map_run_arn: MapRunArn,
    /// The state machine that the children run: `…:stateMachine:Machine/Label`.
    pub state_machine_arn: String,
    /// When the map run started.
    #[serde(serialize_with = "date")]
    pub start_date: Timestamp,
    /// When the map run ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date")]
    pub stop_date: Option<Timestamp>,
}

/// Writes a date in the form of AWS's tools: RFC 3339.
fn date<S: Serializer, D: Copy + Into<Option<Timestamp>>>(
    date: &D,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    match (*date).into() {
        Some(date) => serializer.collect_str(&date),
        None => serializer.serialize_none(),
    }
}

impl MapRunDescription {
    /// The description of a map run that is not being driven here, as its ledger tells it; `None` where the ledger does not
    /// name the execution.
    pub fn from_ledger(arn: &MapRunArn, state: LedgerState) -> Option<Self> {
        let snapshot = Snapshot {
            pending: state.pending,
            state,
            running: Amount::default(),
            running_again: Amount::default(),
        };
        describe(arn, snapshot)
    }
}

impl Engine {
    /// `DescribeMapRun`. A map run that this engine drives describes itself, any other is described by its ledger.
    ///
    /// # Errors
    /// [`Error::Request`] when there is no such map run.
    pub async fn describe_map_run(&self, arn: &MapRunArn) -> Result<MapRunDescription> {
        let described = if let Some(snapshot) = self.ask(arn).await {
            describe(arn, snapshot)
        } else {
            let state = self.context.ports.ledger.state(arn).await;
            let state = state.map_err(while_doing("read the map run's ledger"))?;
            state.and_then(|state| MapRunDescription::from_ledger(arn, state))
        };
        described.ok_or(Error::Request(InvalidRequest::MapRun))
    }

    /// Asks the map run itself, if this engine drives it.
    async fn ask(&self, arn: &MapRunArn) -> Option<Snapshot> {
        let sender = self.context.registry.map_run(arn)?;
        let (reply, snapshot) = oneshot::channel();
        sender.send(MapRunMessage::Describe(reply)).await.ok()?;
        snapshot.await.ok()
    }

    /// `ListMapRuns`: at most `limit` map runs of an execution, the newest first, after the first `skip`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list_map_runs(&self, execution: &ExecutionArn, skip: usize, limit: usize) -> Result<Vec<MapRunEntry>> {
        let listed = self.context.ports.ledger.map_runs(execution, skip, limit).await;
        let listed = listed.map_err(while_doing("list the map runs"))?;
        let entries = listed.into_iter().map(|(arn, state)| MapRunEntry {
            execution_arn: execution.clone(),
            state_machine_arn: children_machine(&arn),
            map_run_arn: arn,
            start_date: state.started,
            stop_date: state.stopped,
        });
        Ok(entries.collect())
    }

    /// `UpdateMapRun`: changes settings of a running map run. The change is in the ledger when this method returns.
    ///
    /// # Errors
    /// [`Error::Request`] when there is no such map run, the run has ended, or the percentage is not between 0 and 100.
    pub async fn update_map_run(&self, arn: &MapRunArn, change: MapRunChange) -> Result<()> {
        let percentage = change.tolerated_failure_percentage;
        if percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
            return Err(Error::Request(InvalidRequest::Percentage));
        }
        if let Some(sender) = self.context.registry.map_run(arn) {
            let (reply, written) = oneshot::channel();
            if sender.send(MapRunMessage::Update(change, reply)).await.is_ok() && written.await.is_ok() {
                return Ok(());
            }
        }
        let state = self.context.ports.ledger.state(arn).await;
        match state.map_err(while_doing("read the map run's ledger"))? {
            Some(_) => Err(Error::Request(InvalidRequest::MapRunOver)),
            None => Err(Error::Request(InvalidRequest::MapRun)),
        }
    }
}

/// `…:mapRun:Machine/Label:id` runs children of `…:stateMachine:Machine/Label`.
fn children_machine(arn: &MapRunArn) -> String {
    let machine = arn.0.replacen(":mapRun:", ":stateMachine:", 1);
    let end = machine.rfind(':').unwrap_or(machine.len());
    machine.get(..end).unwrap_or_default().to_owned()
}

fn describe(arn: &MapRunArn, snapshot: Snapshot) -> Option<MapRunDescription> {
    let of = |ended: Counts, part: fn(Amount) -> u64| counts(&snapshot, ended, part);
    let item_counts = of(snapshot.state.items, |amount| amount.items);
    let execution_counts = of(snapshot.state.executions, |amount| amount.executions);
    let state = snapshot.state;
    let redrive_count = state.redrives();
    Some(MapRunDescription {
        map_run_arn: arn.clone(),
        execution_arn: state.execution?,
        status: state.status,
        start_date: state.started,
        stop_date: state.stopped,
        max_concurrency: state.settings.max_concurrency,
        tolerated_failure_percentage: state.settings.tolerated_failure_percentage.unwrap_or(0.0),
        tolerated_failure_count: state.settings.tolerated_failure_count.unwrap_or(0),
        item_counts,
        execution_counts,
        redrive_count,
        redrive_date: state.redriven,
    })
}

fn counts(snapshot: &Snapshot, ended: Counts, part: fn(Amount) -> u64) -> MapRunCounts {
    let state = &snapshot.state;
    let pending_redrive = part(state.pending_redrive).saturating_sub(part(snapshot.running_again));
    let (pending, running) = (part(snapshot.pending), part(snapshot.running));
    MapRunCounts {
        pending,
        running,
        succeeded: ended.succeeded,
        failed: ended.failed,
        timed_out: ended.timed_out,
        aborted: ended.aborted,
        total: pending + running + ended.ended() + pending_redrive,
        results_written: part(state.results_written),
        failures_not_redrivable: part(state.not_redrivable),
        pending_redrive,
    }
}
