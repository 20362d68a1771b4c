//! The interpreter: (execution, event) → (execution, commands).
//!
//! Owns the whole state of an execution. Does no I/O, reads no clock, draws no random number.

mod command;
mod event;
mod map_run;

pub use command::{Command, Ending, TaskRequest};
pub use event::{Event, MapRunId, MapRunResult, Moment, TaskId, TaskPhase, TimerId};
pub use map_run::{Batcher, ItemReader, ItemSelector, Items, MapRunRequest, ResultWriter};

use crate::history::HistoryEvent;
use crate::{ExecutionType, StateMachine, Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// Standard or Express: Express context objects have no `RedriveCount`.
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

/// One execution's whole state. `Send`, and no I/O in it.
#[derive(Debug)]
pub struct Execution {
    machine: Arc<StateMachine>,
    identity: Arc<Identity>,
    recording: Recording,
    history: Vec<HistoryEvent>,
}

impl Execution {
    /// An execution that waits for `Event::Start`.
    pub fn new(machine: Arc<StateMachine>, identity: Identity, recording: Recording) -> Self {
        Self {
            machine,
            identity: Arc::new(identity),
            recording,
            history: Vec::new(),
        }
    }

    /// The history since the last call. Ids go on counting.
    pub fn take_history(&mut self) -> Vec<HistoryEvent> {
        std::mem::take(&mut self.history)
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it runs.
    pub fn machine(&self) -> &Arc<StateMachine> {
        &self.machine
    }

    /// Whether a history is kept.
    pub const fn recording(&self) -> Recording {
        self.recording
    }
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

/// One step: what `event` makes of the execution, and what is to be done.
///
/// # Errors
/// When the event cannot happen to this execution (a late answer, say). The execution comes back unchanged.
pub fn step(execution: Execution, event: Event, moment: Moment) -> Result<(Execution, Vec<Command>), Refused> {
    let _ = (event, moment);
    Err(Refused {
        execution: Box::new(execution),
        reason: RefusedReason::NotStarted,
    })
}
