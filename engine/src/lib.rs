//! Runs AWS Step Functions state machines on one machine: executions, and Distributed Map runs of millions of items.
//!
//! The engine drives the pure interpreter of the crate `asl` over the ports of the crate `ports`: it calls tasks, waits for
//! timers and task tokens, starts nested executions, and runs the children of map runs. It owns durability and every
//! bound ([`limits`]). [`Engine`] runs one execution at a time for its caller; a [`Supervisor`] runs many in one process.
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::sync::Arc;
//!
//! use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
//! use ports::{Timestamp, memory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), engine::Error> {
//! let function = "arn:aws:lambda:us-east-1:000000000000:function:double";
//! let tasks = memory::TaskInvoker::default().with(function, |call| async move {
//!     let number: u64 = call.input.parse().unwrap_or(0);
//!     Ok((2 * number).to_string())
//! });
//! let ports = Ports {
//!     store: Arc::new(memory::ObjectStore::default()),
//!     invoker: Arc::new(tasks),
//!     journal: Arc::new(memory::Journal::default()),
//!     ledger: Arc::new(memory::Ledger::default()),
//!     clock: Arc::new(memory::Clock::at(Timestamp::from_millis(1_795_307_629_120))),
//! };
//! let settings = Settings {
//!     account: "000000000000".to_owned(),
//!     region: "us-east-1".to_owned(),
//!     halt_on: BTreeSet::new(),
//! };
//! let engine = Engine::new(ports, settings);
//!
//! let definition = r#"{"StartAt": "All", "States": {"All": {"Type": "Map", "End": true, "ItemProcessor": {
//!     "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
//!     "StartAt": "Double", "States": {"Double": {"Type": "Task", "Resource": "FUNCTION", "End": true}}}}}}"#;
//! let arn = engine
//!     .start(NewExecution {
//!         state_machine: "doubler".to_owned(),
//!         definition: definition.replace("FUNCTION", function),
//!         name: "first".to_owned(),
//!         input: "[1, 2, 21]".to_owned(),
//!         identity: None,
//!         rerun_of: None,
//!         item_subset: None,
//!         composition: None,
//!     })
//!     .await?;
//! let RunEnd::Ended(row) = engine.run(&arn, &Stop::default()).await? else {
//!     unreachable!("nobody asked the execution to stop");
//! };
//! assert_eq!(row.output.as_deref(), Some("[2,4,42]"));
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! ```text
//!              events                          commands
//!   journal ◀────────── execution (asl::step) ──────────▶ tasks (TaskInvoker) · timers (Clock) · map runs
//!                                                                                      │
//!                     ledger ◀── map run: item source ─▶ children (≤ MaxConcurrency) ─▶ result sink ─▶ object store
//! ```
//!
//! Functions and services are called through the `TaskInvoker` port. Task tokens, activities and nested executions belong
//! to the engine: answers and requests to stop reach an execution as messages, through the registry, and are acknowledged
//! once they are in the journal.
//!
//! The order is fixed: an event is journalled before anything is done about it. After a crash the journal is fed to the
//! interpreter again, and every command without a recorded answer is carried out again: tasks run at least once.
//! Standard children of a map run are journalled, Express children are not; the ledger of the map run keeps which
//! children are done.
//!
//! The engine runs on one machine: it does not elect leaders, shard or replicate.

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
mod history_sink;
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
pub use express::{ExpressEnd, NewExpress};
pub use history_sink::HistorySink;
pub use item_subset::{ItemFilter, ItemSubset};
pub use map_run::{MapRunChange, MapRunCounts, MapRunDescription, MapRunEntry};
pub use registry::ActivityTask;
pub use stop::Stop;
pub use supervisor::{ExecutionFailure, Executor, Supervisor, SupervisorBounds};
