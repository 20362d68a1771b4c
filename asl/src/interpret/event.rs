//! What happens to an execution: the only way in.
//!
//! The journal stores exactly these events with their moments; feeding them again in order gives the same execution.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A task of one execution, in the order in which they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// A timer of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u64);

/// A map run of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapRunId(pub u64);

/// Time and chance, which come in with each event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The time of the event.
    pub now: Timestamp,
    /// A number in `0.0..1.0` for retry delays with `JitterStrategy: FULL`.
    pub jitter: f64,
}

/// Something that happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The execution starts. Always the first event, and only once.
    Start {
        /// JSON text as the caller wrote it; its white space shows in the history.
        input: String,
    },
    /// A worker took the task. Optional except for activities: other tasks count as started when they are invoked.
    TaskStarted {
        /// Which task.
        task: TaskId,
        /// The activity worker's name.
        worker: Option<String>,
    },
    /// A `.sync` or `.waitForTaskToken` call was accepted; the task goes on.
    TaskSubmitted {
        /// Which task.
        task: TaskId,
        /// JSON text that the call answered.
        output: String,
    },
    /// The task is alive: its heartbeat timer starts again.
    TaskHeartbeat {
        /// Which task.
        task: TaskId,
    },
    /// The task is done.
    TaskSucceeded {
        /// Which task.
        task: TaskId,
        /// JSON text of its result; for `lambda:invoke` the whole envelope.
        output: String,
    },
    /// The task failed.
    TaskFailed {
        /// Which task.
        task: TaskId,
        /// Where it failed: decides the history event only.
        phase: TaskPhase,
        /// Error name, for `Retry` and `Catch`.
        error: Option<String>,
        /// Text for people.
        cause: Option<String>,
    },
    /// A timer that was asked for is due.
    TimerFired {
        /// Which timer.
        timer: TimerId,
    },
    /// The map run exists, or is under way again if the request's `redrive` is not 0.
    MapRunStarted {
        /// Which map run.
        map_run: MapRunId,
        /// Its ARN.
        arn: String,
    },
    /// The map run is over.
    MapRunEnded {
        /// Which map run.
        map_run: MapRunId,
        /// How.
        result: MapRunResult,
    },
    /// An execution that ended without success goes on from the states that did not end: the only event after the end.
    /// What had succeeded is not done again; retries count from 0, and so does the machine's `TimeoutSeconds`.
    Redrive,
    /// Somebody asked for the execution to stop.
    Stop {
        /// Error name to record.
        error: Option<String>,
        /// Cause to record.
        cause: Option<String>,
    },
}

/// How far a task came before it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPhase {
    /// It ran and failed (`TaskFailed`, `LambdaFunctionFailed`, `ActivityFailed`).
    #[default]
    Run,
    /// It could not be scheduled (`LambdaFunctionScheduleFailed`, `ActivityScheduleFailed`; else as `Start`).
    Schedule,
    /// It could not be started (`TaskStartFailed`, `LambdaFunctionStartFailed`).
    Start,
    /// It could not be submitted (`TaskSubmitFailed`).
    Submit,
    /// What it calls does not exist (an activity that was deleted): AWS never records it as scheduled, and the cause is
    /// told with the state's name. Answer at once, before taking the history.
    Refused,
    /// It reported a time-out of its own (`TaskTimedOut`).
    TimedOut,
}

/// How a map run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapRunResult {
    /// Within its tolerance.
    Succeeded {
        /// JSON text: the children's outputs, or the result writer's details.
        output: String,
    },
    /// Reader or writer failed, or more items than tolerated.
    Failed {
        /// Error name.
        error: Option<String>,
        /// Text for people.
        cause: Option<String>,
    },
    /// It was stopped.
    Aborted,
}

/// Why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedReason {
    /// Anything before `Start`.
    #[error("the execution has not started")]
    NotStarted,
    /// A second `Start`.
    #[error("the execution has already started")]
    AlreadyStarted,
    /// Anything after `Finish`.
    #[error("the execution has ended")]
    Ended,
    /// A redrive of what runs, has succeeded, is Express, or has no room left in its history.
    #[error("the execution cannot be redriven")]
    NotRedrivable,
    /// The input is no JSON.
    #[error("the input is no JSON: {0}")]
    InvalidInput(String),
    /// A task that is not waited for: finished, timed out or never asked for.
    #[error("no task `{}` is waited for", .0.0)]
    UnknownTask(TaskId),
    /// A timer that is not waited for.
    #[error("no timer `{}` is waited for", .0.0)]
    UnknownTimer(TimerId),
    /// A map run that is not waited for.
    #[error("no map run `{}` is waited for", .0.0)]
    UnknownMapRun(MapRunId),
}
