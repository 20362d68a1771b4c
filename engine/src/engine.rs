//! The engine's face: start an execution, run it to its end, look it up.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::{Execution, ExecutionType, Identity, Recording, StateMachine};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{Clock, ExecutionArn, ExecutionRow, ExecutionStatus, Journal, Ledger, ObjectStore, TaskInvoker, Timestamp};

use uuid::Uuid;

use crate::error::while_doing;
use crate::item_subset::ItemSubset;
use crate::journal::to_json;
use crate::lifecycle::{self, Driving};
use crate::registry::Registry;
use crate::{Error, Result, Stop, limits, naming, recovery};

/// What the engine asks of the world.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Where item sources are and result files go.
    pub store: Arc<dyn ObjectStore>,
    /// Runs tasks.
    pub invoker: Arc<dyn TaskInvoker>,
    /// Executions and their events.
    pub journal: Arc<dyn Journal>,
    /// Which children of map runs are done.
    pub ledger: Arc<dyn Ledger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Who the engine says it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account in its ARNs.
    pub account: String,
    /// The region in its ARNs.
    pub region: String,
    /// Error names of tasks that stop the run instead of being recorded: what only a person can mend, such as a full disk.
    pub halt_on: BTreeSet<String>,
}

impl Settings {
    /// The ARN of an execution.
    pub fn execution_arn(&self, state_machine: &str, name: &str) -> ExecutionArn {
        ExecutionArn(format!(
            "arn:aws:states:{}:{}:execution:{state_machine}:{name}",
            self.region, self.account
        ))
    }

    pub(crate) fn state_machine_arn(&self, name: &str) -> String {
        self.arn("stateMachine", name)
    }

    /// The ARN of an activity or a state machine.
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:states:{}:{}:{kind}:{name}", self.region, self.account)
    }

    pub(crate) fn lambda_arn(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.region, self.account)
    }

    fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/gantry", self.account)
    }
}

/// An execution that is to be.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// The machine's name.
    pub state_machine: String,
    /// Its definition, placeholders filled in.
    pub definition: String,
    /// The execution's name.
    pub name: String,
    /// JSON text.
    pub input: String,
    /// What would make the same execution again.
    pub identity: Option<String>,
    /// The execution whose failed items this one does again.
    pub rerun_of: Option<ExecutionArn>,
    /// Which items of an earlier execution's map runs are all that its map runs do. Beyond AWS.
    pub item_subset: Option<ItemSubset>,
    /// What the composer needs to run it again; the engine does not read it.
    pub composition: Option<String>,
}

/// What became of a call of [`Engine::run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// The execution is over.
    Ended(Box<ExecutionRow>),
    /// It was asked to stop, and can be run again.
    Stopped,
}

/// Everything that executions and map runs share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
}

/// Runs executions on this machine.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) context: Arc<Context>,
}

impl Engine {
    /// An engine over these ports.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self {
            context: Arc::new(Context {
                ports,
                settings,
                registry: Arc::default(),
            }),
        }
    }

    /// The same engine, from within.
    pub(crate) fn from_context(context: &Arc<Context>) -> Self {
        Self {
            context: Arc::clone(context),
        }
    }

    /// Writes down an execution; [`Engine::run`] runs it.
    ///
    /// # Errors
    /// When the definition has faults, there is an execution with this name, or [`NewExecution::item_subset`] names one whose
    /// items cannot be told.
    pub async fn start(&self, new: NewExecution) -> Result<ExecutionArn> {
        compile(&new.state_machine, &new.definition)?;
        if let Some(item_subset) = &new.item_subset {
            item_subset.check(&self.context.ports).await?;
        }
        let arn = self.context.settings.execution_arn(&new.state_machine, &new.name);
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
            started: self.context.ports.clock.now(),
            stopped: None,
            output: None,
            error: None,
            cause: None,
            redrive_count: 0,
            redrivable: false,
        };
        let created = self.context.ports.journal.create(row).await;
        created.map_err(while_doing("write down the execution"))?;
        Ok(arn)
    }

    /// Runs an execution to its end from wherever its journal says it is; one that has ended already is just read.
    /// Executions that it starts run beside it, and are waited for, also when it has not asked for their end. After a
    /// crash, those are for the caller to run again: they are `Running` in the journal.
    ///
    /// # Errors
    /// When a port fails or the journal cannot be replayed. Nothing is lost: run it again. [`Error::OfMapRun`] of a
    /// child that has not ended.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: running it again goes on from the journal.
    pub async fn run(&self, arn: &ExecutionArn, stop: &Stop) -> Result<RunEnd> {
        self.run_under(arn, Driving::until(stop)).await
    }

    /// The same under what it is to obey.
    pub(crate) async fn run_under(&self, arn: &ExecutionArn, driving: Driving) -> Result<RunEnd> {
        let read = self.context.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        if row.status != ExecutionStatus::Running {
            return Ok(RunEnd::Ended(Box::new(row)));
        }
        by_itself(&row)?;
        let execution = self.open(&row, Recording::Full).await?;
        lifecycle::drive(&self.context, row, execution, driving).await
    }

    /// Redrives an execution that ended without success; [`Engine::run`] runs it on, from the states that did not end.
    ///
    /// Once more is no harm: an execution that is being redriven already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotRedrivable`] when it has succeeded, runs, or has no room left in its history, [`Error::OfMapRun`]
    /// when it is a child.
    pub async fn redrive(&self, arn: &ExecutionArn) -> Result<()> {
        let read = self.context.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        by_itself(&row)?;
        let execution = self.open(&row, Recording::Off).await?;
        lifecycle::redrive(&self.context, row, execution).await.map(|_row| ())
    }

    /// The history of an execution as far as its journal goes, made by replaying it.
    ///
    /// # Errors
    /// When the journal cannot be read or replayed.
    pub async fn history(&self, arn: &ExecutionArn) -> Result<Vec<asl::HistoryEvent>> {
        let read = self.context.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        let execution = self.open(&row, Recording::Full).await?;
        let recovered = recovery::replay(&self.context, &row, execution).await?;
        Ok(recovered.history)
    }

    async fn open(&self, row: &ExecutionRow, recording: Recording) -> Result<Execution> {
        if row.interpreter != limits::INTERPRETER_VERSION {
            return Err(Error::JournalVersion {
                name: row.name.clone(),
                found: row.interpreter,
                expected: limits::INTERPRETER_VERSION,
            });
        }
        let machine = self.machine_of(row).await?;
        Ok(Execution::new(machine, self.identity(row), recording))
    }

    /// What it runs: its own definition, or, as a child, a part of its parent's.
    fn machine_of<'a>(&'a self, row: &'a ExecutionRow) -> BoxFuture<'a, Result<Arc<StateMachine>>> {
        async move {
            let Some(child_of) = &row.child_of else {
                return compile(&row.state_machine, &row.definition);
            };
            let lost = || Error::Orphan {
                name: row.name.clone(),
                map_run: child_of.map_run.0.clone(),
            };
            let state = self.context.ports.ledger.state(&child_of.map_run).await;
            let state = state.map_err(while_doing("read the map run's ledger"))?;
            let state = state.ok_or_else(lost)?;
            let parent = state.execution.as_ref().ok_or_else(lost)?;
            let parent = self.context.ports.journal.execution(parent).await;
            let parent = parent.map_err(while_doing("read the execution"))?;
            let machine = self.machine_of(&parent).await?;
            machine.item_processor(&state.map).map(Arc::new).ok_or_else(lost)
        }
        .boxed()
    }

    fn identity(&self, row: &ExecutionRow) -> Identity {
        let settings = &self.context.settings;
        Identity {
            execution_arn: row.arn.0.as_str().into(),
            name: row.name.as_str().into(),
            role_arn: settings.role_arn().into(),
            start_time: to_asl(row.started),
            state_machine_arn: settings.state_machine_arn(&row.state_machine).into(),
            state_machine_name: row.state_machine.as_str().into(),
            execution_type: ExecutionType::Standard,
            redrive_count: 0,
            redrive_time: None,
            map_run_arn: row.child_of.as_ref().map(|child_of| child_of.map_run.0.as_str().into()),
            token_prefix: token_prefix(row).into(),
        }
    }
}

/// A child is its map run's: that one counts it, and would not hear of its end.
fn by_itself(row: &ExecutionRow) -> Result<()> {
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

/// Tokens are the same in every replay, and do not show whose they are.
fn token_prefix(row: &ExecutionRow) -> String {
    if row.child_of.is_some() {
        return naming::token_prefix(&row.arn.0);
    }
    let of = format!("{}@{}", row.arn.0, row.started.as_millis());
    format!("{}-", Uuid::new_v5(&Uuid::NAMESPACE_URL, of.as_bytes()).simple())
}

/// The interpreter's instant.
pub(crate) const fn to_asl(timestamp: Timestamp) -> asl::Timestamp {
    asl::Timestamp::from_millis(timestamp.as_millis())
}
