//! A whole definition, compiled.

use super::Resource;
use super::states::States;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A compiled definition. Cheap to share, immutable.
#[derive(Debug)]
pub struct StateMachine {
    pub(crate) states: Arc<States>,
    /// **Seconds** that an execution may take.
    pub(crate) timeout_seconds: Option<i64>,
    pub(crate) variable_references: BTreeMap<String, Vec<String>>,
}

impl StateMachine {
    /// **Seconds** that an execution may take; `None`: no limit of its own.
    pub const fn timeout_seconds(&self) -> Option<i64> {
        self.timeout_seconds
    }

    /// Which variables each state refers to, as `DescribeStateMachine` reports them; states without any are left out.
    pub const fn variable_references(&self) -> &BTreeMap<String, Vec<String>> {
        &self.variable_references
    }

    /// The item processor of the Map state with this name, as a machine: what the children of its map runs execute.
    pub fn item_processor(&self, map: &str) -> Option<Self> {
        self.states.processor_of(map).map(Self::of_processor)
    }

    /// What the children of a map run execute.
    pub(crate) fn of_processor(states: &Arc<States>) -> Self {
        Self {
            states: Arc::clone(states),
            timeout_seconds: None,
            variable_references: BTreeMap::new(),
        }
    }

    /// Every resource that a Task of the machine calls, nested ones included.
    pub fn resources(&self) -> Vec<&Resource> {
        let mut found = Vec::new();
        self.states.collect_resources(&mut found);
        found
    }
}
