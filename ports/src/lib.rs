//! What gantry asks of the world: one trait a port, nothing else.
//!
//! Stages and engine name these traits and never a service; `adapters` implements them against AWS and against
//! one machine's disk, [`memory`] against nothing at all. [`conformance`] is the suite that every implementation
//! passes, so that a stage which works over one works over all.
//!
//! This crate holds no policy: what to retry, what to refuse and what to write is decided by its callers.

pub mod conformance;
pub mod memory;

mod activities;
mod clock;
mod error;
mod fault;
mod journal;
mod ledger;
mod limit;
mod lines;
mod meter;
mod notifier;
mod object_store;
mod origin;
mod page;
mod state_machines;
mod table;
mod target;
mod task_invoker;

pub use activities::{Activities, ActivityArn, ActivityRow};
pub use clock::{Clock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use fault::{Fault, Faults};
pub use journal::{ChildOf, ExecutionArn, ExecutionRow, ExecutionStatus, Journal, JournalRecord};
pub use ledger::{
    Amount, Attempt, Commit, Counts, Ledger, LedgerState, Listed, MapRunArn, MapRunSettings, MapRunStatus, ResultChunk,
    ResultStatus, RunFailure, Span, SpanSet,
};
pub use limit::Limit;
pub use lines::Lines;
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
