//! What an execution waits for, and what comes of it.

use asl::{Command, Event};
use ports::TaskFailure;
use tokio::sync::oneshot;

use crate::Error;
use crate::inbox::Companions;
use crate::map_run::MapRunEnd;
use crate::task::AfterAccept;

/// Something that an execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    Task(asl::TaskId),
    Timer(asl::TimerId),
    MapRun(asl::MapRunId),
}

impl Wait {
    /// What a command begins to wait for.
    pub(crate) const fn started_by(command: &Command) -> Option<Self> {
        match command {
            Command::InvokeTask(request) => Some(Self::Task(request.task)),
            Command::StartTimer { timer, .. } => Some(Self::Timer(*timer)),
            Command::StartMapRun(request) => Some(Self::MapRun(request.map_run)),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// What a command gives up waiting for.
    pub(crate) const fn cancelled_by(command: &Command) -> Option<Self> {
        match command {
            Command::CancelTask(task) => Some(Self::Task(*task)),
            Command::CancelTimer(timer) => Some(Self::Timer(*timer)),
            Command::StopMapRun(map_run) => Some(Self::MapRun(*map_run)),
            Command::InvokeTask(_) | Command::StartTimer { .. } | Command::StartMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// What an event ends.
    pub(crate) const fn ended_by(event: &Event) -> Option<Self> {
        match event {
            Event::TaskSucceeded { task, .. } | Event::TaskFailed { task, .. } => Some(Self::Task(*task)),
            Event::TimerFired { timer } => Some(Self::Timer(*timer)),
            Event::MapRunEnded { map_run, .. } => Some(Self::MapRun(*map_run)),
            Event::Start { .. }
            | Event::TaskStarted { .. }
            | Event::TaskSubmitted { .. }
            | Event::TaskHeartbeat { .. }
            | Event::MapRunStarted { .. }
            | Event::Redrive
            | Event::Stop { .. } => None,
        }
    }
}

/// What a wait answered.
pub(crate) enum Completion {
    Event(Box<Event>),
    /// The call was accepted; once that is written down, it goes on.
    Accepted(Event, AfterAccept),
    /// It was accepted before a crash, and goes on.
    Resumed(AfterAccept),
    /// The task failed in a way that stops the run.
    Halted(TaskFailure),
    /// The nested execution has stopped and can be run again.
    Stopped,
    /// A map run has ended, or stopped and can be run again; what its children have started may still run.
    MapRun(asl::MapRunId, MapRunEnd, Companions),
    /// The wait was given up.
    Cancelled,
    /// The map run cannot go on.
    Broken(Error),
}

impl Completion {
    pub(crate) fn from_event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

/// An event that is to be taken, and what hangs on it.
pub(crate) struct Incoming {
    pub(crate) event: Event,
    pub(crate) after: Option<AfterAccept>,
    pub(crate) receipt: Option<oneshot::Sender<bool>>,
}

impl From<Event> for Incoming {
    fn from(event: Event) -> Self {
        Self {
            event,
            after: None,
            receipt: None,
        }
    }
}

/// What is to be done once the events are written down.
pub(crate) struct Effects {
    pub(crate) map_run: Option<asl::MapRunId>,
    pub(crate) after: Option<AfterAccept>,
    pub(crate) receipt: Option<oneshot::Sender<bool>>,
    pub(crate) commands: Vec<Command>,
}
