//! Whether the files that a run reports are there, with the sizes that it reports.

use std::path::Path;

use manifest::{Outcome, Status};
use ports::ExecutionRow;

use crate::error::Result;
use crate::state::State;

/// What a look at a run's files has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    /// Files that were looked at.
    pub checked: u64,
    /// Files among these that are not there, or have another size.
    pub missing: u64,
    /// The first of those that are missing.
    pub example: Option<String>,
}

/// Looks at the first `limit` files that the run has written to directories of this machine, or at all of them. Objects in S3
/// are not asked for.
///
/// # Errors
/// When the outcomes cannot be read.
pub async fn verify(state: &State, row: &ExecutionRow, limit: Option<u64>) -> Result<Verification> {
    let mut found = Verification::default();
    let mut outcomes = state.objects_of(row).await?.settled().await?;
    while limit.is_none_or(|limit| found.checked < limit)
        && let Some((_, outcome)) = outcomes.next().await?
    {
        let Some(path) = written(&outcome) else { continue };
        found.checked += 1;
        if !is_whole(path, outcome.bytes) {
            found.missing += 1;
            found.example.get_or_insert_with(|| path.to_owned());
        }
    }
    Ok(found)
}

/// The file of a success.
fn written(outcome: &Outcome) -> Option<&str> {
    let destination = outcome.destination.as_deref();
    destination.filter(|path| outcome.status == Status::Succeeded && path.starts_with('/'))
}

/// A size of 0 is that of an empty file, or of a copy whose size nobody has told.
fn is_whole(path: &str, bytes: u64) -> bool {
    let metadata = std::fs::metadata(Path::new(path));
    metadata.is_ok_and(|metadata| metadata.is_file() && (bytes == 0 || metadata.len() == bytes))
}
