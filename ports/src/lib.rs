//! What gantry asks of the world: one trait for each port.
//!
//! Stages and engine name these traits and never a service. `adapters` implements the traits over AWS and over the disk
//! of one machine, [`memory`] implements them in memory. [`conformance`] is the suite that every implementation passes,
//! so a stage that works over one implementation works over all.
//!
//! This crate holds no policy: callers decide what is retried, refused and written.
//!
//! ```
//! use ports::{ErrorKind, GetOptions, ObjectKey, ObjectStore, PutOptions, memory};
//!
//! /// Works over S3, a directory or memory.
//! async fn keep_once(store: &dyn ObjectStore, at: &ObjectKey, text: &str) -> ports::Result<bool> {
//!     let options = PutOptions { if_none_match: true, ..PutOptions::default() };
//!     match store.put(at, text.as_bytes().to_vec().into(), options).await {
//!         Ok(_written) => Ok(true),
//!         Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! # futures::executor::block_on(async {
//! let store = memory::ObjectStore::default();
//! let at = ObjectKey::new("claims", "example.com/a.gif");
//! assert!(keep_once(&store, &at, "the first").await?);
//! assert!(!keep_once(&store, &at, "the second").await?);
//! assert_eq!(store.head(&at).await?.size, 9);
//! # Ok::<(), ports::Error>(())
//! # }).unwrap();
//! ```

pub mod conformance;
pub mod memory;

mod activities;
mod clock;
mod error;
mod fault_injector;
mod journal;
mod ledger;
mod limit;
mod lines;
mod listing;
mod meter;
mod notifier;
mod object_store;
mod origin;
mod page;
mod state_machines;
mod table;
mod target;
mod task_invoker;
mod variables;

pub use activities::{Activities, ActivityArn, ActivityRow};
pub use clock::{Clock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use fault_injector::{FaultInjector, Faults};
pub use journal::{
    ChildOf, ExecutionArn, ExecutionFilter, ExecutionRow, ExecutionStatus, ExecutionsOf, Journal, JournalRecord,
};
pub use ledger::{
    Amount, Attempt, Commit, Counts, Ledger, LedgerState, Listed, MapRunArn, MapRunSettings, MapRunStatus, ResultChunk,
    ResultStatus, RunFailure, Span, SpanSet,
};
pub use limit::Limit;
pub use lines::Lines;
pub use listing::keys_below;
pub use meter::{Meter, Reading};
pub use notifier::{Notification, Notifier};
pub use object_store::{
    BodyStream, CopyOptions, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions, PutResult,
};
pub use origin::{FetchError, FetchErrorKind, Origin, OriginRequest, OriginResponse, Resolver};
pub use page::{Cursor, PAGE_MAX, Page};
pub use state_machines::{
    AliasRow, DefinitionDigest, EncryptionConfiguration, EncryptionType, LogLevel, LoggingConfiguration, Revision,
    Route, StateMachineArn, StateMachineRow, StateMachineStatus, StateMachineType, StateMachines, Tags, VersionRow,
};
pub use table::{AttributeValue, Row, Table, TableSchema};
pub use target::{FunctionArn, Integration, IntegrationPattern, Target};
pub use task_invoker::{Invocation, TaskFailure, TaskInvoker};
pub use variables::{ConfigError, Variables};
