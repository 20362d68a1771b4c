//! Where messages from outside arrive for an execution that is driven.

use std::sync::Arc;

use ports::ExecutionArn;
use tokio::sync::{mpsc, oneshot};

use crate::limits;
use crate::registry::{Message, Registration, Registry, Sender};

/// The inbox of an execution.
pub(crate) struct Inbox {
    pub(crate) sender: Sender,
    receiver: mpsc::Receiver<Message>,
    /// The execution's registration, if it can be stopped from outside; held until the inbox is dropped, never read.
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

    /// The next message; `None` when no sender is left.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }
}

/// Tells the sender of a message whether its event was accepted; the sender may have gone.
pub(crate) fn tell(receipt: oneshot::Sender<bool>, accepted: bool) {
    receipt.send(accepted).unwrap_or_default();
}
