//! Which variables each state refers to: the static analysis behind `variableReferences`.

use crate::data::jsonata::{Query, QueryTemplate};
use crate::data::{Expression, Reference, Template};
use crate::definition::States;
use crate::definition::choice::{Choice, Condition, Operand, Test};
use crate::definition::io::{Io, PathIo, QueryIo};
use crate::definition::map::{Distributed, ItemsFrom, Map, Payload};
use crate::definition::retry::{CatchIo, Catcher};
use crate::definition::setting::{Filter, Setting, TextSetting};
use crate::definition::state::{Kind, State};
use crate::definition::task::{Credentials, Fail, Task};
use crate::definition::wait::Wait;
use std::collections::{BTreeMap, BTreeSet};

/// State → variables, sorted; states without any are left out.
pub(crate) fn variable_references(states: &States) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    collect(states, &mut found);
    found
}

fn collect(states: &States, found: &mut BTreeMap<String, Vec<String>>) {
    for state in &states.list {
        let mut names = Names::default();
        names.of_state(state);
        if !names.0.is_empty() {
            found.insert(state.name.to_string(), names.0.into_iter().collect());
        }
        match &state.kind {
            Kind::Parallel(branches) => branches.iter().for_each(|branch| collect(branch, found)),
            Kind::Map(map) => collect(&map.processor, found),
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => {}
        }
    }
}

/// The names of one state.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn of_state(&mut self, state: &State) {
        match &state.io {
            Io::Paths(io) => self.of_paths(io),
            Io::Query(io) => self.of_queries(io),
        }
        match &state.kind {
            Kind::Task(task) => self.of_task(task),
            Kind::Choice(choice) => self.of_choice(choice),
            Kind::Wait(wait) => self.of_wait(wait),
            Kind::Fail(fail) => self.of_fail(fail),
            Kind::Map(map) => self.of_map(map),
            Kind::Pass(_) | Kind::Succeed | Kind::Parallel(_) => {}
        }
        state.catch.iter().for_each(|catcher| self.of_catcher(catcher));
    }

    fn of_paths(&mut self, io: &PathIo) {
        self.filter(&io.input);
        self.filter(&io.output);
        [&io.parameters, &io.selector, &io.assign]
            .into_iter()
            .flatten()
            .for_each(|template| self.template(template));
    }

    fn of_queries(&mut self, io: &QueryIo) {
        [&io.arguments, &io.output, &io.assign]
            .into_iter()
            .flatten()
            .for_each(|template| self.queries(template));
    }

    fn of_task(&mut self, task: &Task) {
        [&task.timeout, &task.heartbeat]
            .into_iter()
            .flatten()
            .for_each(|setting| self.setting(setting));
        match &task.credentials {
            Some(Credentials::Paths(template)) => self.template(template),
            Some(Credentials::Query(template)) => self.queries(template),
            None => {}
        }
    }

    fn of_choice(&mut self, choice: &Choice) {
        for rule in &choice.rules {
            self.condition(&rule.condition);
            rule.assign.iter().for_each(|template| self.template(template));
            [&rule.query_assign, &rule.output]
                .into_iter()
                .flatten()
                .for_each(|template| self.queries(template));
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| self.condition(one)),
            Condition::Not(inner) => self.condition(inner),
            Condition::Query(query) => self.query(query),
            Condition::Test { variable, test } => {
                self.reference(variable);
                self.test(test);
            }
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::BooleanEquals(Operand::Path(path))
            | Test::String(_, Operand::Path(path))
            | Test::Numeric(_, Operand::Path(path))
            | Test::Timestamp(_, Operand::Path(path)) => self.reference(path),
            Test::Is(..)
            | Test::Matches(_)
            | Test::BooleanEquals(Operand::Literal(_))
            | Test::String(_, Operand::Literal(_))
            | Test::Numeric(_, Operand::Literal(_))
            | Test::Timestamp(_, Operand::Literal(_)) => {}
        }
    }

    fn of_wait(&mut self, wait: &Wait) {
        match wait {
            Wait::Seconds(setting) => self.setting(setting),
            Wait::Until(setting) => self.setting(setting),
        }
    }

    fn of_fail(&mut self, fail: &Fail) {
        for setting in [&fail.error, &fail.cause].into_iter().flatten() {
            match setting {
                TextSetting::Fixed(_) => {}
                TextSetting::Expression(expression) => self.expression(expression),
                TextSetting::Query(query) => self.query(query),
            }
        }
    }

    fn of_map(&mut self, map: &Map) {
        match &map.items {
            ItemsFrom::Input => {}
            ItemsFrom::Path(reference) => self.reference(reference),
            ItemsFrom::Query(query) => self.query(query),
            ItemsFrom::Template(template) => self.queries(template),
        }
        map.selector.iter().for_each(|payload| self.payload(payload));
        [&map.max_concurrency, &map.tolerance.count]
            .into_iter()
            .flatten()
            .for_each(|setting| self.setting(setting));
        map.tolerance
            .percentage
            .iter()
            .for_each(|setting| self.setting(setting));
        map.distributed
            .iter()
            .for_each(|distributed| self.of_distributed(distributed));
    }

    fn of_distributed(&mut self, distributed: &Distributed) {
        if let Some(reader) = &distributed.reader {
            reader.arguments.iter().for_each(|payload| self.payload(payload));
            reader.config.max_items.iter().for_each(|setting| self.setting(setting));
        }
        if let Some(batcher) = &distributed.batcher {
            batcher.batch_input.iter().for_each(|payload| self.payload(payload));
            let limits = [&batcher.items_per_batch_max, &batcher.input_bytes_per_batch_max];
            limits.into_iter().flatten().for_each(|setting| self.setting(setting));
        }
        if let Some(writer) = &distributed.writer {
            writer.arguments.iter().for_each(|payload| self.payload(payload));
        }
    }

    fn of_catcher(&mut self, catcher: &Catcher) {
        match &catcher.io {
            CatchIo::Paths { assign, .. } => assign.iter().for_each(|template| self.template(template)),
            CatchIo::Query { output, assign } => {
                [output, assign]
                    .into_iter()
                    .flatten()
                    .for_each(|template| self.queries(template));
            }
        }
    }

    fn filter(&mut self, filter: &Filter) {
        if let Filter::Select(reference) = filter {
            self.reference(reference);
        }
    }

    fn setting<T>(&mut self, setting: &Setting<T>) {
        match setting {
            Setting::Fixed(_) => {}
            Setting::Path(reference) => self.reference(reference),
            Setting::Query(query) => self.query(query),
        }
    }

    fn payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Paths(template) => self.template(template),
            Payload::Query(template) => self.queries(template),
        }
    }

    fn template(&mut self, template: &Template) {
        template.expressions(&mut |expression| self.expression(expression));
    }

    fn queries(&mut self, template: &QueryTemplate) {
        template.queries(&mut |query| self.query(query));
    }

    fn expression(&mut self, expression: &Expression) {
        expression.references(&mut |reference| self.reference(reference));
    }

    fn reference(&mut self, reference: &Reference) {
        self.0.extend(reference.variable().map(ToString::to_string));
    }

    fn query(&mut self, query: &Query) {
        query.variables(&mut |name| {
            self.0.insert(name.to_owned());
        });
    }
}
