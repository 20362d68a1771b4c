//! The engine's interface: start an execution, run it to its end, look it up, answer its tasks.

use std::sync::Arc;

use asl::Recording;
use ports::ExecutionArn;

use crate::context::{Context, Ports, Settings};
use crate::executions::{self, NewExecution, RunEnd, compile};
use crate::registry::{ActivityTask, Machine};
use crate::stop::Control;
use crate::{Result, Stop, callbacks, recovery};

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

    /// Writes an execution down and returns its ARN; [`Engine::run`] runs it.
    ///
    /// # Errors
    /// When the definition has faults, there is an execution with this name, or [`NewExecution::item_subset`] names one whose
    /// items cannot be told.
    pub async fn start(&self, new: NewExecution) -> Result<ExecutionArn> {
        executions::start(&self.context, new).await
    }

    /// Runs an execution to its end, from where its journal ends. The row of one that has ended already is returned as it is.
    /// Executions that it starts run beside it and are waited for, even those whose end the execution did not ask for.
    /// After a crash they are `RUNNING` in the journal, and the caller runs them again.
    ///
    /// # Errors
    /// When a port fails or the journal cannot be replayed. Nothing is lost: run it again. [`Error::OfMapRun`](crate::Error::OfMapRun) of a
    /// child that has not ended.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: the next call continues from the journal.
    pub async fn run(&self, arn: &ExecutionArn, stop: &Stop) -> Result<RunEnd> {
        executions::run(&self.context, arn, Control::until(stop)).await
    }

    /// `RedriveExecution`: writes down that an execution that ended without success is redriven. [`Engine::run`] then runs
    /// the states that did not succeed.
    ///
    /// Repeating the call after a crash changes nothing.
    ///
    /// # Errors
    /// [`Error::NotRedrivable`](crate::Error::NotRedrivable) when it has succeeded, runs, or has no room left in its history, [`Error::OfMapRun`](crate::Error::OfMapRun)
    /// when it is a child.
    pub async fn redrive(&self, arn: &ExecutionArn) -> Result<()> {
        executions::redrive(&self.context, arn).await
    }

    /// `GetExecutionHistory`: the history of an execution so far, made by replaying its journal.
    ///
    /// # Errors
    /// When the journal cannot be read or replayed.
    pub async fn history(&self, arn: &ExecutionArn) -> Result<Vec<asl::HistoryEvent>> {
        let row = executions::read(&self.context, arn).await?;
        let execution = executions::open(&self.context, &row, Recording::Full).await?;
        let recovered = recovery::replay(&self.context, &row, execution).await?;
        Ok(recovered.history)
    }

    /// `SendTaskSuccess`: the task that waits with this token has succeeded. The answer survives a crash once this
    /// method has returned.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request) when the output is not JSON or no task waits with the token.
    pub async fn send_task_success(&self, token: &str, output: String) -> Result<()> {
        callbacks::succeed(&self.context, token, output).await
    }

    /// `SendTaskFailure`: the task that waits with this token has failed.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request) when no task waits with the token.
    pub async fn send_task_failure(&self, token: &str, error: Option<String>, cause: Option<String>) -> Result<()> {
        callbacks::fail(&self.context, token, error, cause).await
    }

    /// `SendTaskHeartbeat`: the task that waits with this token is alive.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request) when no task waits with the token.
    pub async fn send_task_heartbeat(&self, token: &str) -> Result<()> {
        callbacks::heartbeat(&self.context, token).await
    }

    /// `CreateActivity`: makes an activity known to executions and workers, and returns its ARN. Creating it again
    /// changes nothing.
    pub fn create_activity(&self, name: &str) -> String {
        let arn = self.context.settings.arn("activity", name);
        self.context.registry.add_activity(arn.clone());
        arn
    }

    /// `GetActivityTask`: waits for work, at most as long as AWS lets a worker wait.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request) when there is no such activity.
    pub async fn activity_task(&self, activity_arn: &str, worker: Option<&str>) -> Result<Option<ActivityTask>> {
        callbacks::activity_task(&self.context, activity_arn, worker).await
    }

    /// `StopExecution` of an execution that is being driven.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request) when the execution is not being driven here.
    pub async fn stop_execution(
        &self,
        execution: &ExecutionArn,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<()> {
        callbacks::stop_execution(&self.context, execution, error, cause).await
    }

    /// Makes a state machine known to `states:startExecution`, and returns its ARN.
    ///
    /// # Errors
    /// [`Error::Definition`](crate::Error::Definition) when the definition has faults.
    pub fn register(&self, name: &str, definition: &str) -> Result<String> {
        compile(name, definition)?;
        let arn = self.context.settings.state_machine_arn(name);
        let machine = Machine {
            name: name.to_owned(),
            definition: definition.to_owned(),
        };
        self.context.registry.add_machine(arn.clone(), machine);
        Ok(arn)
    }
}
