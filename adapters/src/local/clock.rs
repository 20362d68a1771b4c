//! The wall clock: the one place that asks the machine what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use ports::Timestamp;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

#[expect(
    clippy::disallowed_methods,
    reason = "this is the Clock port's one real implementation"
)]
fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// For names that must differ between two lives of a process.
pub(crate) fn nanos_since_1970() -> u64 {
    u64::try_from(since_1970().as_nanos()).unwrap_or(u64::MAX)
}

#[async_trait]
impl ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::default().plus(since_1970())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the Clock port's one real implementation"
    )]
    async fn sleep_until(&self, until: Timestamp) {
        // A sleep counts from now on, the wall clock may be set meanwhile: look again when it ends.
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn passes_every_check() {
        ports::conformance::clock::all(&super::Clock).await;
    }
}
