//! How many items stand where.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::Status;

/// Items by their status, and the bytes that were written. For a copy every destination of an item counts.
///
/// ```
/// use manifest::{Counts, Status};
///
/// let mut counts = Counts::default();
/// counts.add(Status::Succeeded, 2_048);
/// counts.add(Status::Failed, 0);
/// assert_eq!((counts.items(), counts.failed_percentage()), (2, 50.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Items that are done.
    pub succeeded: u64,
    /// Items that were given up.
    pub failed: u64,
    /// Items with nothing to do.
    pub skipped: u64,
    /// Items that were not reached yet.
    pub pending: u64,
    /// **Bytes** written.
    pub bytes: u64,
}

impl Counts {
    /// Counts one item.
    pub const fn add(&mut self, status: Status, bytes: u64) {
        match status {
            Status::Succeeded => self.succeeded += 1,
            Status::Failed => self.failed += 1,
            Status::Skipped => self.skipped += 1,
            Status::Pending => self.pending += 1,
        }
        self.bytes += bytes;
    }

    /// All items.
    pub const fn items(&self) -> u64 {
        self.settled() + self.pending
    }

    /// Items that no further round will change.
    pub const fn settled(&self) -> u64 {
        self.succeeded + self.failed + self.skipped
    }

    /// **Percent** of the settled items that failed; 0 when there are none.
    #[expect(clippy::cast_precision_loss, reason = "a percentage of counts far below 2^52")]
    pub fn failed_percentage(&self) -> f64 {
        if self.failed == 0 {
            return 0.0;
        }
        self.failed as f64 * 100.0 / self.settled() as f64
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.pending += other.pending;
        self.bytes += other.bytes;
    }
}
