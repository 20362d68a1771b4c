//! Where messages from outside arrive for a map run that is being driven.

use ports::MapRunArn;
use tokio::sync::mpsc;

use super::message::MapRunMessage;
use crate::context::Context;
use crate::limits;
use crate::registry::Registration;

/// Where messages for a map run arrive, as long as it takes any.
pub(super) struct MapRunInbox {
    receiver: mpsc::Receiver<MapRunMessage>,
    /// Held, never read.
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

    /// The next message; nothing that is waited for is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Option<MapRunMessage> {
        self.receiver.recv().await
    }

    pub(super) fn try_next(&mut self) -> Option<MapRunMessage> {
        self.receiver.try_recv().ok()
    }
}
