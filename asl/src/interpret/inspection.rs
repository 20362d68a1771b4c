//! What `TestState` looks at: the data of a state at each stage of its flow.

use super::execution::Execution;
use super::simple::Passed;
use crate::data::Document;
use serde_json::Value;
use std::sync::Arc;

type Seen = Option<Arc<Value>>;

/// The data of one state, stage by stage.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inspection {
    pub(crate) after_input_path: Seen,
    pub(crate) after_parameters: Seen,
    pub(crate) after_arguments: Seen,
    pub(crate) result: Seen,
    pub(crate) after_result_selector: Seen,
    pub(crate) after_result_path: Seen,
    pub(crate) after_items_path: Seen,
    pub(crate) catch_index: Option<usize>,
}

impl Inspection {
    /// A Pass state; one with a `Result` does not look at its input.
    pub(super) fn after_pass(&mut self, _raw: &Document, has_result: bool, passed: &Passed) {
        if has_result {
            self.result = Some(passed.result.value().clone());
        } else {
            self.after_input_path = Some(passed.after_input.value().clone());
            self.after_parameters = Some(passed.after_parameters.value().clone());
        }
        self.after_result_selector = Some(passed.result.value().clone());
        self.after_result_path = Some(passed.combined.value().clone());
    }

    /// A Map state that has found its items.
    pub(super) fn of_map(&mut self, input: &Document, items: &Value, reads: bool) {
        self.after_input_path = Some(input.value().clone());
        if !reads {
            self.after_items_path = Some(Arc::new(items.clone()));
        }
    }
}

impl Execution {
    /// Shows a stage to whoever inspects; nothing is made if nobody does.
    pub(super) fn inspect(&self, show: impl FnOnce(&mut Inspection)) {
        if let Some(inspection) = &self.inspection {
            show(&mut inspection.borrow_mut());
        }
    }
}
