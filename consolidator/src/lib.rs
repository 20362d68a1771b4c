//! Stage 3: what became of every item of a run.
//!
//! Streams the outcomes of a round in batch order; settled ones go to the table, the flat results and the report,
//! pending ones to the manifest of remaining items. Ends each call before its deadline with a cursor. At the end of
//! the last round it fails what is still pending, writes the report and sends at most one notification.
//!
//! It owns the counting. It decides neither whether there is another round nor whether the run has failed: the
//! state machine does, on its counts.
//!
//! ```
//! use consolidator::Tally;
//! use manifest::Outcome;
//!
//! let mut tally = Tally::default();
//! let outcome: Outcome = serde_json::from_str(
//!     r#"{"index":0,"url":"https://example.com/a","status":"failed","statusCode":404,"attempts":1,"milliseconds":7,
//!         "error":{"name":"NotFound","class":"permanent","message":"Could not find: https://example.com/a"}}"#,
//! )?;
//! tally.add(&outcome);
//! assert_eq!((tally.counts.failed, tally.hosts["example.com"]), (1, 1));
//! assert_eq!(tally.errors["NotFound"].count, 1);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod config;
mod consolidate;
mod error;
mod event;
mod histogram;
mod missing_outcomes;
mod notice;
mod object_writer;
mod outputs;
mod read;
mod report;
mod rows;
mod tally;

use std::sync::Arc;

use ports::{Clock, Notifier, ObjectStore, Table, Timestamp};

pub use config::{Config, TableUrl};
pub use error::{Error, error_name};
pub use event::{Consolidated, Cursor, Event, Phase, PhaseEvent, Reported, Response};
pub use histogram::Histogram;
pub use tally::{ErrorTally, FailedItem, NoteTally, ReportFile, Summary, Tally};

/// What the stage asks of the world.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Outcomes, results and reports.
    pub store: Arc<dyn ObjectStore>,
    /// A row for each success.
    pub table: Arc<dyn Table>,
    /// Told about failures.
    pub notifier: Arc<dyn Notifier>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Answers one event of either machine.
///
/// # Errors
/// When an outcome, the table or the report cannot be read or written; the same event may be sent again.
///
/// # Cancel safety
/// What was written stays and is written again by the next call with the same event.
pub async fn handle(event: Event, ports: &Ports, config: &Config, deadline: Timestamp) -> Result<Response, Error> {
    match event {
        Event::StatusCodes(codes) => Ok(Response::AllSucceeded(codes.iter().all(|code| *code == 200))),
        Event::Phase(event) => match event.phase {
            Phase::Consolidate => {
                let consolidated = consolidate::run(&event, ports, config, deadline).await?;
                Ok(Response::Consolidated(Box::new(consolidated)))
            }
            Phase::Report => {
                let reported = report::run(&event, ports, config).await?;
                Ok(Response::Reported(Box::new(reported)))
            }
        },
    }
}
