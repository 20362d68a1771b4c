//! The compiled definition: what the parser makes of the JSON, and the interpreter walks over.

mod resource;

pub use resource::{Integration, Pattern, Resource};

use serde::{Deserialize, Serialize};

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
pub struct StateMachine {}
