//! Tasks that wait for a token which they never hand out.

use crate::data::Template;
use crate::data::expression::Root;
use crate::data::jsonata::QueryTemplate;
use crate::definition::io::Io;
use crate::definition::state::State;
use crate::definition::task::Task;
use crate::report::Report;
use crate::{Pattern, Resource};

pub(super) fn check(state: &State, task: &Task, place: &str, report: &mut Report) {
    let waits = matches!(&task.resource, Resource::Integration(integration) if integration.pattern == Pattern::WaitForTaskToken);
    let handed = match &state.io {
        Io::Paths(io) => io.parameters.as_ref().is_some_and(hands_out),
        Io::Query(io) => io.arguments.as_ref().is_some_and(query_hands_out),
    };
    if waits && !handed {
        let message = "the task waits for a token that it never hands out: '$$.Task.Token' is missing";
        report.warn(format!("{place}/Resource"), message.to_owned());
    }
}

fn hands_out(template: &Template) -> bool {
    let mut handed = false;
    template.expressions(&mut |expression| {
        expression.references(&mut |reference| {
            handed |= reference.root == Root::Context && reference.first_name().is_none_or(|name| name == "Task");
        });
    });
    handed
}

fn query_hands_out(template: &QueryTemplate) -> bool {
    let mut handed = false;
    template.queries(&mut |query| handed |= query.text.contains("Task") || query.text.contains("context"));
    handed
}
