//! What reaches an execution from outside while it is driven: messages, and the executions that it has started.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::{BoxFuture, pending};
use futures::stream::FuturesUnordered;
use ports::ExecutionArn;
use tokio::sync::{mpsc, oneshot};

use crate::registry::{Message, Registration, Registry, Sender};
use crate::wait::Incoming;
use crate::{Result, limits};

/// Executions that an execution has started, while they run.
#[derive(Default)]
pub(crate) struct Companions(pub(crate) FuturesUnordered<BoxFuture<'static, Result<()>>>);

impl Companions {
    pub(crate) fn take_on(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// They go on while something else is done.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(ended) = self.0.next() => ended?,
            }
        }
    }

    /// Waits for all of them.
    pub(crate) async fn finish(mut self) -> Result<()> {
        while let Some(ended) = self.0.next().await {
            ended?;
        }
        Ok(())
    }
}

/// Where messages for an execution arrive.
pub(crate) struct Inbox {
    pub(crate) sender: Sender,
    receiver: mpsc::Receiver<Message>,
    /// The execution's own place at the registry, if it can be stopped from outside; held, never read.
    registration: Option<Registration>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(limits::MESSAGES_MAX);
        Self {
            sender,
            receiver,
            registration: None,
        }
    }

    /// The post of an execution that can be stopped from outside.
    pub(crate) fn registered(registry: &Arc<Registry>, execution: &ExecutionArn) -> Self {
        let mut inbox = Self::new();
        inbox.registration = Some(registry.receive(execution, inbox.sender.clone()));
        inbox
    }
}

/// The next message; never, where none can come.
pub(crate) async fn next_message(inbox: &mut Option<Inbox>) -> Incoming {
    let message = match inbox {
        Some(inbox) => inbox.receiver.recv().await,
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

/// Whoever asked may have gone.
pub(crate) fn tell(receipt: oneshot::Sender<bool>, accepted: bool) {
    receipt.send(accepted).unwrap_or_default();
}
