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
    /// Waits for what comes next, and takes along what is there by then. False when the run has stopped.
    pub(super) async fn gather(&mut self) -> Result<bool> {
        let stop = self.stop.clone();
        // A map run that was asked to stop may have done so before this execution was told.
        if self.waits.is_empty() && !stop.is_requested() {
            return Err(self.stuck());
        }
        tokio::select! {
            biased;
            () = stop.requested() => return self.wind_down().await,
            () = asked(self.abort.as_ref()) => {
                self.end_as_asked();
                // Its tasks may not have been called yet: they need not be.
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

    /// Asked to stop: tasks and timers are dropped (they are asked for again), map runs, children and what it has started
    /// are waited for. A child's tasks are waited for, and until then its timers too: one of them may end the task.
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
                // To end is more than to stop.
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

/// Returns once it was asked for; never, where nobody can.
async fn asked(stop: Option<&Stop>) {
    match stop {
        Some(stop) => stop.requested().await,
        None => pending().await,
    }
}
