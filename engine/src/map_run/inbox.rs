//! What reaches a map run from outside while it goes on: questions, changed settings.

use ports::{Amount, LedgerState, MapRunArn, MapRunSettings};
use tokio::sync::{mpsc, oneshot};

use super::{MapRun, MapRunChange};
use crate::engine::World;
use crate::registry::Place;
use crate::{Result, limits};

/// A map run as it stands at a moment.
#[derive(Debug)]
pub(crate) struct Standing {
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
pub(crate) enum RunLetter {
    Describe(oneshot::Sender<Standing>),
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

/// Where letters for a map run arrive, as long as it takes any.
pub(super) struct RunPost {
    receiver: mpsc::Receiver<RunLetter>,
    /// Held, never read.
    _place: Place,
}

impl RunPost {
    pub(super) fn of(world: &World, arn: &MapRunArn) -> Self {
        let (sender, receiver) = mpsc::channel(limits::LETTERS_MAX);
        Self {
            receiver,
            _place: world.desk.receive_for_run(arn, sender),
        }
    }

    /// The next letter; nothing that is waited for is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Option<RunLetter> {
        self.receiver.recv().await
    }

    pub(super) fn try_next(&mut self) -> Option<RunLetter> {
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

    /// Answers all letters that are there.
    pub(super) async fn answer_letters(&mut self) -> Result<()> {
        while let Some(letter) = self.post.as_mut().and_then(RunPost::try_next) {
            self.answer_letter(letter).await?;
        }
        Ok(())
    }

    pub(super) async fn answer_letter(&mut self, letter: RunLetter) -> Result<()> {
        // Whoever asked may have gone.
        match letter {
            RunLetter::Describe(reply) => {
                let standing = Standing {
                    state: self.state.clone(),
                    pending: self.pending(),
                    running: self.running,
                    running_again: self.running_again,
                };
                reply.send(standing).unwrap_or_default();
            }
            RunLetter::Update(change, reply) => {
                self.state.settings = change.applied(self.state.settings);
                self.dirty = true;
                self.flush().await?;
                reply.send(()).unwrap_or_default();
            }
        }
        Ok(())
    }
}
