//! An execution of one state for `TestState`: where it starts, what is watched, and how a mock is answered.

use super::command::{Command, Ending};
use super::execution::Execution;
use super::fault::Fault;
use super::inspection::Inspection;
use super::track::ROOT;
use crate::data::{Document, Variables};
use crate::definition::States;
use crate::{StateError, Timestamp};
use std::cell::RefCell;
use std::sync::Arc;

impl Execution {
    /// Shows a stage to whoever inspects; nothing is made if nobody does.
    pub(super) fn inspect(&self, show: impl FnOnce(&mut Inspection)) {
        if let Some(inspection) = &self.inspection {
            show(&mut inspection.borrow_mut());
        }
    }

    /// Whether the execution ends after one state.
    pub(super) fn is_inspected(&self) -> bool {
        self.inspection.is_some()
    }

    /// Answers for a mocked Map or Parallel state.
    pub(crate) fn mock(&mut self, now: Timestamp, result: Result<Document, StateError>) {
        self.now = now;
        let Some(current) = self.current(ROOT) else { return };
        let Some(active) = current.active() else { return };
        let progress = match result {
            Ok(result) => self.finish_with_result(active, &result),
            Err(failure) => Err(Fault::plain(failure.error, failure.cause)),
        };
        self.proceed(active, progress);
    }

    /// Sets how often every retrier has been used.
    pub(crate) fn set_retries(&mut self, count: u32) {
        if let Some(track) = self.track_mut(ROOT) {
            track.retries.fill(count);
        }
    }

    /// An execution of one state, watched.
    pub(crate) fn inspected(mut self, states: &Arc<States>, at: usize, inspection: Inspection) -> Self {
        self.inspection = Some(Box::new(RefCell::new(inspection)));
        self.start_at = Some((states.clone(), at));
        self
    }

    /// Variables to start with.
    pub(crate) fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// What was seen.
    pub(crate) fn into_inspection(self) -> Inspection {
        self.inspection
            .map(|inspection| inspection.into_inner())
            .unwrap_or_default()
    }

    /// A part of what was seen so far.
    pub(crate) fn inspection_of<T>(&self, part: impl FnOnce(&Inspection) -> Option<T>) -> Option<T> {
        self.inspection
            .as_ref()
            .and_then(|inspection| part(&inspection.borrow()))
    }

    /// The tolerance of a Map: count and percentage.
    pub(crate) fn tolerance(&self) -> (Option<i64>, Option<f64>) {
        (
            self.inspection_of(|seen| seen.tolerated_count),
            self.inspection_of(|seen| seen.tolerated_percentage),
        )
    }

    /// How it ended, once it has.
    pub(crate) fn take_ending(&mut self) -> Option<Ending> {
        std::mem::take(&mut self.commands)
            .into_iter()
            .find_map(|command| match command {
                Command::Finish(ending) => Some(ending),
                Command::InvokeTask(_)
                | Command::CancelTask(_)
                | Command::StartTimer { .. }
                | Command::CancelTimer(_)
                | Command::StartMapRun(_)
                | Command::StopMapRun(_) => None,
            })
    }
}
