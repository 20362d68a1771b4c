//! Where messages from outside arrive for a map run that is being driven.

use ports::MapRunArn;
use tokio::sync::mpsc;

use super::message::MapRunMessage;
use crate::context::Context;
use crate::limits;
use crate::registry::Registration;

/// The inbox of a map run.
pub(super) struct MapRunInbox {
    receiver: mpsc::Receiver<MapRunMessage>,
    /// The map run's registration; held until the inbox is dropped, never read.
    _registration: Registration,
}

impl MapRunInbox {
    pub(super) fn new(context: &Context, arn: &MapRunArn) -> Self {
        let (sender, receiver) = mpsc::channel(limits::MESSAGES_MAX);
        Self {
            receiver,
            _registration: context.registry.receive_for_run(arn, sender),
        }
    }

    /// The next message.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub(super) async fn next(&mut self) -> Option<MapRunMessage> {
        self.receiver.recv().await
    }

    pub(super) fn try_next(&mut self) -> Option<MapRunMessage> {
        self.receiver.try_recv().ok()
    }
}
