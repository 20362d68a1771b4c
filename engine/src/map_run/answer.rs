//! How a map run answers the messages that reach it, between two of its steps.

use ports::Amount;

use super::MapRun;
use super::inbox::MapRunInbox;
use super::message::{MapRunMessage, Snapshot};
use crate::Result;

impl MapRun {
    /// The items that no child has had yet, where the number of all items is known: all items without those that are counted
    /// otherwise. In a run with an item subset: the items that were not read yet.
    pub(super) fn pending(&self) -> Amount {
        let Some(total) = self.total else {
            return Amount::default();
        };
        let again = self
            .state
            .pending_redrive
            .items
            .saturating_sub(self.running_again.items);
        let known = self.state.items.ended() + self.running.items + again;
        let unread = total.saturating_sub(self.read_to.item);
        let items = total.saturating_sub(known).min(unread);
        let batcher = self.request.batcher.as_ref();
        let executions = match batcher.map(|batcher| (batcher.items_per_batch_max, batcher.input_bytes_per_batch_max)) {
            None => items,
            Some((Some(max), None)) if max > 0 => items.div_ceil(max),
            // The number of batches that are bounded by bytes is known once they are made.
            Some(_) => 0,
        };
        Amount { executions, items }
    }

    /// Answers all messages that have arrived.
    pub(super) async fn answer_messages(&mut self) -> Result<()> {
        while let Some(message) = self.inbox.as_mut().and_then(MapRunInbox::try_next) {
            self.answer_message(message).await?;
        }
        Ok(())
    }

    pub(super) async fn answer_message(&mut self, message: MapRunMessage) -> Result<()> {
        // The sender of a message may have gone.
        match message {
            MapRunMessage::Describe(reply) => {
                let snapshot = Snapshot {
                    state: self.state.clone(),
                    pending: self.pending(),
                    running: self.running,
                    running_again: self.running_again,
                };
                reply.send(snapshot).unwrap_or_default();
            }
            MapRunMessage::Update(change, reply) => {
                self.state.settings = change.applied(self.state.settings);
                self.dirty = true;
                self.flush().await?;
                reply.send(()).unwrap_or_default();
            }
        }
        Ok(())
    }
}
