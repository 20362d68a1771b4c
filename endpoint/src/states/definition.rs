//! Definitions in requests: refused with AWS's text, or good.

use std::sync::Arc;

use asl::{ExecutionType, Severity, StateMachine};
use ports::StateMachineType;

use crate::error::ApiError;

/// The interpreter's name for the type.
pub(crate) const fn execution_type(kind: StateMachineType) -> ExecutionType {
    match kind {
        StateMachineType::Standard => ExecutionType::Standard,
        StateMachineType::Express => ExecutionType::Express,
    }
}

/// Reads a definition under the rules of its type.
///
/// # Errors
/// [`ApiError::InvalidDefinition`] with every fault, as AWS lists them.
pub(crate) fn check(text: &str, kind: StateMachineType) -> Result<Arc<StateMachine>, ApiError> {
    let parsed = asl::parse_for(text, execution_type(kind));
    let Some(machine) = parsed.machine else {
        let faults = parsed.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        let told: Vec<String> = faults
            .map(|one| format!("{}: {} at {}", one.code, one.message, one.location))
            .collect();
        return Err(ApiError::InvalidDefinition(told.join(", ")));
    };
    Ok(machine)
}
