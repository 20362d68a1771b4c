//! Names that two states of a machine have: AWS wants them to differ at any depth.

use super::processor_name;
use crate::definition::States;
use crate::definition::state::Kind;
use crate::report::{DUPLICATE_STATE_NAME, Report, escape};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn check(states: &States, root: &Value, report: &mut Report) {
    walk(states, "", root, &mut BTreeSet::new(), report);
}

fn walk<'a>(states: &'a States, pointer: &str, root: &Value, seen: &mut BTreeSet<&'a str>, report: &mut Report) {
    for state in &states.list {
        let place = format!("{pointer}/States/{}", escape(&state.name));
        if !seen.insert(&state.name) {
            let message = format!("Duplicate State name: {}", state.name);
            report.refuse(DUPLICATE_STATE_NAME, place.clone(), message);
        }
        match &state.kind {
            Kind::Map(map) => {
                let processor = format!("{place}/{}", processor_name(root, &place));
                walk(&map.processor, &processor, root, seen, report);
            }
            Kind::Parallel(branches) => {
                for (at, branch) in branches.iter().enumerate() {
                    walk(branch, &format!("{place}/Branches/{at}"), root, seen, report);
                }
            }
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => {}
        }
    }
}
