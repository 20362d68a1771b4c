//! What `TestState` looks at: the data of a state at each stage of its flow.

use super::command::{Command, Ending};
use super::execution::Execution;
use super::fault::Fault;
use super::simple::Passed;
use super::track::ROOT;
use crate::data::{Document, Variables};
use crate::definition::States;
use crate::{StateError, Text, Timestamp};
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;

type Seen = Option<Document>;

/// The data of one state, stage by stage, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    pub(crate) after_input_path: Seen,
    pub(crate) after_parameters: Seen,
    pub(crate) after_arguments: Seen,
    pub(crate) result: Seen,
    pub(crate) after_result_selector: Seen,
    pub(crate) after_result_path: Seen,
    pub(crate) after_items_path: Seen,
    pub(crate) after_item_selector: Seen,
    pub(crate) items_count: Option<usize>,
    pub(crate) concurrency_max: Option<i64>,
    pub(crate) tolerated_count: Option<i64>,
    pub(crate) tolerated_percentage: Option<f64>,
    pub(crate) catch_index: Option<usize>,
    pub(crate) retry_index: Option<usize>,
    /// **Seconds**, if there is a retry left.
    pub(crate) retry_backoff_seconds: Option<f64>,
    pub(crate) failure: Option<StateError>,
    pub(crate) next_state: Option<Text>,
    /// The context object to show instead of the execution's own.
    pub(crate) context: Option<Arc<Value>>,
}

impl Inspection {
    /// A Pass state; one with a `Result` does not look at its input.
    pub(super) fn after_pass(&mut self, _raw: &Document, has_result: bool, passed: &Passed) {
        if has_result {
            self.result = Some(passed.result.clone());
        } else {
            self.after_input_path = Some(passed.after_input.clone());
            self.after_parameters = Some(passed.after_parameters.clone());
        }
        self.after_result_selector = Some(passed.result.clone());
        self.after_result_path = Some(passed.combined.clone());
    }

    /// A Map state that has found its items.
    pub(super) fn of_items(&mut self, items: &Document) {
        self.items_count = items.value().as_array().map(Vec::len);
        self.after_items_path = Some(items.clone());
    }
}

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
        let Some(state) = current.state() else { return };
        let progress = match result {
            Ok(result) => self.finish_with_result(ROOT, state, &result),
            Err(failure) => Err(Fault::plain(failure.error, failure.cause)),
        };
        self.proceed(ROOT, state, progress);
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
