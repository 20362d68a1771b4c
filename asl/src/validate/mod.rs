//! What can be said about a definition beyond its shape: flow, variables, and faults that nobody else catches.

mod variables;

pub(crate) use variables::variable_references;

use crate::definition::StateMachine;
use crate::definition::fields::Report;
use serde_json::Value;

/// Adds what is wrong or suspicious about a machine that could be read.
pub(crate) fn check(_machine: &StateMachine, _root: &Value, _report: &mut Report) {}
