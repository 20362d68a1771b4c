//! The engine's face: start an execution, run it to its end, look it up.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::{Execution, ExecutionType, Identity, Recording, StateMachine};
use ports::{
    Clock, ExecutionArn, ExecutionRow, ExecutionStatus, Journal, JournalRecord, Ledger, ObjectStore, TaskInvoker,
    Timestamp,
};

use uuid::Uuid;

use crate::desk::Desk;
use crate::error::while_doing;
use crate::execution::{Driven, Driver};
use crate::journal::{Entry, to_json};
use crate::{Error, Result, Stop, limits, recovery};

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
    pub redrives: Option<ExecutionArn>,
    /// What the composer needs to run it again; the engine does not read it.
    pub composition: Option<String>,
}

/// What became of a call of [`Engine::run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The execution is over.
    Ended(Box<ExecutionRow>),
    /// It was asked to stop, and can be run again.
    Stopped,
}

/// Everything that executions and map runs share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) desk: Arc<Desk>,
}

/// Runs executions on this machine.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) world: Arc<World>,
}

impl Engine {
    /// An engine over these ports.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self {
            world: Arc::new(World {
                ports,
                settings,
                desk: Arc::default(),
            }),
        }
    }

    /// The same engine, from within.
    pub(crate) fn over(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
        }
    }

    /// Writes down an execution; [`Engine::run`] runs it.
    ///
    /// # Errors
    /// When the definition has faults, or there is an execution with this name.
    pub async fn start(&self, new: NewExecution) -> Result<ExecutionArn> {
        compile(&new.state_machine, &new.definition)?;
        let arn = self.world.settings.execution_arn(&new.state_machine, &new.name);
        let row = ExecutionRow {
            arn: arn.clone(),
            name: new.name,
            state_machine: new.state_machine,
            definition: new.definition,
            input: new.input,
            interpreter: limits::INTERPRETER_VERSION,
            identity: new.identity,
            redrives: new.redrives,
            composition: new.composition,
            status: ExecutionStatus::Running,
            started: self.world.ports.clock.now(),
            stopped: None,
            output: None,
            error: None,
            cause: None,
        };
        let created = self.world.ports.journal.create(row).await;
        created.map_err(while_doing("write down the execution"))?;
        Ok(arn)
    }

    /// Runs an execution to its end from wherever its journal says it is; one that has ended already is just read.
    /// Executions that it starts run beside it, and are waited for, also when it has not asked for their end. After a
    /// crash, those are for the caller to run again: they are `Running` in the journal.
    ///
    /// # Errors
    /// When a port fails or the journal cannot be replayed. Nothing is lost: run it again.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: running it again goes on from the journal.
    pub async fn run(&self, arn: &ExecutionArn, stop: &Stop) -> Result<Outcome> {
        let read = self.world.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        if row.status != ExecutionStatus::Running {
            return Ok(Outcome::Ended(Box::new(row)));
        }
        let execution = self.open(&row, Recording::Full)?;
        let recovered = recovery::replay(&self.world, &row, execution).await?;
        let driver = Driver::recorded(Arc::clone(&self.world), &row, recovered, stop.clone());
        let (end, started) = driver.drive_alone().await?;
        let outcome = match end {
            Driven::Ended(ending) => {
                let ended = self.end(row, ending).await?;
                Outcome::Ended(Box::new(ended))
            }
            Driven::Stopped => Outcome::Stopped,
        };
        started.finish().await?;
        Ok(outcome)
    }

    /// Redrives an execution that ended without success; [`Engine::run`] runs it on, from the states that did not end.
    ///
    /// Once more is no harm: an execution that is being redriven already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotRedrivable`] when it has succeeded, runs, or has no room left in its history.
    pub async fn redrive(&self, arn: &ExecutionArn) -> Result<()> {
        let read = self.world.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        let execution = self.open(&row, Recording::Off)?;
        let recovered = recovery::replay(&self.world, &row, execution).await?;
        let refused = || Error::NotRedrivable { name: row.name.clone() };
        match row.status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => return Err(refused()),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {}
        }
        // A crash may have come between the journal and the row.
        if recovered.execution.is_ended() {
            if !recovered.execution.may_redrive() {
                return Err(refused());
            }
            self.journal_redrive(arn, recovered.sequence).await?;
        }
        let running = ExecutionRow {
            status: ExecutionStatus::Running,
            stopped: None,
            output: None,
            error: None,
            cause: None,
            ..row
        };
        let updated = self.world.ports.journal.update(running).await;
        updated.map_err(while_doing("write down the redrive"))
    }

    async fn journal_redrive(&self, arn: &ExecutionArn, sequence: u64) -> Result<()> {
        let entry = Entry {
            event: asl::Event::Redrive,
            moment: asl::Moment {
                now: to_asl(self.world.ports.clock.now()),
                jitter: 0.0,
            },
        };
        let record = JournalRecord {
            sequence,
            record: to_json(&entry),
        };
        let appended = self.world.ports.journal.append(arn, vec![record]).await;
        appended.map_err(while_doing("write the journal"))
    }

    /// The history of an execution as far as its journal goes, made by replaying it.
    ///
    /// # Errors
    /// When the journal cannot be read or replayed.
    pub async fn history(&self, arn: &ExecutionArn) -> Result<Vec<asl::HistoryEvent>> {
        let read = self.world.ports.journal.execution(arn).await;
        let row = read.map_err(while_doing("read the execution"))?;
        let execution = self.open(&row, Recording::Full)?;
        let recovered = recovery::replay(&self.world, &row, execution).await?;
        Ok(recovered.history)
    }

    fn open(&self, row: &ExecutionRow, recording: Recording) -> Result<Execution> {
        if row.interpreter != limits::INTERPRETER_VERSION {
            return Err(Error::JournalVersion {
                name: row.name.clone(),
                found: row.interpreter,
                expected: limits::INTERPRETER_VERSION,
            });
        }
        let machine = compile(&row.state_machine, &row.definition)?;
        Ok(Execution::new(machine, self.identity(row), recording))
    }

    fn identity(&self, row: &ExecutionRow) -> Identity {
        let settings = &self.world.settings;
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
            map_run_arn: None,
            token_prefix: token_prefix(row).into(),
        }
    }

    async fn end(&self, row: ExecutionRow, ending: asl::Ending) -> Result<ExecutionRow> {
        let (status, output, error) = match ending {
            asl::Ending::Succeeded { output } => (ExecutionStatus::Succeeded, Some(output.to_string()), None),
            asl::Ending::Failed(error) => (ExecutionStatus::Failed, None, Some(error)),
            asl::Ending::TimedOut(error) => (ExecutionStatus::TimedOut, None, Some(error)),
            asl::Ending::Aborted(error) => (ExecutionStatus::Aborted, None, Some(error)),
        };
        let (error, cause) = error.map_or((None, None), |error| (error.error, error.cause));
        let ended = ExecutionRow {
            status,
            stopped: Some(self.world.ports.clock.now()),
            output,
            error: error.map(|error| error.to_string()),
            cause: cause.map(|cause| cause.to_string()),
            ..row
        };
        let updated = self.world.ports.journal.update(ended.clone()).await;
        updated.map_err(while_doing("write down the execution's end"))?;
        Ok(ended)
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
    let of = format!("{}@{}", row.arn.0, row.started.as_millis());
    format!("{}-", Uuid::new_v5(&Uuid::NAMESPACE_URL, of.as_bytes()).simple())
}

/// The interpreter's instant.
pub(crate) const fn to_asl(timestamp: Timestamp) -> asl::Timestamp {
    asl::Timestamp::from_millis(timestamp.as_millis())
}
