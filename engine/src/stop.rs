//! Requests to stop, and what executions and map runs obey.

use tokio::sync::watch;

/// A request to stop that every part of a run can see: start no new work and wait for what runs. It cannot be withdrawn.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            sender: watch::Sender::new(false),
        }
    }
}

impl Stop {
    /// Makes the request.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the request was made.
    pub fn is_requested(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns once the request was made.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn requested(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        if receiver.wait_for(|stop| *stop).await.is_err() {
            futures::future::pending::<()>().await;
        }
    }
}

/// What an execution or a map run obeys while it is driven.
#[derive(Debug, Clone, Default)]
pub(crate) struct Control {
    /// Start nothing more and wait for what runs; the work can be taken up again later.
    pub(crate) stop: Stop,
    /// End now, as `StopExecution` ends an execution.
    pub(crate) abort: Stop,
    /// End before anything is done, for this reason.
    pub(crate) request: Option<StopRequest>,
}

/// Why a person ends an execution.
#[derive(Debug, Clone)]
pub(crate) struct StopRequest {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

impl Control {
    /// Control by a stop alone: there is no request to end.
    pub(crate) fn until(stop: &Stop) -> Self {
        Self {
            stop: stop.clone(),
            ..Self::default()
        }
    }
}
