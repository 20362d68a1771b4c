//! Which children an attempt of a map run has to do: all children of a new run, the remaining ones of a redriven run.
//!
//! The ledger keeps, for each earlier attempt, which children were done and which of them did not succeed. The set of
//! children that remain is computed from that whenever the run is opened. It takes 16 bytes for each span of children
//! that did not succeed.

use std::sync::Arc;

use asl::{Identity, MapRunRequest};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use ports::{
    Amount, Attempt, Counts, Ledger, LedgerState, MapRunArn, MapRunSettings, MapRunStatus, ResultStatus, SpanSet,
};
use serde::{Deserialize, Serialize};

use crate::child_ending::ChildEnding;
use crate::context::Context;
use crate::error::while_doing;
use crate::item_source::Mark;
use crate::item_subset::ItemSubset;
use crate::naming::Naming;
use crate::{Ports, Result};

/// An attempt of a map run that was started, resumed or redriven.
pub(super) struct OpenedAttempt {
    pub(super) state: LedgerState,
    pub(super) start: AttemptStart,
}

/// Whether an earlier process has worked on the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptStart {
    New,
    /// An earlier process may have started children that this process has not come to.
    Resumed,
}

/// Starts an attempt of a map run, or resumes the one that the ledger holds.
pub(super) async fn open(
    context: &Arc<Context>,
    naming: &Naming,
    parent: &Identity,
    request: &MapRunRequest,
    item_subset: Option<&ItemSubset>,
) -> Result<OpenedAttempt> {
    let (ledger, now) = (&context.ports.ledger, context.ports.clock.now());
    let found = ledger.state(&naming.arn).await;
    let found = found
        .map_err(while_doing("read the map run's ledger"))?
        .unwrap_or_default();
    if found.execution.is_some() && request.redrive <= found.redrives() {
        let start = AttemptStart::Resumed;
        return Ok(OpenedAttempt { state: found, start });
    }
    let mut state = found;
    if state.execution.is_none() {
        state = LedgerState {
            execution: Some(ports::ExecutionArn(parent.execution_arn.to_string())),
            map: request.state.to_string(),
            started: now,
            settings: settings(request),
            ..state
        };
        if let Some(item_subset) = item_subset
            && let Some((_, earlier)) = earlier_run(&context.ports, &state.map, item_subset).await?
        {
            // Items are identified by their positions, so this run must read an unchanged source.
            state.source_start = earlier.source_start;
            state.listed = earlier.listed;
        }
    }
    if request.redrive > state.redrives() {
        // Children that failed run again, and each child has one record.
        let forgotten = ledger.forget_results(&naming.arn, ResultStatus::Failed).await;
        forgotten.map_err(while_doing("clear the map run's ledger"))?;
        state = LedgerState {
            redriven: Some(now),
            ..again(state, request.redrive)
        };
    }
    let commit = ports::Commit {
        state: state.clone(),
        ..ports::Commit::default()
    };
    let committed = ledger.commit(&naming.arn, commit).await;
    committed.map_err(while_doing("write the map run's ledger"))?;
    let start = AttemptStart::New;
    Ok(OpenedAttempt { state, start })
}

const fn settings(request: &MapRunRequest) -> MapRunSettings {
    MapRunSettings {
        max_concurrency: request.max_concurrency,
        tolerated_failure_count: request.tolerated_failure_count,
        tolerated_failure_percentage: request.tolerated_failure_percentage,
    }
}

/// The state at the beginning of a redrive.
fn again(mut state: LedgerState, redrive: u32) -> LedgerState {
    while state.redrives() < redrive {
        state.attempts.push(Attempt {
            low_water: std::mem::take(&mut state.low_water),
            done: std::mem::take(&mut state.done),
        });
    }
    let succeeded = |counts: Counts| Counts {
        succeeded: counts.succeeded,
        ..Counts::default()
    };
    LedgerState {
        status: MapRunStatus::Running,
        stopped: None,
        failing: None,
        failure: None,
        pending: Amount::default(),
        not_redrivable: Amount::default(),
        pending_redrive: Amount {
            executions: state.pending_redrive.executions + state.executions.not_succeeded(),
            items: state.pending_redrive.items + state.items.not_succeeded(),
        },
        executions: succeeded(state.executions),
        items: succeeded(state.items),
        source_item: 0,
        source_byte: 0,
        source_token: state.source_start.clone(),
        ..state
    }
}

/// Positions of the children that an attempt has to do.
#[derive(Debug, Clone)]
pub(super) struct ToDo {
    /// Children that did not succeed in an earlier attempt.
    again: SpanSet,
    /// Children that no attempt has started.
    never_started: SpanSet,
}

impl ToDo {
    fn all() -> Self {
        Self {
            again: SpanSet::default(),
            never_started: SpanSet::from(0),
        }
    }

    pub(super) fn has(&self, position: u64) -> bool {
        self.never_started.contains(position) || self.again.contains(position)
    }

    /// The first position in the set that is not below `from`.
    pub(super) fn next(&self, from: u64) -> Option<u64> {
        let (again, new) = (self.again.next(from), self.never_started.next(from));
        again.into_iter().chain(new).min()
    }

    pub(super) fn is_again(&self, position: u64) -> bool {
        self.again.contains(position)
    }
}

/// A child that did not succeed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unsuccessful {
    pub(super) position: u64,
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Unsuccessful {
    /// The entry for a child with this ending; `None` when the child has succeeded.
    pub(super) fn new(position: u64, ending: &ChildEnding) -> Option<Self> {
        let error = ending.error()?;
        Some(Self {
            position,
            status: ending.name().to_owned(),
            error: error.error.as_ref().map(ToString::to_string),
        })
    }
}

/// The children that the present attempt of a map run has to do.
pub(super) async fn to_do(
    ports: &Ports,
    arn: &MapRunArn,
    state: &LedgerState,
    item_subset: Option<&ItemSubset>,
) -> Result<ToDo> {
    let first = at_first(ports, &state.map, item_subset).await?;
    after(&ports.ledger, arn, first, &state.attempts).await
}

/// The children that the first attempt of a run has to do: all, or those of its item subset.
fn at_first<'a>(ports: &'a Ports, map: &'a str, item_subset: Option<&'a ItemSubset>) -> BoxFuture<'a, Result<ToDo>> {
    match item_subset {
        Some(item_subset) => of_another_run(ports, map, item_subset).boxed(),
        None => future::ready(Ok(ToDo::all())).boxed(),
    }
}

/// The children that remain after some attempts, the first of which had to do all of `to_do`.
async fn after(ledger: &Arc<dyn Ledger>, arn: &MapRunArn, mut to_do: ToDo, attempts: &[Attempt]) -> Result<ToDo> {
    for (number, attempt) in (0..).zip(attempts) {
        for set in [&mut to_do.again, &mut to_do.never_started] {
            set.remove_all(&SpanSet::below(attempt.low_water));
            set.remove_all(&attempt.done);
        }
        let mut unsuccessful = SpanSet::default();
        for_each(ledger, arn, number, |child| unsuccessful.insert(child.position)).await?;
        to_do.again.insert_all(&unsuccessful);
    }
    Ok(to_do)
}

/// The run of the Map with this name in the earlier execution. There is at most one: [`ItemSubset::check`] made sure.
async fn earlier_run(ports: &Ports, map: &str, item_subset: &ItemSubset) -> Result<Option<(MapRunArn, LedgerState)>> {
    let mut runs = item_subset.map_runs(&ports.ledger).await?.into_iter();
    Ok(runs.find(|(_, state)| state.map == map))
}

/// The children of the Map's run in another execution that the item subset selects. In this execution they are new.
async fn of_another_run(ports: &Ports, map: &str, item_subset: &ItemSubset) -> Result<ToDo> {
    let ledger = &ports.ledger;
    let Some((arn, state)) = earlier_run(ports, map, item_subset).await? else {
        return Ok(ToDo::all());
    };
    // The earlier execution may have had an item subset of its own. One that names the execution itself is ignored.
    let row = ports.journal.execution(&item_subset.execution).await;
    let row = row.map_err(while_doing("read the execution"))?;
    let its_own = ItemSubset::from_row(&row)?.filter(|its_own| its_own.execution != item_subset.execution);
    let first = at_first(ports, map, its_own.as_ref()).await?;
    let mut attempts = state.attempts;
    attempts.push(Attempt {
        low_water: state.low_water,
        done: state.done,
    });
    let left = after(ledger, &arn, first, &attempts).await?;
    let mut wanted = SpanSet::default();
    for number in (0..).take(attempts.len()) {
        // The last ending counts for a child that ran in several attempts.
        let mut others = SpanSet::default();
        for_each(ledger, &arn, number, |child| {
            if item_subset.only.matches(&child.status, child.error.as_deref()) {
                wanted.insert(child.position);
            } else {
                others.insert(child.position);
            }
        })
        .await?;
        wanted.remove_all(&others);
    }
    let mut unwanted = left.again.clone();
    unwanted.remove_all(&wanted);
    let mut never_started = left.again;
    never_started.remove_all(&unwanted);
    if item_subset.only.matches("PENDING", None) {
        never_started.insert_all(&left.never_started);
    }
    Ok(ToDo {
        again: SpanSet::default(),
        never_started,
    })
}

/// Every child that did not succeed in an attempt.
async fn for_each(
    ledger: &Arc<dyn Ledger>,
    arn: &MapRunArn,
    attempt: u32,
    mut visit: impl FnMut(Unsuccessful),
) -> Result<()> {
    for position in 0.. {
        let lines = ledger.unsuccessful(arn, attempt, position).await;
        let Some(lines) = lines.map_err(while_doing("read what did not succeed"))? else {
            break;
        };
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .for_each(&mut visit);
    }
    Ok(())
}

/// The mark at which the child at the low-water mark begins. The first child begins where the source begins.
pub(super) fn mark(state: &LedgerState) -> Mark {
    let start = state.source_start.as_deref().filter(|_| state.source_item == 0);
    Mark {
        item: state.source_item,
        byte: state.source_byte,
        token: state.source_token.as_deref().or(start).map(Arc::from),
    }
}
