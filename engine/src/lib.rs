//! Runs executions and map runs over the ports; owns durability and every bound.
//!
//! ```text
//!              events                          commands
//!   journal ◀────────── execution (asl::step) ──────────▶ tasks (TaskInvoker) · timers (Clock) · map runs
//!                                                                                      │
//!                     ledger ◀── map run: item source ─▶ children (≤ MaxConcurrency) ─▶ result sink ─▶ object store
//! ```
//!
//! Functions and services are called through the `TaskInvoker`. Task tokens, activities and nested executions are the
//! engine's own: answers and requests to stop reach an execution as messages, through the registry, and are acknowledged once
//! they are journalled.
//!
//! The order is fixed: an event is journalled before anything is done about it. After a crash the journal is fed to
//! the interpreter again, and whatever it asked for without a recorded answer is asked again: tasks run at least once.
//! A map run's Express children are not journalled, the Standard ones are; its ledger remembers which of them are done.
//!
//! It is the embedded engine of one machine: it does not elect leaders, shard or replicate.

pub mod limits;

mod batching;
mod callbacks;
mod child;
mod child_ending;
mod companions;
mod context;
mod driver;
mod engine;
mod error;
mod executions;
mod express;
mod inbox;
mod item_source;
mod item_subset;
mod jitter;
mod journal;
mod json;
mod lifecycle;
mod map_run;
mod naming;
mod recovery;
mod registry;
mod result_sink;
mod stop;
mod supervisor;
mod task;
mod wait;

pub use context::{Ports, Settings};
pub use engine::Engine;
pub use error::{Error, InvalidRequest, Result};
pub use executions::{NewExecution, RunEnd};
pub use express::{ExpressEnd, HistorySink, NewExpress};
pub use item_subset::{ItemFilter, ItemSubset};
pub use map_run::{MapRunChange, MapRunCounts, MapRunDescription, MapRunEntry};
pub use registry::ActivityTask;
pub use stop::Stop;
pub use supervisor::{ExecutionFailure, Executor, Supervisor, SupervisorBounds};
