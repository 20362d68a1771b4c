//! The compiled definition: what the parser makes of the JSON, and the interpreter walks over.
//!
//! One file per kind of state holds its fields and how they are read. Nothing here is changed after parsing.

pub(crate) mod choice;
pub(crate) mod fields;
pub(crate) mod io;
pub(crate) mod map;
pub(crate) mod resource;
pub(crate) mod retry;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod wait;

pub use resource::{Integration, Pattern, Resource};

use crate::Text;
use serde::{Deserialize, Serialize};
use state::{Kind, State};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How an execution runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionType {
    /// Exactly once, with a history, up to a year.
    #[default]
    Standard,
    /// At least once, up to five minutes.
    Express,
}

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

/// How expressions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

impl QueryLanguage {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "JSONPath" => Some(Self::JsonPath),
            "JSONata" => Some(Self::Jsonata),
            _ => None,
        }
    }
}

/// `StartAt` with `States`: a machine, a branch of a Parallel, the processor of a Map.
#[derive(Debug)]
pub(crate) struct States {
    pub(crate) start_at: usize,
    pub(crate) list: Vec<State>,
    /// Whether all of it could be read; if not, it is only looked at for more faults.
    pub(crate) complete: bool,
}

impl States {
    pub(crate) fn get(&self, at: usize) -> Option<&State> {
        self.list.get(at)
    }

    /// At any depth; the names of all states of a machine differ.
    fn processor_of(&self, map: &str) -> Option<&Arc<Self>> {
        self.list.iter().find_map(|state| match &state.kind {
            Kind::Map(found) if &*state.name == map => Some(&found.processor),
            Kind::Map(outer) => outer.processor.processor_of(map),
            Kind::Parallel(branches) => branches.iter().find_map(|branch| branch.processor_of(map)),
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => None,
        })
    }

    fn collect_resources<'a>(&'a self, found: &mut Vec<&'a Resource>) {
        for state in &self.list {
            state.kind.collect_resources(found);
        }
    }
}

/// Where a state leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    State(usize),
    End,
}

/// A name shared with the history.
pub(crate) type Name = Text;
