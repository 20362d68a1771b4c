//! The interpreter: (execution, event) → (execution, commands).
//!
//! Owns the whole state of an execution. Does no I/O, reads no clock, draws no random number.

mod children;
mod choice;
mod command;
mod cut_off;
mod event;
mod execution;
mod fault;
mod flow;
pub(crate) mod inspection;
mod map;
mod map_run;
mod map_run_events;
mod recorder;
mod redrive;
mod retry;
mod simple;
mod task;
mod task_history;
mod track;
mod wait;
mod walk;

pub use command::{Command, Ending, TaskRequest};
pub use event::{Event, MapRunId, MapRunResult, Moment, TaskId, TaskPhase, TimerId};
pub use execution::{Execution, step};
pub use map_run::{Batcher, ItemReader, ItemSelector, Items, MapRunRequest, ResultWriter};

use crate::{ExecutionType, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// Who an execution is: what its context object and history say about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `arn:aws:states:R:A:execution:<machine>:<name>`.
    pub execution_arn: Text,
    /// The execution's name.
    pub name: Text,
    /// The role's ARN.
    pub role_arn: Text,
    /// When it was started.
    pub start_time: Timestamp,
    /// The machine's ARN; for a child `…:stateMachine:<machine>/<label>`.
    pub state_machine_arn: Text,
    /// The machine's name; for a child `<machine>/<label>`.
    pub state_machine_name: Text,
    /// Standard or Express: an Express history has no limit of its own.
    pub execution_type: ExecutionType,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redrive_time: Option<Timestamp>,
    /// The map run it is a child of.
    pub map_run_arn: Option<Text>,
    /// Task tokens are this with the task's number; make it hard to guess.
    pub token_prefix: Text,
}

/// Whether a history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recording {
    /// Every event with its payloads.
    Full,
    /// None: nothing of it is built.
    Off,
}

/// An event that cannot happen to the execution; the execution comes back as it was.
#[derive(Debug, thiserror::Error)]
#[error("failed to apply the event: {reason}")]
pub struct Refused {
    /// Unchanged.
    pub execution: Box<Execution>,
    /// Why.
    pub reason: RefusedReason,
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
