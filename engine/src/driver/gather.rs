//! What an execution waits for: answers, messages, requests to end and to stop.

use asl::{Ending, Event, StateError, error_name};
use futures::future::pending;
use futures::{FutureExt, StreamExt};

use super::Driver;
use super::effect::{Completion, Incoming, next_message};
use crate::map_run::MapRunEnd;
use crate::wait::Wait;
use crate::{Error, Result, Stop, limits};

impl Driver {
    /// Waits for the next event and takes along all others that are ready by then. `false` when the execution has stopped.
    pub(super) async fn gather(&mut self) -> Result<bool> {
        let stop = self.stop.clone();
        // A map run may have stopped before this execution saw the same request.
        if self.waits.is_empty() && !stop.is_requested() {
            return Err(self.stuck());
        }
        tokio::select! {
            biased;
            () = stop.requested() => return self.wind_down().await,
            () = asked(self.abort.as_ref()) => {
                self.end_as_asked();
                // Tasks that have not been called yet need not be called any more.
                return Ok(true);
            }
            () = &mut self.time => {
                self.run_out_of_time();
                return Ok(true);
            }
            message = next_message(&mut self.inbox) => self.ready.push(message),
            Some(answer) = self.waits.next() => self.complete(answer)?,
            Some(ended) = self.companions.0.next() => ended?,
        }
        while self.ready.len() < limits::EVENTS_PER_APPEND_MAX
            && let Some(Some(answer)) = self.waits.next().now_or_never()
        {
            self.complete(answer)?;
        }
        Ok(true)
    }

    fn run_out_of_time(&mut self) {
        self.ending = Some(Ending::TimedOut(StateError::named(error_name::TIMEOUT)));
    }

    fn end_as_asked(&mut self) {
        self.abort = None;
        let (error, cause) = (None, None);
        self.ready.push(Event::Stop { error, cause }.into());
    }

    fn complete(&mut self, answer: Completion) -> Result<()> {
        match answer {
            Completion::Event(event) => self.ready.push(Incoming::from(*event)),
            Completion::Accepted(event, after) => self.ready.push(Incoming {
                after: Some(after),
                ..event.into()
            }),
            Completion::Resumed(after) => self.continue_with(after),
            Completion::MapRun(map_run, MapRunEnd::Result(result), started) => {
                self.companions.take_on(started);
                self.aborts.remove(&map_run);
                if !self.aborted.remove(&map_run) {
                    self.ready.push(Event::MapRunEnded { map_run, result }.into());
                }
            }
            Completion::MapRun(_, MapRunEnd::Stopped, started) => self.companions.take_on(started),
            Completion::Cancelled | Completion::Stopped => {}
            Completion::Halted(failure) => {
                return Err(Error::Halted {
                    error: failure.error,
                    cause: failure.cause,
                });
            }
            Completion::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Stops: drops tasks and timers of a journalled execution, which are asked for again after a recovery, and waits for
    /// map runs and started executions. The tasks of an execution without a journal are waited for, and its timers as long
    /// as tasks run, because a timer may end a task.
    async fn wind_down(&mut self) -> Result<bool> {
        let drops = |task| self.recorder.is_some() || self.registrations.contains_key(task);
        let works = self
            .handles
            .keys()
            .any(|wait| matches!(wait, Wait::Task(task) if !drops(task)));
        for (wait, handle) in &self.handles {
            let dropped = match wait {
                Wait::Timer(_) => !works,
                Wait::Task(task) => drops(task),
                Wait::MapRun(_) => false,
            };
            if dropped {
                handle.abort();
            }
        }
        loop {
            if self.waits.is_empty() && self.companions.0.is_empty() {
                return Ok(false);
            }
            tokio::select! {
                biased;
                // A request to end outweighs a request to stop.
                () = asked(self.abort.as_ref()) => self.end_as_asked(),
                () = &mut self.time => {
                    self.run_out_of_time();
                    return Ok(true);
                }
                Some(answer) = self.waits.next() => self.complete(answer)?,
                Some(ended) = self.companions.0.next() => ended?,
            }
            if !self.ready.is_empty() {
                return Ok(true);
            }
        }
    }
}

/// Returns once the request was made; never, without a `Stop`.
async fn asked(stop: Option<&Stop>) {
    match stop {
        Some(stop) => stop.requested().await,
        None => pending().await,
    }
}
