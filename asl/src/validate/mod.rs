//! What can be said about a definition beyond its shape: flow, variables, and faults that nobody else catches.
//!
//! Findings here are warnings of our own: AWS takes the definition, but it probably does not do what was meant.

mod flow;
mod maps;
mod names;
mod tokens;
mod variables;

pub(crate) use variables::variable_references;

use crate::definition::state::{Kind, State};
use crate::definition::{StateMachine, States};
use crate::report::{Report, escape};
use serde_json::Value;

/// Adds what is suspicious about a machine that could be read.
pub(crate) fn check(machine: &StateMachine, root: &Value, report: &mut Report) {
    check_states(&machine.states, "", root, report);
    names::check(&machine.states, root, report);
}

fn check_states(states: &States, pointer: &str, root: &Value, report: &mut Report) {
    flow::check(states, pointer, report);
    for state in &states.list {
        let place = format!("{pointer}/States/{}", escape(&state.name));
        check_state(state, &place, root, report);
        match &state.kind {
            Kind::Map(map) => check_states(
                &map.processor,
                &format!("{place}/{}", processor_name(root, &place)),
                root,
                report,
            ),
            Kind::Parallel(branches) => {
                for (at, branch) in branches.iter().enumerate() {
                    check_states(branch, &format!("{place}/Branches/{at}"), root, report);
                }
            }
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => {}
        }
    }
}

fn check_state(state: &State, place: &str, root: &Value, report: &mut Report) {
    match &state.kind {
        Kind::Task(task) => tokens::check(state, task, place, report),
        Kind::Map(map) => maps::check(map, place, root, report),
        Kind::Pass(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) | Kind::Parallel(_) => {}
    }
}

pub(super) fn processor_name(root: &Value, place: &str) -> &'static str {
    if root.pointer(&format!("{place}/ItemProcessor")).is_some() {
        "ItemProcessor"
    } else {
        "Iterator"
    }
}
