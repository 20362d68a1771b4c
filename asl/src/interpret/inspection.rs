//! What `TestState` looks at: the data of a state at each stage of its flow.

use super::flow::Passed;
use crate::data::Document;
use crate::{StateError, Text};
use serde_json::Value;
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
    pub(super) fn after_pass(&mut self, has_result: bool, passed: &Passed) {
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
