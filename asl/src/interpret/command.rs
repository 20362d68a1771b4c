//! What an execution asks of the world: the only way out.
//!
//! Commands say what, completely; nobody needs to look into the definition to carry one out.

use super::event::{MapRunId, TaskId, TimerId};
use super::map_run::MapRunRequest;
use crate::error_name::StateError;
use crate::{Resource, Text, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// Something to do. Journal the event first, then act.
#[derive(Debug, Clone)]
pub enum Command {
    /// Call the task; answer with `TaskSucceeded`, `TaskFailed`, ….
    InvokeTask(Box<TaskRequest>),
    /// Nobody waits for this task any more.
    CancelTask(TaskId),
    /// Answer with `TimerFired` at that time; at once if it is past.
    StartTimer {
        /// Which timer.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// Nobody waits for this timer any more.
    CancelTimer(TimerId),
    /// Start the map run; answer with `MapRunStarted`, then `MapRunEnded`.
    StartMapRun(Box<MapRunRequest>),
    /// End this map run; no answer is expected.
    StopMapRun(MapRunId),
    /// The execution is over. Always the last command.
    Finish(Ending),
}

/// A call of a task.
#[derive(Debug, Clone)]
pub struct TaskRequest {
    /// Which task of the execution.
    pub task: TaskId,
    /// The state's name.
    pub state: Text,
    /// What to call.
    pub resource: Resource,
    /// With what: the effective input after `Parameters` or `Arguments`.
    pub input: Arc<Value>,
    /// The same as JSON text, as the history shows it.
    pub input_text: Text,
    /// **Seconds**; the interpreter keeps the time itself.
    pub timeout_seconds: Option<i64>,
    /// **Seconds**; the interpreter keeps the time itself.
    pub heartbeat_seconds: Option<i64>,
    /// What `SendTaskSuccess` must carry, for `.waitForTaskToken` and activities.
    pub task_token: String,
    /// The role to call with.
    pub credentials_role_arn: Option<String>,
    /// The Region it is called in.
    pub region: Text,
    /// Which attempt of the state this is, from 0.
    pub retry_count: u32,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this output.
    Succeeded {
        /// JSON text.
        output: Text,
    },
    /// With an error that nobody caught.
    Failed(StateError),
    /// The machine's `TimeoutSeconds` passed.
    TimedOut(StateError),
    /// It was stopped.
    Aborted(StateError),
}
