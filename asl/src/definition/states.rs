//! `StartAt` with `States`: a machine, a branch of a Parallel, the processor of a Map.
//!
//! In a circle with `state` and `map`, as in the language: a state of kind Map or Parallel holds states.

use super::Resource;
use super::fields::Fields;
use super::state::{Kind, State};
use crate::limits::STATE_NAME_CHARACTERS_MAX;
use serde_json::Value;
use std::sync::Arc;

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
    pub(super) fn processor_of(&self, map: &str) -> Option<&Arc<Self>> {
        self.list.iter().find_map(|state| match &state.kind {
            Kind::Map(found) if &*state.name == map => Some(&found.processor),
            Kind::Map(outer) => outer.processor.processor_of(map),
            Kind::Parallel(branches) => branches.iter().find_map(|branch| branch.processor_of(map)),
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => None,
        })
    }

    pub(super) fn collect_resources<'a>(&'a self, found: &mut Vec<&'a Resource>) {
        for state in &self.list {
            state.kind.collect_resources(found);
        }
    }
}

/// Reads `StartAt` and `States`, at the top, in a branch or in a processor.
pub(crate) fn read_states(fields: &mut Fields<'_, '_>) -> Option<States> {
    let missing: Vec<_> = ["States", "StartAt"]
        .into_iter()
        .filter(|name| !fields.has(name))
        .collect();
    if !missing.is_empty() {
        fields.refuse(&format!("These fields are required: [{}]", missing.join(", ")));
    }
    let members = fields.members();
    fields.value("States")?;
    let Some(states) = members.get("States").and_then(Value::as_object) else {
        fields.refuse_at("States", "Expected value of type Object");
        return None;
    };
    if states.is_empty() {
        fields.refuse_at("States", "Object is too small (minimum 1)");
    }
    let names: Vec<&str> = states.keys().map(String::as_str).collect();
    let start_at = fields.start_among(&names);
    let mut list = Vec::with_capacity(names.len());
    for (name, value) in states {
        if name.chars().count() > STATE_NAME_CHARACTERS_MAX {
            fields.refuse_at("States", "State name cannot exceed 80 characters");
        }
        list.push(fields.sub(value, &["States", name], &names, |state| State::read(name, state)));
    }
    let complete = start_at.is_some() && list.iter().all(Option::is_some);
    let read = |(state, name): (Option<State>, &&str)| state.unwrap_or_else(|| State::unreadable(name));
    Some(States {
        start_at: start_at.unwrap_or_default(),
        list: list.into_iter().zip(&names).map(read).collect(),
        complete,
    })
}

/// Reads the states of a branch or processor; with `express`, the rules of Express executions hold for them.
pub(crate) fn read_nested_states(fields: &mut Fields<'_, '_>, express: bool) -> Option<States> {
    let outside = fields.enter_express(express);
    let states = read_states(fields);
    fields.leave_express(outside);
    states
}
