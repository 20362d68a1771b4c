//! What every implementation of a port must do, as plain functions over the trait.
//!
//! A check panics where the port broke its promise and returns an error where the port gave one that was not
//! expected. Each port's `all` runs every check of the port; the checks use keys and names of their own, so one
//! store serves them all. What a check expects comes from the trait's documentation and from S3's, `DynamoDB`'s and
//! SNS's, never from an implementation.

#![expect(clippy::missing_panics_doc, reason = "the checks speak by panicking")]
#![expect(
    clippy::missing_errors_doc,
    reason = "every error is one that the port should not have given"
)]

pub mod activities;
pub mod clock;
pub mod journal;
pub mod ledger;
pub mod notifier;
pub mod object_store;
pub mod origin;
pub mod resolver;
pub mod state_machines;
pub mod table;
pub mod task_invoker;

use crate::{ErrorKind, Result};

/// Panics unless the answer is an error of this kind.
fn assert_kind<T>(answer: Result<T>, expected: ErrorKind, what: &str) {
    let kind = answer.err().map(|error| error.kind());
    assert_eq!(kind, Some(expected), "{what}");
}
