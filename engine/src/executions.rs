//! Executions: written down, opened with their definition, run and redriven.
//!
//! An execution starts executions, so this file, `lifecycle.rs`, `driver.rs` and `task/nested.rs` use each other in a
//! circle that mirrors the domain.

use std::sync::Arc;

use asl::{Execution, ExecutionType, Identity, Recording, StateMachine};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{ExecutionArn, ExecutionRow, ExecutionStatus};
use tokio::sync::watch;
use uuid::Uuid;

use crate::context::{Context, to_asl};
use crate::error::while_doing;
use crate::item_subset::ItemSubset;
use crate::json::to_json;
use crate::stop::Control;
use crate::{Error, Result, callbacks, lifecycle, limits, naming};

/// An execution to be started.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// The state machine's name.
    pub state_machine: String,
    /// The text of the state machine's definition, with every placeholder filled in.
    pub definition: String,
    /// The execution's name.
    pub name: String,
    /// JSON text.
    pub input: String,
    /// Identifies what the caller wants done: equal identities belong to equal requests.
    pub identity: Option<String>,
    /// The earlier execution whose failed items this one repeats.
    pub rerun_of: Option<ExecutionArn>,
    /// Restricts the map runs to some items of an earlier execution's map runs. Beyond AWS.
    pub item_subset: Option<ItemSubset>,
    /// What the caller needs to compose the same engine again, as JSON; the engine does not read it.
    pub composition: Option<String>,
}

/// How a call of [`crate::Engine::run`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// The execution has ended.
    Ended(Box<ExecutionRow>),
    /// The execution was asked to stop and can be resumed later.
    Stopped,
}

/// Writes an execution down.
pub(crate) async fn start(context: &Context, new: NewExecution) -> Result<ExecutionArn> {
    compile(&new.state_machine, &new.definition)?;
    if let Some(item_subset) = &new.item_subset {
        item_subset.check(&context.ports).await?;
    }
    let arn = context.settings.execution_arn(&new.state_machine, &new.name);
    let row = ExecutionRow {
        arn: arn.clone(),
        name: new.name,
        state_machine: new.state_machine,
        definition: new.definition,
        input: new.input,
        interpreter: limits::INTERPRETER_VERSION,
        identity: new.identity,
        rerun_of: new.rerun_of,
        item_subset: new.item_subset.as_ref().map(to_json),
        child_of: None,
        composition: new.composition,
        status: ExecutionStatus::Running,
        started: context.ports.clock.now(),
        stopped: None,
        output: None,
        error: None,
        cause: None,
        redrive_count: 0,
        redrivable: false,
    };
    let created = context.ports.journal.create(row).await;
    created.map_err(while_doing("write down the execution"))?;
    Ok(arn)
}

/// Runs an execution to its end, from wherever its journal says it is, under what it obeys.
pub(crate) async fn run(context: &Arc<Context>, arn: &ExecutionArn, control: Control) -> Result<RunEnd> {
    loop {
        match context.registry.claim(arn) {
            Ok(claim) => {
                let end = run_claimed(context, arn, control).await;
                drop(claim);
                return end;
            }
            Err(gone) => {
                if wait_for_other_driver(context, arn, gone, &control).await? == OtherDriver::Stopped {
                    return Ok(RunEnd::Stopped);
                }
            }
        }
    }
}

async fn run_claimed(context: &Arc<Context>, arn: &ExecutionArn, control: Control) -> Result<RunEnd> {
    let row = read(context, arn).await?;
    if row.status != ExecutionStatus::Running {
        return Ok(RunEnd::Ended(Box::new(row)));
    }
    check_no_child(&row)?;
    let execution = open(context, &row, Recording::Full).await?;
    lifecycle::drive(context, row, execution, control).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherDriver {
    Gone,
    /// The caller was asked to stop before the other driver had gone.
    Stopped,
}

/// Waits while the execution is driven by somebody else in this process: by its parent, or by a supervisor that has
/// recovered it beside its parent. A request to end is passed on.
async fn wait_for_other_driver(
    context: &Context,
    arn: &ExecutionArn,
    mut gone: watch::Receiver<()>,
    control: &Control,
) -> Result<OtherDriver> {
    let mut passed_on = false;
    loop {
        tokio::select! {
            biased;
            // The sender sends nothing: it is dropped with the claim.
            _closed = gone.changed() => return Ok(OtherDriver::Gone),
            () = control.abort.requested(), if !passed_on => {
                passed_on = true;
                match callbacks::stop_execution(context, arn, None, None).await {
                    // The execution has ended by itself.
                    Ok(()) | Err(Error::Request(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            () = control.stop.requested() => return Ok(OtherDriver::Stopped),
        }
    }
}

/// The ARN that a new execution will have.
pub(crate) fn arn(context: &Context, new: &NewExecution) -> ExecutionArn {
    context.settings.execution_arn(&new.state_machine, &new.name)
}

/// Writes down that an execution that ended without success goes on.
pub(crate) async fn redrive(context: &Arc<Context>, arn: &ExecutionArn) -> Result<()> {
    let row = read(context, arn).await?;
    check_no_child(&row)?;
    let execution = open(context, &row, Recording::Off).await?;
    lifecycle::redrive(context, row, execution).await.map(drop)
}

/// The row of an execution.
pub(crate) async fn read(context: &Context, arn: &ExecutionArn) -> Result<ExecutionRow> {
    let read = context.ports.journal.execution(arn).await;
    read.map_err(while_doing("read the execution"))
}

/// The execution of a row, before its first event.
pub(crate) async fn open(context: &Context, row: &ExecutionRow, recording: Recording) -> Result<Execution> {
    if row.interpreter != limits::INTERPRETER_VERSION {
        return Err(Error::JournalVersion {
            name: row.name.clone(),
            found: row.interpreter,
            expected: limits::INTERPRETER_VERSION,
        });
    }
    let machine = machine_of(context, row).await?;
    Ok(Execution::new(machine, identity(context, row), recording))
}

/// The state machine that an execution runs: that of its definition, or, for a child, a part of its parent's.
fn machine_of<'a>(context: &'a Context, row: &'a ExecutionRow) -> BoxFuture<'a, Result<Arc<StateMachine>>> {
    async move {
        let Some(child_of) = &row.child_of else {
            return compile(&row.state_machine, &row.definition);
        };
        let lost = || Error::Orphan {
            name: row.name.clone(),
            map_run: child_of.map_run.0.clone(),
        };
        let state = context.ports.ledger.state(&child_of.map_run).await;
        let state = state.map_err(while_doing("read the map run's ledger"))?;
        let state = state.ok_or_else(lost)?;
        let parent = state.execution.as_ref().ok_or_else(lost)?;
        let parent = context.ports.journal.execution(parent).await;
        let parent = parent.map_err(while_doing("read the execution"))?;
        let machine = machine_of(context, &parent).await?;
        machine.item_processor(&state.map).map(Arc::new).ok_or_else(lost)
    }
    .boxed()
}

fn identity(context: &Context, row: &ExecutionRow) -> Identity {
    let settings = &context.settings;
    Identity {
        execution_arn: row.arn.0.as_str().into(),
        name: row.name.as_str().into(),
        role_arn: settings.role_arn().into(),
        start_time: to_asl(row.started),
        state_machine_arn: settings.state_machine_arn(&row.state_machine).into(),
        state_machine_name: row.state_machine.as_str().into(),
        execution_type: ExecutionType::Standard,
        redrive_count: 0,
        synchronous: false,
        redrive_time: None,
        map_run_arn: row.child_of.as_ref().map(|child_of| child_of.map_run.0.as_str().into()),
        token_prefix: token_prefix(row).into(),
    }
}

/// A child is its map run's: that one counts it, and would not hear of its end.
fn check_no_child(row: &ExecutionRow) -> Result<()> {
    match &row.child_of {
        None => Ok(()),
        Some(child_of) => Err(Error::OfMapRun {
            name: row.name.clone(),
            map_run: child_of.map_run.0.clone(),
        }),
    }
}

pub(crate) fn compile(name: &str, definition: &str) -> Result<Arc<StateMachine>> {
    let parsed = asl::parse(definition);
    parsed.machine.ok_or_else(|| Error::Definition {
        name: name.to_owned(),
        diagnostics: parsed.diagnostics,
    })
}

/// The beginning of an execution's task tokens: equal in every replay, and without the execution's name in it.
fn token_prefix(row: &ExecutionRow) -> String {
    if row.child_of.is_some() {
        return naming::token_prefix(&row.arn.0);
    }
    let of = format!("{}@{}", row.arn.0, row.started.as_millis());
    format!("{}-", Uuid::new_v5(&Uuid::NAMESPACE_URL, of.as_bytes()).simple())
}
