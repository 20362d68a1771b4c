//! AWS's own API in front of the engine: one port, so that the `aws` command line and every SDK work against it.
//!
//! ```text
//!   connection ─▶ listener ─▶ server (limits, Host, Origin) ─▶ route (which service?) ─▶ states (37 operations)
//!   permits, drain             one request, one answer           target, scope, path        engine, records
//! ```
//!
//! `AWS_ENDPOINT_URL=http://127.0.0.1:4566` is all that a client needs. What is not there answers 501 with an AWS error
//! that names the operation: nothing pretends. [`coverage`] lists the operations and what of each is there.
//!
//! The caller binds the listener and says when to stop; the endpoint reads no environment and no clock but the ports'.
//!
//! ```
//! let done = endpoint::coverage().filter(|row| row.coverage == endpoint::Coverage::Done);
//! assert!(done.map(|row| row.operation).any(|operation| operation == "ValidateStateMachineDefinition"));
//! ```

pub mod limits;

mod app;
mod arn;
mod date;
mod error;
mod facts;
mod listener;
mod page;
mod protocol;
mod route;
mod server;
mod states;
mod validate;

pub use app::{App, Parts, Settings};
pub use error::ApiError;
pub use listener::run;
pub use states::{Coverage, OperationCoverage, coverage};
