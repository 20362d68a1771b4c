//! What every verb that runs something can be told: how the manifest is read, how much happens at once.

use std::path::PathBuf;

use manifest::Delimiter;
use manifest::request::FormatName;

/// Which manifest, and how its records are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestOptions {
    /// A file, `s3://bucket/key`, or `-` for stdin.
    pub manifest: String,
    /// The manifest's layout.
    pub format: FormatName,
    /// What separates the fields of a CSV; found out by the file's name when absent.
    pub delimiter: Option<Delimiter>,
    /// The column names of a CSV without a header row.
    pub header: Option<Vec<String>>,
    /// A record that cannot be read is a failed item and does not stop the run.
    pub skip_malformed: bool,
    /// Every record is checked before anything starts.
    pub strict: bool,
    /// Items in a batch: 100, or 5 paths of a JSON body.
    pub batch_items: Option<u64>,
}

impl ManifestOptions {
    /// A manifest that is read by its name and first bytes.
    pub fn new(manifest: impl Into<String>) -> Self {
        Self {
            manifest: manifest.into(),
            format: FormatName::Auto,
            delimiter: None,
            header: None,
            skip_malformed: false,
            strict: false,
            batch_items: None,
        }
    }
}

/// How much happens at once, and which failures are borne.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunOptions {
    /// Requests in flight in each processor: 16, or a JSON body's `lambdaConcur`.
    pub concurrency: Option<u32>,
    /// Processors at once: 4, or 5 for a JSON body.
    pub max_concurrency: Option<u32>,
    /// Failures with which the run still succeeds: none.
    pub tolerate: Option<Tolerance>,
    /// Rounds at most: 5.
    pub max_rounds: Option<u32>,
    /// Directories that stand for buckets, by the buckets' names.
    pub buckets: Vec<(String, PathBuf)>,
    /// A new run is started even if one with the same manifest and options was interrupted.
    pub new: bool,
}

impl RunOptions {
    /// Requests in flight in each processor.
    pub fn requests(&self) -> u32 {
        self.concurrency.unwrap_or(16)
    }

    /// Processors at once.
    pub fn processors(&self) -> u32 {
        self.max_concurrency.unwrap_or(4)
    }

    /// Rounds at most.
    pub fn rounds(&self) -> u32 {
        self.max_rounds.unwrap_or(5)
    }

    /// Requests in flight in all processors together.
    pub fn connections(&self) -> usize {
        let most = u64::from(self.requests()) * u64::from(self.processors());
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Whether something is asked for that only `manifest-map` does.
    pub(crate) fn is_particular(&self) -> bool {
        self.concurrency.or(self.max_concurrency).or(self.max_rounds).is_some() || self.tolerate.is_some()
    }
}

/// Failures with which a run still succeeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// So many items.
    Items(u64),
    /// **Percent** of the items.
    Percentage(f64),
}
