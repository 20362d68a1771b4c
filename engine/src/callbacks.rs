//! What callers outside of an execution may do to it: answer its tasks, take work as an activity's worker, stop it.

use asl::{Event, TaskId, TaskPhase};
use ports::ExecutionArn;

use crate::engine::{Engine, compile};
use crate::error::InvalidRequest;
use crate::registry::{ActivityTask, Machine, deliver};
use crate::{Error, Result, limits};

impl Engine {
    /// `SendTaskSuccess`: the task that waits with this token has succeeded. Once this returns, it survives a crash.
    ///
    /// # Errors
    /// [`Error::Request`] when the output is no JSON or nobody waits with the token.
    pub async fn send_task_success(&self, token: &str, output: String) -> Result<()> {
        if output.len() > limits::PAYLOAD_BYTES_MAX || serde_json::from_str::<serde::de::IgnoredAny>(&output).is_err() {
            return Err(Error::Request(InvalidRequest::Output));
        }
        self.answer(token, |task| Event::TaskSucceeded { task, output }).await
    }

    /// `SendTaskFailure`: the task that waits with this token has failed.
    ///
    /// # Errors
    /// [`Error::Request`] when nobody waits with the token.
    pub async fn send_task_failure(&self, token: &str, error: Option<String>, cause: Option<String>) -> Result<()> {
        let event = |task| Event::TaskFailed {
            task,
            phase: TaskPhase::Run,
            error,
            cause,
        };
        self.answer(token, event).await
    }

    /// `SendTaskHeartbeat`: the task that waits with this token is alive.
    ///
    /// # Errors
    /// [`Error::Request`] when nobody waits with the token.
    pub async fn send_task_heartbeat(&self, token: &str) -> Result<()> {
        self.answer(token, |task| Event::TaskHeartbeat { task }).await
    }

    async fn answer(&self, token: &str, event: impl FnOnce(TaskId) -> Event) -> Result<()> {
        let unknown = || Error::Request(InvalidRequest::Token);
        let (task, sender) = self.context.registry.holder(token).ok_or_else(unknown)?;
        match deliver(&sender, event(task)).await {
            Some(true) => Ok(()),
            Some(false) | None => Err(Error::Request(InvalidRequest::TimedOut)),
        }
    }

    /// `CreateActivity`; again is no harm. Returns its ARN.
    pub fn create_activity(&self, name: &str) -> String {
        let arn = self.context.settings.arn("activity", name);
        self.context.registry.add_activity(arn.clone());
        arn
    }

    /// `GetActivityTask`: waits for work, at most as long as AWS lets a worker wait.
    ///
    /// # Errors
    /// [`Error::Request`] when there is no such activity.
    pub async fn activity_task(&self, activity_arn: &str, worker: Option<&str>) -> Result<Option<ActivityTask>> {
        if !self.context.registry.has_activity(activity_arn) {
            return Err(Error::Request(InvalidRequest::Activity));
        }
        let clock = &self.context.ports.clock;
        let until = clock.now().plus(limits::ACTIVITY_POLL_MAX);
        tokio::select! {
            biased;
            task = self.take_task(activity_arn, worker) => Ok(Some(task)),
            () = clock.sleep_until(until) => Ok(None),
        }
    }

    /// The next task that is still waited for; its start is written down before the worker hears of it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no task: another worker gets it.
    async fn take_task(&self, activity_arn: &str, worker: Option<&str>) -> ActivityTask {
        loop {
            let handover = self.context.registry.next_handover(activity_arn).await;
            let started = match self.context.registry.holder(handover.token()) {
                Some((task, sender)) => {
                    let worker = worker.map(str::to_owned);
                    deliver(&sender, Event::TaskStarted { task, worker }).await
                }
                None => None,
            };
            let task = handover.settle();
            if let Some(task) = task.filter(|_| started == Some(true)) {
                return task;
            }
        }
    }

    /// `StopExecution` of an execution that is being driven.
    ///
    /// # Errors
    /// [`Error::Request`] when it is not.
    pub async fn stop_execution(
        &self,
        execution: &ExecutionArn,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<()> {
        let unknown = || Error::Request(InvalidRequest::Execution);
        let sender = self.context.registry.execution(execution).ok_or_else(unknown)?;
        match deliver(&sender, Event::Stop { error, cause }).await {
            Some(true) => Ok(()),
            Some(false) | None => Err(unknown()),
        }
    }

    /// Makes a machine known to `states:startExecution`. Returns its ARN.
    ///
    /// # Errors
    /// When the definition has faults.
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
