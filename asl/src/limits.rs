//! The limits that AWS sets, with their source. All from the "Service quotas" page of the Step Functions Developer Guide.

/// **Bytes** of a payload between states, as UTF-8. Source: service-quotas.html, read through the spec of 2026-11.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Events in the history of a Standard execution. Source: service-quotas.html.
pub const HISTORY_EVENTS_MAX: u64 = 25_000;
/// Events that a history may hold for a redrive, which needs room for two more. Source: `API_RedriveExecution.html`.
pub const REDRIVABLE_EVENTS_MAX: u64 = 24_998;
/// Characters in a state's name. Source: service-quotas.html.
pub const STATE_NAME_CHARACTERS_MAX: usize = 80;
/// **Bytes** of one variable. Source: workflow-variables.html.
pub const VARIABLE_BYTES_MAX: usize = 262_144;
/// **Bytes** of all variables of an execution. Source: workflow-variables.html.
pub const VARIABLES_BYTES_MAX: usize = 10 * 1_048_576;
/// **Bytes** of all variables that one `Assign` sets. Source: workflow-variables.html.
pub const ASSIGN_BYTES_MAX: usize = 262_144;
/// Items that an `ItemReader` hands on. Source: input-output-itemreader.html; larger values are clipped.
pub const MAX_ITEMS_MAX: i64 = 100_000_000;
/// States that one step may run through before it gives up: an Express machine that loops over Pass states for ever
/// would otherwise never answer. Ours; far above the 25,000 events that end a Standard execution.
pub const TRANSITIONS_PER_STEP_MAX: u64 = 1_000_000;
/// **Bytes** of output that the states of one step may make, for the same reason. Ours; 25,000 events of 256 KiB, which end a
/// Standard execution, are less than that.
pub const OUTPUT_BYTES_PER_STEP_MAX: u64 = 4 << 30;
