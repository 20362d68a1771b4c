//! What a run has done so far, for whoever watches: counters, no decisions.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that processors add to and a progress line reads. Not durable: the outcomes are the truth.
#[derive(Debug, Default)]
pub struct Meter {
    succeeded: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

/// What a [`Meter`] said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Items that succeeded.
    pub succeeded: u64,
    /// Items that failed.
    pub failed: u64,
    /// **Bytes** of bodies that were written.
    pub bytes: u64,
}

impl Meter {
    /// Counts an item that succeeded.
    pub fn add_succeeded(&self, bytes: u64) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts an item that failed.
    pub fn add_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> Reading {
        Reading {
            succeeded: self.succeeded.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
