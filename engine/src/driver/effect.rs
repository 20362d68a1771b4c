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

/// How a wait completed.
pub(crate) enum Completion {
    Event(Box<Event>),
    /// The call was accepted; the rest follows once that event is in the journal.
    Accepted(Event, AfterAccept),
    /// The call was accepted before a crash; the event is in the journal already.
    Resumed(AfterAccept),
    /// The task failed in a way that stops the run.
    Halted(TaskFailure),
    /// The nested execution has stopped and can be resumed later.
    Stopped,
    /// A map run has ended, or has stopped and can be resumed later. Executions that its children have started may run.
    MapRun(asl::MapRunId, MapRunEnd, Companions),
    /// The wait was cancelled.
    Cancelled,
    /// The map run broke off.
    Broken(Error),
}

impl Completion {
    pub(crate) fn from_event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

/// An event for the interpreter, and what depends on whether the interpreter accepts it.
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

/// What to do once the events are in the journal.
pub(crate) struct Effects {
    pub(crate) map_run: Option<asl::MapRunId>,
    pub(crate) after: Option<AfterAccept>,
    pub(crate) receipt: Option<oneshot::Sender<bool>>,
    pub(crate) commands: Vec<Command>,
}

/// What follows after a call was accepted.
#[derive(Debug)]
pub(crate) enum AfterAccept {
    /// Wait for the answer that carries the task's token.
    Token(TaskId),
    /// Run the nested execution; its end is the end of the task, if the pattern says so.
    Execution {
        task: TaskId,
        execution: ExecutionArn,
        pattern: Pattern,
    },
}

/// The next message from the inbox; never returns without an inbox.
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
