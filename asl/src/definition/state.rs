//! One state: its kind, its data flow, what happens when it fails, and where it leads.

use super::Resource;
use super::choice::Choice;
use super::fields::Fields;
use super::io::{Has, Io};
use super::map::Map;
use super::retry::{Catcher, Retrier};
use super::setting::Next;
use super::states::{States, read_nested_states};
use super::task::{Fail, Task};
use super::wait::Wait;
use crate::Text;
use crate::history::EventKind;
use serde_json::Value;
use std::sync::Arc;

/// A compiled state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) io: Io,
    /// `None` where the kind decides: Choice, Succeed, Fail.
    pub(crate) next: Option<Next>,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
}

/// The kinds of states.
#[derive(Debug)]
pub(crate) enum Kind {
    Pass(Option<Arc<Value>>),
    Task(Box<Task>),
    Choice(Choice),
    Wait(Wait),
    Succeed,
    Fail(Fail),
    Parallel(Vec<Arc<States>>),
    Map(Box<Map>),
}

const KINDS: [&str; 8] = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

impl State {
    /// Reads a state; `None` if it cannot be made sense of.
    pub(crate) fn read(name: &str, fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.text("Comment");
        fields.read_state_language();
        let kind_name = read_kind_name(fields)?;
        let kind = Kind::read(kind_name, fields);
        let retriable = matches!(kind_name, "Task" | "Parallel" | "Map");
        let io = Io::read(fields, has(kind_name));
        let retry = if retriable {
            Retrier::read_all(fields)
        } else {
            Vec::new()
        };
        let catch = if retriable {
            Catcher::read_all(fields)
        } else {
            Vec::new()
        };
        let leads = !matches!(kind_name, "Choice" | "Succeed" | "Fail");
        let next = if leads { read_next(fields) } else { None };
        if !retriable {
            fields.refuse_fields(&["Retry", "Catch"]);
        }
        if kind_name != "Task" {
            fields.refuse_fields(&[
                "TimeoutSeconds",
                "TimeoutSecondsPath",
                "HeartbeatSeconds",
                "HeartbeatSecondsPath",
            ]);
        }
        fields.report_unread();
        Some(Self {
            name: name.into(),
            kind: kind?,
            io,
            next,
            retry,
            catch,
        })
    }

    /// Stands for a state that could not be read, so that the others can be looked at.
    pub(crate) fn unreadable(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Succeed,
            io: Io::Paths(Box::default()),
            next: None,
            retry: Vec::new(),
            catch: Vec::new(),
        }
    }

    /// Whether its expressions are `JSONata`.
    pub(crate) const fn is_query(&self) -> bool {
        matches!(self.io, Io::Query(_))
    }
}

fn has(kind: &str) -> Has {
    match kind {
        "Task" | "Parallel" => Has {
            parameters: true,
            selector: true,
            result: true,
        },
        // A Map's Parameters are its legacy ItemSelector.
        "Map" => Has {
            parameters: false,
            selector: true,
            result: true,
        },
        "Pass" => Has {
            parameters: true,
            selector: false,
            result: true,
        },
        _ => Has {
            parameters: false,
            selector: false,
            result: false,
        },
    }
}

fn read_kind_name<'a>(fields: &mut Fields<'a, '_>) -> Option<&'a str> {
    let name = fields.required_text("Type")?;
    if KINDS.contains(&name) {
        return Some(name);
    }
    fields.refuse_at(
        "Type",
        "Value should be one of the following: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
    );
    None
}

fn read_next(fields: &mut Fields<'_, '_>) -> Option<Next> {
    let end = fields.boolean("End") == Some(true);
    let named = fields.has("Next");
    let next = fields.target("Next", false);
    match (end, named) {
        (true, false) => Some(Next::End),
        (false, true) => next.map(Next::State),
        (true, true) => {
            fields.refuse("A state must have either Next or End, not both");
            None
        }
        (false, false) => {
            fields.refuse("A state must have Next or End");
            None
        }
    }
}

impl Kind {
    fn read(name: &str, fields: &mut Fields<'_, '_>) -> Option<Self> {
        match name {
            "Pass" => Some(Self::Pass(
                fields.value("Result").map(|result| Arc::new(result.clone())),
            )),
            "Task" => Task::read(fields).map(|task| Self::Task(Box::new(task))),
            "Choice" => Some(Self::Choice(Choice::read(fields))),
            "Wait" => Wait::read(fields).map(Self::Wait),
            "Fail" => Some(Self::Fail(Fail::read(fields))),
            "Parallel" => Some(Self::Parallel(read_branches(fields))),
            "Map" => Map::read(fields).map(|map| Self::Map(Box::new(map))),
            _ => Some(Self::Succeed),
        }
    }

    /// The name in `Type`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "Pass",
            Self::Task(_) => "Task",
            Self::Choice(_) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail(_) => "Fail",
            Self::Parallel(_) => "Parallel",
            Self::Map(_) => "Map",
        }
    }

    /// The history's name for entering it.
    pub(crate) const fn entered(&self) -> EventKind {
        match self {
            Self::Pass(_) => EventKind::PassStateEntered,
            Self::Task(_) => EventKind::TaskStateEntered,
            Self::Choice(_) => EventKind::ChoiceStateEntered,
            Self::Wait(_) => EventKind::WaitStateEntered,
            Self::Succeed => EventKind::SucceedStateEntered,
            Self::Fail(_) => EventKind::FailStateEntered,
            Self::Parallel(_) => EventKind::ParallelStateEntered,
            Self::Map(_) => EventKind::MapStateEntered,
        }
    }

    /// The history's name for leaving it; a Fail state is never left.
    pub(crate) const fn exited(&self) -> EventKind {
        match self {
            Self::Pass(_) => EventKind::PassStateExited,
            Self::Task(_) => EventKind::TaskStateExited,
            Self::Choice(_) => EventKind::ChoiceStateExited,
            Self::Wait(_) => EventKind::WaitStateExited,
            Self::Succeed | Self::Fail(_) => EventKind::SucceedStateExited,
            Self::Parallel(_) => EventKind::ParallelStateExited,
            Self::Map(_) => EventKind::MapStateExited,
        }
    }

    /// The history's name for its being cut off, where there is one.
    pub(crate) const fn aborted(&self) -> Option<EventKind> {
        match self {
            Self::Task(_) => Some(EventKind::TaskStateAborted),
            Self::Wait(_) => Some(EventKind::WaitStateAborted),
            Self::Parallel(_) => Some(EventKind::ParallelStateAborted),
            Self::Map(_) => Some(EventKind::MapStateAborted),
            Self::Pass(_) | Self::Choice(_) | Self::Succeed | Self::Fail(_) => None,
        }
    }

    pub(super) fn collect_resources<'a>(&'a self, found: &mut Vec<&'a Resource>) {
        match self {
            Self::Task(task) => found.push(&task.resource),
            Self::Parallel(branches) => branches.iter().for_each(|branch| branch.collect_resources(found)),
            Self::Map(map) => map.processor.collect_resources(found),
            Self::Pass(_) | Self::Choice(_) | Self::Wait(_) | Self::Succeed | Self::Fail(_) => {}
        }
    }
}

fn read_branches(fields: &mut Fields<'_, '_>) -> Vec<Arc<States>> {
    fields.require("Branches");
    fields.objects("Branches", |branch| read_nested_states(branch, false).map(Arc::new))
}
