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
//! engine's own: answers and requests to stop reach an execution as letters, through the desk, and are acknowledged once
//! they are journalled.
//!
//! The order is fixed: an event is journalled before anything is done about it. After a crash the journal is fed to
//! the interpreter again, and whatever it asked for without a recorded answer is asked again: tasks run at least once.
//! A map run's Express children are not journalled, the Standard ones are; its ledger remembers which of them are done.
//!
//! It is the embedded engine of one machine: it does not elect leaders, shard or replicate.

pub mod limits;

mod answers;
mod batching;
mod calls;
mod catalog;
mod chance;
mod child;
mod desk;
mod drive;
mod error;
mod execution;
mod item_source;
mod journal;
mod map_run;
mod naming;
mod post;
mod recovery;
mod redo;
mod result_sink;
mod stop;
mod task;
mod wait;

pub use catalog::{Engine, NewExecution, Outcome, Ports, Settings};
pub use desk::ActivityTask;
pub use error::{Error, InvalidAnswer, Result};
pub use map_run::{MapRunChange, MapRunCounts, MapRunDescription, MapRunEntry};
pub use redo::{ItemFilter, Redo};
pub use stop::Stop;
