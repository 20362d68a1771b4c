//! `ValidateStateMachineDefinition`.

use asl::{Diagnostic, ExecutionType, Severity};
use serde::{Deserialize, Serialize};

/// Diagnostics in an answer when the request does not say: AWS's default and most.
const RESULTS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    definition: String,
    #[serde(rename = "type", default)]
    execution_type: MachineType,
    #[serde(default)]
    severity: Level,
    #[serde(default)]
    max_results: usize,
}

/// The type of a state machine, as AWS writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MachineType {
    #[default]
    Standard,
    Express,
}

impl From<MachineType> for ExecutionType {
    fn from(of: MachineType) -> Self {
        match of {
            MachineType::Standard => Self::Standard,
            MachineType::Express => Self::Express,
        }
    }
}

/// The least severity that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    #[default]
    Error,
    Warning,
}

#[derive(Debug, Serialize)]
pub(crate) struct Response {
    result: &'static str,
    diagnostics: Vec<Told>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Told {
    severity: Severity,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    location: String,
}

impl From<Diagnostic> for Told {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity,
            code: diagnostic.code,
            message: diagnostic.message,
            location: diagnostic.location,
        }
    }
}

/// Says what is wrong with a definition.
pub(crate) fn validate(request: &Request) -> Response {
    let parsed = asl::parse_for(&request.definition, request.execution_type.into());
    let most = match request.max_results {
        0 => RESULTS_MAX,
        asked => asked,
    };
    let told = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error || request.severity == Level::Warning;
    let mut diagnostics: Vec<Told> = parsed.diagnostics.into_iter().filter(told).map(Told::from).collect();
    let truncated = diagnostics.len() > most;
    diagnostics.truncate(most);
    Response {
        result: if parsed.machine.is_some() { "OK" } else { "FAIL" },
        diagnostics,
        truncated,
    }
}
