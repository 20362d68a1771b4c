//! What callers outside of an execution do to it: answer its tasks, take work as an activity's worker, stop it.
//!
//! Functions over the context, because executions answer the tasks of others too.

use asl::{Event, TaskId, TaskPhase};
use ports::ExecutionArn;

use crate::context::Context;
use crate::error::InvalidRequest;
use crate::registry::{ActivityTask, deliver};
use crate::{Error, Result, limits};

/// The task that waits with this token has succeeded.
pub(crate) async fn succeed(context: &Context, token: &str, output: String) -> Result<()> {
    if output.len() > limits::PAYLOAD_BYTES_MAX || serde_json::from_str::<serde::de::IgnoredAny>(&output).is_err() {
        return Err(Error::Request(InvalidRequest::Output));
    }
    answer(context, token, |task| Event::TaskSucceeded { task, output }).await
}

/// The task that waits with this token has failed.
pub(crate) async fn fail(context: &Context, token: &str, error: Option<String>, cause: Option<String>) -> Result<()> {
    let event = |task| Event::TaskFailed {
        task,
        phase: TaskPhase::Run,
        error,
        cause,
    };
    answer(context, token, event).await
}

/// The task that waits with this token is alive.
pub(crate) async fn heartbeat(context: &Context, token: &str) -> Result<()> {
    answer(context, token, |task| Event::TaskHeartbeat { task }).await
}

async fn answer(context: &Context, token: &str, event: impl FnOnce(TaskId) -> Event) -> Result<()> {
    let unknown = || Error::Request(InvalidRequest::Token);
    let (task, sender) = context.registry.holder(token).ok_or_else(unknown)?;
    match deliver(&sender, event(task)).await {
        Some(true) => Ok(()),
        Some(false) | None => Err(Error::Request(InvalidRequest::TimedOut)),
    }
}

/// Waits for work of an activity, at most as long as AWS lets a worker wait.
pub(crate) async fn activity_task(
    context: &Context,
    activity_arn: &str,
    worker: Option<&str>,
) -> Result<Option<ActivityTask>> {
    if !context.registry.has_activity(activity_arn) {
        return Err(Error::Request(InvalidRequest::Activity));
    }
    let clock = &context.ports.clock;
    let until = clock.now().plus(limits::ACTIVITY_POLL_MAX);
    tokio::select! {
        biased;
        task = take_task(context, activity_arn, worker) => Ok(Some(task)),
        () = clock.sleep_until(until) => Ok(None),
    }
}

/// The next task that is still waited for. Its start is in the journal before the worker hears of it.
///
/// # Cancel safety
/// Dropping the future loses no task: another worker gets it.
async fn take_task(context: &Context, activity_arn: &str, worker: Option<&str>) -> ActivityTask {
    loop {
        let handover = context.registry.next_handover(activity_arn).await;
        let started = match context.registry.holder(handover.token()) {
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

/// Ends an execution that is being driven here as `ABORTED`.
pub(crate) async fn stop_execution(
    context: &Context,
    execution: &ExecutionArn,
    error: Option<String>,
    cause: Option<String>,
) -> Result<()> {
    let unknown = || Error::Request(InvalidRequest::Execution);
    let sender = context
        .registry
        .execution_once_open(execution)
        .await
        .ok_or_else(unknown)?;
    match deliver(&sender, Event::Stop { error, cause }).await {
        Some(true) => Ok(()),
        Some(false) | None => Err(unknown()),
    }
}
