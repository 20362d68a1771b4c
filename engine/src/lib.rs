//! Runs executions and map runs over the ports; owns durability and every bound.
//!
//! ```text
//!              events                          commands
//!   journal ◀────────── execution (asl::step) ──────────▶ tasks (TaskInvoker) · timers (Clock) · map runs
//!                                                                                      │
//!                     ledger ◀── map run: item source ─▶ children (≤ MaxConcurrency) ─▶ result sink ─▶ object store
//! ```
//!
//! The order is fixed: an event is journalled before anything is done about it. After a crash the journal is fed to
//! the interpreter again, and whatever it asked for without a recorded answer is asked again: tasks run at least once.
//! A map run's children are not journalled; its ledger remembers which of them are done.
//!
//! It is the embedded engine of one machine: it does not elect leaders, shard or replicate.

pub mod limits;

mod batching;
mod catalog;
mod error;
mod execution;
mod item_source;
mod map_run;
mod naming;
mod recovery;
mod result_sink;
mod stop;

pub use catalog::{Engine, NewExecution, Outcome, Ports, Settings};
pub use error::{Error, Result};
pub use stop::Stop;
