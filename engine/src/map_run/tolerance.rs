//! When a map run has failed too often.

use asl::{StateError, error_name};
use ports::MapRunSettings;

/// Failed items, and all items once it is known how many they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    pub(super) failed: u64,
    pub(super) items: Option<u64>,
}

/// The error of a run in which more items have failed than it tolerates. A percentage is of all items, so it is judged
/// once their number is known: at once for a state's own data, else when they are read. No failure is within 0 %.
pub(super) fn exceeded(settings: &MapRunSettings, tally: Tally) -> Option<StateError> {
    let (count, percentage) = (settings.tolerated_failure_count, settings.tolerated_failure_percentage);
    let count = if percentage.is_none() { count.or(Some(0)) } else { count };
    let over_count = count.is_some_and(|count| tally.failed > count);
    // While the number of items is unknown, failures exceed 0 % and no other percentage.
    let items = tally.items.unwrap_or(u64::MAX);
    let over_percentage = percentage.is_some_and(|percentage| share(tally.failed, items) > percentage);
    (over_count || over_percentage).then(|| {
        StateError::new(
            error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
            "The specified tolerated failure threshold was exceeded",
        )
    })
}

/// **Percent** of the items that failed.
#[expect(clippy::cast_precision_loss, reason = "a percentage of counts far below 2^52")]
fn share(failed: u64, items: u64) -> f64 {
    if items == 0 {
        return 0.0;
    }
    failed as f64 * 100.0 / items as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(count: Option<u64>, percentage: Option<f64>, failed: u64, all_read: bool) -> bool {
        let settings = MapRunSettings {
            max_concurrency: 0,
            tolerated_failure_count: count,
            tolerated_failure_percentage: percentage,
        };
        let items = all_read.then_some(10);
        exceeded(&settings, Tally { failed, items }).is_some()
    }

    #[test]
    fn either_of_the_two_ends_a_run_and_a_percentage_only_once_all_is_read() {
        assert!(fails(None, None, 1, false) && !fails(None, None, 0, true));
        assert!(fails(Some(2), None, 3, false) && !fails(Some(2), None, 2, true));
        assert!(!fails(None, Some(20.0), 9, false));
        assert!(fails(None, Some(20.0), 3, true) && !fails(None, Some(20.0), 2, true));
        assert!(fails(Some(2), Some(90.0), 3, false) && fails(Some(9), Some(20.0), 3, true));
        assert!(!fails(None, Some(100.0), 10, true));
        assert!(fails(None, Some(0.0), 1, false) && !fails(None, Some(0.0), 0, false));
    }
}
