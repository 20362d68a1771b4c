//! What an execution waits for: which command begins a wait, which one cancels it and which event ends it.

use asl::{Command, Event};

/// Something that an execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    Task(asl::TaskId),
    Timer(asl::TimerId),
    MapRun(asl::MapRunId),
}

impl Wait {
    /// The wait that a command starts.
    pub(crate) const fn started_by(command: &Command) -> Option<Self> {
        match command {
            Command::InvokeTask(request) => Some(Self::Task(request.task)),
            Command::StartTimer { timer, .. } => Some(Self::Timer(*timer)),
            Command::StartMapRun(request) => Some(Self::MapRun(request.map_run)),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// The wait that a command cancels.
    pub(crate) const fn cancelled_by(command: &Command) -> Option<Self> {
        match command {
            Command::CancelTask(task) => Some(Self::Task(*task)),
            Command::CancelTimer(timer) => Some(Self::Timer(*timer)),
            Command::StopMapRun(map_run) => Some(Self::MapRun(*map_run)),
            Command::InvokeTask(_) | Command::StartTimer { .. } | Command::StartMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// The wait that an event ends.
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
