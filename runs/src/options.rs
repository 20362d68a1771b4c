//! What every verb that runs something can be told: how the manifest is read, how much happens at once.

use std::path::PathBuf;
use std::time::Duration;

use manifest::request::{FormatName, Tolerate};
use manifest::work::Work;
use manifest::{Delimiter, Quote};

use crate::spec::Limits;

/// Which manifest, and how its records are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestOptions {
    /// A file, `s3://bucket/key`, or `-` for stdin.
    pub manifest: String,
    /// The manifest's layout.
    pub format: FormatName,
    /// What separates the fields of a CSV; found out by the file's name when absent.
    pub delimiter: Option<Delimiter>,
    /// What a quote means in a CSV; when absent nothing where a tab separates the fields, otherwise RFC 4180.
    pub quote: Option<Quote>,
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
            quote: None,
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

    /// What was asked for by name: it holds for a resumed run too.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            requests: self.concurrency,
            processors: self.max_concurrency,
        }
    }

    /// Whether something is asked for that only `manifest-map` does.
    pub(crate) fn is_particular(&self) -> bool {
        self.concurrency.or(self.max_concurrency).or(self.max_rounds).is_some() || self.tolerate.is_some()
    }
}

/// How files are fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FetchOptions {
    /// Private, loopback and link-local addresses and all ports are allowed.
    pub allow_private: bool,
    /// **Bytes** of a file at most: 5 GiB.
    pub max_object_bytes: Option<u64>,
    /// Requests for one item at most: 4.
    pub attempts: Option<u32>,
    /// How long a server may take until the head of its answer has come.
    pub head_timeout: Option<Duration>,
    /// How long a server may be silent in the middle of a body.
    pub idle_timeout: Option<Duration>,
    /// How long one request may take as a whole.
    pub request_timeout: Option<Duration>,
}

impl FetchOptions {
    /// The settings of the processors that follow, by the names of their variables.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        if self.allow_private {
            settings.extend(["ALLOW_PRIVATE", "ALLOWED_PORTS"].map(|name| (name, "*".to_owned())));
        }
        // The work's own limit is never above the processor's.
        settings.extend(
            self.max_object_bytes
                .map(|bytes| ("OBJECT_BYTES_MAX", bytes.to_string())),
        );
        let durations = [
            ("HEAD_TIMEOUT_MS", self.head_timeout),
            ("IDLE_TIMEOUT_MS", self.idle_timeout),
            ("REQUEST_TIMEOUT_MS", self.request_timeout),
        ];
        for (name, duration) in durations {
            settings.extend(duration.map(|duration| (name, duration.as_millis().to_string())));
        }
        settings
    }

    /// The members of the processors' work that follow.
    pub(crate) fn set_work(&self, work: &mut Work) {
        match work {
            Work::Download(download) => {
                download.max_object_bytes = self.max_object_bytes.or(download.max_object_bytes);
                download.attempts = self.attempts.or(download.attempts);
            }
            Work::Copy(_) => {}
        }
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

impl Tolerance {
    /// As the batcher takes it.
    pub(crate) fn to_request(self) -> Tolerate {
        let (count, percentage) = match self {
            Self::Items(count) => (Some(count), None),
            Self::Percentage(percentage) => (None, Some(percentage)),
        };
        Tolerate { count, percentage }
    }
}
