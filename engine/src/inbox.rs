//! What reaches an execution from outside while it is driven: letters, and the executions that it has started.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::{BoxFuture, pending};
use futures::stream::FuturesUnordered;
use ports::ExecutionArn;
use tokio::sync::{mpsc, oneshot};

use crate::registry::{Desk, Letter, Mailbox, Place};
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

/// Where letters for an execution arrive.
pub(crate) struct Post {
    pub(crate) sender: Mailbox,
    receiver: mpsc::Receiver<Letter>,
    /// The execution's own place at the desk, if it can be stopped from outside; held, never read.
    place: Option<Place>,
}

impl Post {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(limits::LETTERS_MAX);
        Self {
            sender,
            receiver,
            place: None,
        }
    }

    /// The post of an execution that can be stopped from outside.
    pub(crate) fn of(desk: &Arc<Desk>, execution: &ExecutionArn) -> Self {
        let mut post = Self::new();
        post.place = Some(desk.receive(execution, post.sender.clone()));
        post
    }
}

/// The next letter; never, where none can come.
pub(crate) async fn next_letter(post: &mut Option<Post>) -> Incoming {
    let letter = match post {
        Some(post) => post.receiver.recv().await,
        None => None,
    };
    match letter {
        Some(Letter { event, receipt }) => Incoming {
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
