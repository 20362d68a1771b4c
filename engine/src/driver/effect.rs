//! What comes of an execution's waits, and what is done about it once it is in the journal.

use asl::{Command, Event, Pattern, TaskId};
use futures::future::pending;
use ports::{ExecutionArn, TaskFailure};
use tokio::sync::oneshot;

use crate::Error;
use crate::companions::Companions;
use crate::inbox::Inbox;
use crate::map_run::MapRunEnd;
use crate::registry::Message;

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

/// What goes on after a call was accepted.
#[derive(Debug)]
pub(crate) enum AfterAccept {
    /// The token's answer is waited for.
    Token(TaskId),
    /// A nested execution runs; its end is the task's, if the pattern says so.
    Execution {
        task: TaskId,
        execution: ExecutionArn,
        pattern: Pattern,
    },
}

/// The next message; never, where none can come.
pub(crate) async fn next_message(inbox: &mut Option<Inbox>) -> Incoming {
    let message = match inbox {
        Some(inbox) => inbox.next().await,
        None => None,
    };
    match message {
        Some(Message { event, receipt }) => Incoming {
            receipt: Some(receipt),
            ..event.into()
        },
        None => pending().await,
    }
}
