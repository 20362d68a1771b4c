//! The Amazon States Language: parser, validator and interpreter, all pure.
//!
//! ```text
//! text ── parse ──▶ Parsed { machine, diagnostics }
//! Execution::new(machine, identity, recording)
//! step(execution, event, moment) ──▶ (execution, commands)     until Command::Finish
//! ```
//!
//! No clock, no randomness, no I/O: time and jitter come in with each event, the world is asked through commands.
//! Feeding the same events with the same moments again gives the same execution; a recovery is that replay. Even
//! `States.UUID` and `$random` repeat: they are functions of the execution's ARN and start time.
//!
//! What callers keep to:
//!
//! - The first event is `Start`; after `Finish` every event is refused, but `Redrive` of a Standard execution that ended
//!   without success: it goes on until the next `Finish`. A refused event (a late answer, a timer that was cancelled)
//!   leaves the execution as it was, and comes back inside [`Refused`].
//! - Time-outs, heartbeats, waits and retry delays are timers that the interpreter asks for; the caller only reports that
//!   a timer is due. `TaskStarted` is needed for activities alone.
//! - A [`MapRunRequest`] is complete: its items or reader, limits, batcher, writer and tolerance are resolved, and
//!   [`MapRunRequest::select_item`] applies the `ItemSelector`. Answer with `MapRunStarted`, then `MapRunEnded`. Children
//!   are executions of [`MapRunRequest::processor`].
//! - [`Execution::take_history`] hands out what happened since the last call; with [`Recording::Off`] nothing is built.
//! - Payloads are JSON text; values nested deeper than 128 or larger than 256 KiB end in `States.DataLimitExceeded`.

pub mod diagnostic;
pub mod error_name;
pub mod history;

mod data;
mod definition;
mod identity;
mod interpret;
pub mod limits;
mod locate;
pub mod machines;
mod map_settings;
mod parse;
mod report;
mod services;
pub mod test_state;
mod timestamp;
mod validate;

pub use definition::{Integration, Pattern, Resource, StateMachine};
pub use diagnostic::{Diagnostic, Severity};
pub use error_name::StateError;
pub use history::{HistoryEvent, Text};
pub use identity::{ExecutionType, Identity};
pub use interpret::{
    Batcher, Command, Ending, Event, Execution, ItemReader, ItemSelector, Items, MapRunId, MapRunRequest, MapRunResult,
    Moment, Recording, Refused, RefusedReason, ResultWriter, TaskId, TaskPhase, TaskRequest, TimerId, step,
};
pub use machines::{SubstituteError, substitute};
pub use map_settings::{
    CsvDelimiter, CsvHeaderLocation, InputType, ManifestType, OutputType, ReaderTransformation, WriterTransformation,
};
pub use parse::Parsed;
pub use serde_json::Value;
pub use timestamp::Timestamp;

/// Positions of names in the order in which AWS hands out the members of a row or template: that of a Java hash map.
///
/// The cells of a CSV row come back in this order, whatever the header's.
pub fn member_order(names: &[Text]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|at| names.get(*at).map(|name| data::java::bucket(name, names.len())));
    order
}

/// Reads a definition. Never panics, whatever the bytes; reports every fault, not just the first.
pub fn parse(text: &str) -> Parsed {
    parse::parse(text, ExecutionType::Standard)
}

/// The same under the rules of an execution type: an Express machine may not wait for task tokens, for example.
pub fn parse_for(text: &str, execution_type: ExecutionType) -> Parsed {
    parse::parse(text, execution_type)
}
