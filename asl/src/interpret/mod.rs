//! The interpreter: (execution, event) → (execution, commands).
//!
//! Owns the whole state of an execution. Does no I/O, reads no clock, draws no random number.

mod children;
mod choice;
mod command;
mod cut_off;
mod event;
mod execution;
mod fault;
mod flow;
pub(crate) mod inspection;
mod map;
mod map_run;
mod map_run_events;
mod recorder;
mod redrive;
mod retry;
mod simple;
mod task;
mod task_history;
mod test_run;
mod track;
mod wait;
mod walk;

pub use command::{Command, Ending, TaskRequest};
pub use event::{Event, MapRunId, MapRunResult, Moment, RefusedReason, TaskId, TaskPhase, TimerId};
pub use execution::{Execution, Refused, step};
pub use map_run::{Batcher, ItemReader, ItemSelector, Items, MapRunRequest, ResultWriter};
pub use recorder::Recording;
