//! What a supervisor has accepted: what waits, what runs, and who waits for an end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::ExecutionArn;
use tokio::sync::{Notify, watch};

use super::bounds::SupervisorBounds;
use crate::express::Express;
use crate::history_sink::HistorySink;
use crate::stop::StopRequest;
use crate::{Error, Result};

/// What is to be run.
pub(super) enum Work {
    Standard,
    Express(Box<Express>, HistorySink),
}

/// An accepted execution.
struct Entry {
    /// `None` once the execution runs.
    work: Option<Work>,
    stop: Option<StopRequest>,
    /// Tells why the execution broke off; dropped when it has ended or was left.
    end: watch::Sender<Option<String>>,
}

/// An execution whose turn has come.
pub(super) struct Turn {
    pub(super) arn: ExecutionArn,
    pub(super) work: Work,
    /// The execution ends at once.
    pub(super) stop: Option<StopRequest>,
}

/// Where a supervisor stands with an execution.
pub(super) enum Phase {
    /// The execution runs; the request is given back.
    Running(StopRequest),
    /// The execution waits for its turn, which comes at once.
    Waiting(watch::Receiver<Option<String>>),
    Unknown,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<ExecutionArn, Entry>,
    waiting: VecDeque<ExecutionArn>,
    /// Executions to be ended at once: they take no turn from others.
    urgent: VecDeque<ExecutionArn>,
    /// Seats that were given out and not taken yet.
    reserved: usize,
    express_sync: usize,
    express: u64,
    draining: bool,
}

/// What a supervisor has accepted.
pub(super) struct Queue {
    bounds: SupervisorBounds,
    state: Mutex<State>,
    changed: Notify,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

/// A place in the queue; given back when it is dropped.
pub(super) struct Seat {
    queue: Arc<Queue>,
}

impl Seat {
    /// Queues an execution, unless the supervisor has it already.
    pub(super) fn take(self, arn: ExecutionArn, work: Work) {
        self.queue.state().enqueue(arn, work);
        self.queue.changed.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.queue.state().reserved -= 1;
    }
}

/// A synchronous Express execution's part of the bound; given back when it is dropped.
pub(super) struct ExpressSeat {
    queue: Arc<Queue>,
}

impl Drop for ExpressSeat {
    fn drop(&mut self) {
        self.queue.state().express_sync -= 1;
    }
}

impl State {
    fn enqueue(&mut self, arn: ExecutionArn, work: Work) {
        if self.entries.contains_key(&arn) {
            return;
        }
        let entry = Entry {
            work: Some(work),
            stop: None,
            end: watch::Sender::new(None),
        };
        self.entries.insert(arn.clone(), entry);
        self.waiting.push_back(arn);
    }

    fn running(&self) -> usize {
        self.entries.len() - self.waiting.len() - self.urgent.len()
    }
}

impl Queue {
    pub(super) fn new(bounds: SupervisorBounds, recovered: impl IntoIterator<Item = ExecutionArn>) -> Self {
        let mut state = State::default();
        for arn in recovered {
            state.enqueue(arn, Work::Standard);
        }
        Self {
            bounds,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for one more execution.
    pub(super) fn reserve(self: &Arc<Self>) -> Result<Seat> {
        let mut state = self.state();
        if state.draining {
            return Err(Error::Draining);
        }
        let bound = self.bounds.waiting_max;
        if state.waiting.len() + state.reserved >= bound {
            return Err(Error::Busy {
                what: "waiting executions",
                bound,
            });
        }
        state.reserved += 1;
        Ok(Seat {
            queue: Arc::clone(self),
        })
    }

    pub(super) fn reserve_express_sync(self: &Arc<Self>) -> Result<ExpressSeat> {
        let mut state = self.state();
        if state.draining {
            return Err(Error::Draining);
        }
        let bound = self.bounds.express_sync_max;
        if state.express_sync >= bound {
            return Err(Error::Busy {
                what: "synchronous Express executions",
                bound,
            });
        }
        state.express_sync += 1;
        Ok(ExpressSeat {
            queue: Arc::clone(self),
        })
    }

    /// Tells Express executions of one name apart.
    pub(super) fn next_ordinal(&self) -> u64 {
        let mut state = self.state();
        state.express += 1;
        state.express
    }

    /// Asks an execution that waits to end, and says where the supervisor stands with it.
    pub(super) fn stop(&self, arn: &ExecutionArn, request: StopRequest) -> Phase {
        let mut state = self.state();
        let State {
            entries,
            waiting,
            urgent,
            ..
        } = &mut *state;
        let Some(entry) = entries.get_mut(arn) else {
            return Phase::Unknown;
        };
        if entry.work.is_none() {
            return Phase::Running(request);
        }
        if let Some(at) = waiting.iter().position(|waits| waits == arn) {
            waiting.remove(at);
            urgent.push_back(arn.clone());
        }
        entry.stop = Some(request);
        let end = entry.end.subscribe();
        drop(state);
        self.changed.notify_one();
        Phase::Waiting(end)
    }

    /// Tells of an accepted execution's end.
    pub(super) fn end_of(&self, arn: &ExecutionArn) -> Option<watch::Receiver<Option<String>>> {
        self.state().entries.get(arn).map(|entry| entry.end.subscribe())
    }

    /// The next execution that may run, as long as there is room or the execution only ends.
    pub(super) fn next(&self, has_room: bool) -> Option<Turn> {
        let mut state = self.state();
        if state.draining {
            return None;
        }
        let urgent = state.urgent.pop_front();
        let arn = match urgent {
            Some(arn) => arn,
            None if has_room => state.waiting.pop_front()?,
            None => return None,
        };
        let entry = state.entries.get_mut(&arn)?;
        Some(Turn {
            work: entry.work.take()?,
            stop: entry.stop.take(),
            arn,
        })
    }

    /// Returns once something was queued or asked to end.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// An execution has ended, was left, or broke off for a reason.
    pub(super) fn settle(&self, arn: &ExecutionArn, broke_off: Option<String>) {
        let entry = self.state().entries.remove(arn);
        if let (Some(entry), Some(reason)) = (entry, broke_off) {
            entry.end.send_replace(Some(reason));
        }
    }

    /// Takes nothing on any more.
    pub(super) fn drain(&self) {
        self.state().draining = true;
    }

    /// Wakes everybody who waits for an end: what is left is taken up at the next start.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.draining = true;
        state.waiting.clear();
        state.urgent.clear();
        state.entries.clear();
    }

    /// Executions that wait and executions that run.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.waiting.len(), state.running())
    }
}
