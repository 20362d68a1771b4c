//! What a clock promises.

use std::time::Duration;

use crate::Clock;

/// Every check, on a clock that moves on by itself.
pub async fn all(clock: &dyn Clock) {
    let start = clock.now();
    clock.sleep_until(start).await;
    clock.sleep_until(crate::Timestamp::default()).await;
    let until = start.plus(Duration::from_millis(20));
    clock.sleep_until(until).await;
    assert!(clock.now() >= until, "a wait does not end before its moment");
}
