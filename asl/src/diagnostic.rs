//! What is wrong with a definition, and where.
//!
//! A diagnostic carries AWS's severity, code, location and message, and beside them the JSON pointer, line and column.

use serde::{Deserialize, Serialize};

/// Whether a definition can be created in spite of the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// AWS refuses the definition.
    Error,
    /// AWS takes the definition; it probably does not do what was meant.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Whether the definition can be created.
    pub severity: Severity,
    /// AWS's code (`SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET`, …), or one of ours for warnings of our own.
    pub code: String,
    /// AWS's text for people.
    pub message: String,
    /// AWS's place: a path such as `/States/X/Resource`.
    pub location: String,
    /// JSON pointer (RFC 6901) to the member.
    pub pointer: String,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the line, in characters, from 1.
    pub column: usize,
    /// Whether AWS itself reports it; `false` for warnings of our own.
    pub ours: bool,
}
