//! What a run has done so far: counters that a progress line reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that processors add to and a progress line reads. They are not kept: the outcomes are.
///
/// ```
/// let meter = ports::Meter::default();
/// meter.add_succeeded(1_000);
/// meter.add_failed();
/// let reading = meter.read();
/// assert_eq!((reading.succeeded, reading.failed, reading.bytes), (1, 1, 1_000));
/// ```
#[derive(Debug, Default)]
pub struct Meter {
    succeeded: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

/// The counts of a [`Meter`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Number of items that succeeded.
    pub succeeded: u64,
    /// Number of items that failed.
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
