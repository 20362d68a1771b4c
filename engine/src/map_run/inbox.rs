//! What reaches a map run from outside while it goes on: questions, changed settings.

use ports::{Amount, LedgerState, MapRunArn, MapRunSettings};
use tokio::sync::{mpsc, oneshot};

use super::{MapRun, MapRunChange};
use crate::engine::Context;
use crate::registry::Registration;
use crate::{Result, limits};

/// A map run as it stands at a moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: LedgerState,
    /// Known, and not started.
    pub(crate) pending: Amount,
    /// Children that run.
    pub(crate) running: Amount,
    /// Those of them that did not succeed in an earlier attempt.
    pub(crate) running_again: Amount,
}

/// What is asked of a map run.
#[derive(Debug)]
pub(crate) enum MapRunMessage {
    Describe(oneshot::Sender<Snapshot>),
    /// Answered once it is written down.
    Update(MapRunChange, oneshot::Sender<()>),
}

impl MapRunChange {
    fn applied(self, to: MapRunSettings) -> MapRunSettings {
        MapRunSettings {
            max_concurrency: self.max_concurrency.unwrap_or(to.max_concurrency),
            tolerated_failure_count: self.tolerated_failure_count.or(to.tolerated_failure_count),
            tolerated_failure_percentage: self.tolerated_failure_percentage.or(to.tolerated_failure_percentage),
        }
    }
}

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
