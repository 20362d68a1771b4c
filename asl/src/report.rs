//! Findings about a definition while it is read: before their places in the text are known.

use crate::Severity;

/// A finding before its place in the text is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// JSON pointer.
    pub(crate) pointer: String,
    /// Ours, not AWS's.
    pub(crate) ours: bool,
}

/// AWS's code for most faults.
pub(crate) const SCHEMA_VALIDATION_FAILED: &str = "SCHEMA_VALIDATION_FAILED";
/// AWS's code for a `Next` that leads nowhere.
pub(crate) const MISSING_TRANSITION_TARGET: &str = "MISSING_TRANSITION_TARGET";
/// AWS's code for a name that two states of a machine have, at any depth.
pub(crate) const DUPLICATE_STATE_NAME: &str = "DUPLICATE_STATE_NAME";
/// Our code for what AWS takes but probably nobody means.
pub(crate) const SUSPICIOUS: &str = "SUSPICIOUS";

/// Findings that are kept. More tell nobody anything.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// What the whole reading shares.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    /// Whether Express rules hold.
    pub(crate) express: bool,
    /// Whether the machine's own query language is `JSONata`.
    pub(crate) jsonata: bool,
}

impl Report {
    pub(crate) fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Adds an error under one of AWS's codes.
    pub(crate) fn refuse(&mut self, code: &'static str, pointer: String, message: String) {
        self.add(Finding {
            severity: Severity::Error,
            code,
            message,
            pointer,
            ours: false,
        });
    }

    /// Warns of what AWS accepts although it probably does not do what was meant.
    pub(crate) fn warn(&mut self, pointer: String, message: String) {
        self.add(Finding {
            severity: Severity::Warning,
            code: SUSPICIOUS,
            message,
            pointer,
            ours: true,
        });
    }
}

/// A step of a JSON pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
