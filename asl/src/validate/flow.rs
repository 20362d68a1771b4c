//! States that nothing leads to, walks without an end, and data that a result replaces although it is wanted again.

use crate::data::expression::Root;
use crate::data::{Reference, Template};
use crate::definition::choice::Condition;
use crate::definition::io::{Io, PathIo};
use crate::definition::map::{ItemsFrom, Payload};
use crate::definition::setting::{Filter, ResultPath, Setting};
use crate::definition::state::{Kind, State};
use crate::definition::wait::Wait;
use crate::definition::{Next, States};
use crate::report::{MISSING_TRANSITION_TARGET, Report, escape};
use crate::{Pattern, Resource};
use std::collections::BTreeSet;

pub(super) fn check(states: &States, pointer: &str, report: &mut Report) {
    if states.complete && !states.list.iter().any(ends) {
        let message = "no state ends here: the walk goes round until a limit stops it".to_owned();
        report.warn(format!("{pointer}/States"), message);
    }
    let reached = reached(states);
    for (at, state) in states.list.iter().enumerate() {
        let place = format!("{pointer}/States/{}", escape(&state.name));
        if states.complete && !reached.contains(&at) {
            report.refuse(
                MISSING_TRANSITION_TARGET,
                place.clone(),
                format!("State \"{}\" is not reachable.", state.name),
            );
        }
        if let Some(Next::State(next)) = state.next
            && let Some(next) = states.get(next)
        {
            check_lost(state, next, &place, report);
        }
    }
}

/// Whether the walk may end here.
fn ends(state: &State) -> bool {
    state.next == Some(Next::End) || matches!(state.kind, Kind::Succeed | Kind::Fail(_))
}

fn reached(states: &States) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![states.start_at]);
    while let Some(at) = open.pop() {
        if reached.insert(at) {
            open.extend(states.get(at).into_iter().flat_map(targets));
        }
    }
    reached
}

fn targets(state: &State) -> Vec<usize> {
    let mut all: Vec<Next> = state
        .next
        .into_iter()
        .chain(state.catch.iter().map(|catcher| catcher.next))
        .collect();
    if let Kind::Choice(choice) = &state.kind {
        all.extend(choice.rules.iter().map(|rule| rule.next).chain(choice.default));
    }
    let target = |next| match next {
        Next::State(at) => Some(at),
        Next::End => None,
    };
    all.into_iter().filter_map(target).collect()
}

/// The result of a service replaces the input, and the next state wants what only the input had.
fn check_lost(state: &State, next: &State, place: &str, report: &mut Report) {
    let Io::Paths(io) = &state.io else { return };
    if io.result != ResultPath::Replace || io.selector.is_some() || !replaces(&state.kind) {
        return;
    }
    let (before, after) = (reads(state), reads(next));
    if let Some(name) = before.intersection(&after).next() {
        let message = format!(
            "the result replaces the input, but '{}' reads '$.{name}' of it again: ResultPath is missing",
            next.name
        );
        report.warn(place.to_owned(), message);
    }
}

/// Whether the result is known not to hold the input's members.
fn replaces(kind: &Kind) -> bool {
    match kind {
        Kind::Task(task) => {
            matches!(&task.resource, Resource::Integration(integration) if integration.pattern == Pattern::RequestResponse)
        }
        Kind::Map(_) | Kind::Parallel(_) => true,
        Kind::Pass(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => false,
    }
}

/// Members of its input that a state reads.
fn reads(state: &State) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Io::Paths(io) = &state.io else { return names };
    match &io.input {
        Filter::Nothing => {}
        Filter::Select(reference) => add(&mut names, reference),
        Filter::Whole => read_by_fields(state, io, &mut names),
    }
    names
}

fn read_by_fields(state: &State, io: &PathIo, names: &mut BTreeSet<String>) {
    io.parameters.iter().for_each(|template| add_template(names, template));
    match &state.kind {
        Kind::Choice(choice) => choice
            .rules
            .iter()
            .for_each(|rule| add_condition(names, &rule.condition)),
        Kind::Wait(Wait::Seconds(Setting::Path(reference)) | Wait::Until(Setting::Path(reference))) => {
            add(names, reference);
        }
        Kind::Map(map) => {
            if let ItemsFrom::Path(reference) = &map.items {
                add(names, reference);
            }
            if let Some(Payload::Paths(template)) = &map.selector {
                add_template(names, template);
            }
        }
        Kind::Wait(_) | Kind::Pass(_) | Kind::Task(_) | Kind::Succeed | Kind::Fail(_) | Kind::Parallel(_) => {}
    }
}

fn add(names: &mut BTreeSet<String>, reference: &Reference) {
    if reference.root == Root::Input {
        names.extend(reference.first_name().map(str::to_owned));
    }
}

fn add_template(names: &mut BTreeSet<String>, template: &Template) {
    template.expressions(&mut |expression| expression.references(&mut |reference| add(names, reference)));
}

fn add_condition(names: &mut BTreeSet<String>, condition: &Condition) {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| add_condition(names, one)),
        Condition::Not(inner) => add_condition(names, inner),
        Condition::Test { variable, .. } => add(names, variable),
        Condition::Query(_) => {}
    }
}
