//! How a map run answers the messages that reach it, between two of its steps.

use ports::Amount;

use super::MapRun;
use super::inbox::MapRunInbox;
use super::message::{MapRunMessage, Snapshot};
use crate::Result;

impl MapRun {
    /// What is known of the items that no child has had yet, where it is known how many there are: all but those that
    /// are accounted for otherwise. Of a run that does a part of another's again it is what is still to be read.
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
            // How many batches their bytes make is known when they are made.
            Some(_) => 0,
        };
        Amount { executions, items }
    }

    /// Answers all messages that are there.
    pub(super) async fn answer_messages(&mut self) -> Result<()> {
        while let Some(message) = self.inbox.as_mut().and_then(MapRunInbox::try_next) {
            self.answer_message(message).await?;
        }
        Ok(())
    }

    pub(super) async fn answer_message(&mut self, message: MapRunMessage) -> Result<()> {
        // Whoever asked may have gone.
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
