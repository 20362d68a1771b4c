//! Time that passes when a test says so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lock;
use crate::Timestamp;

/// A clock that is moved by hand.
///
/// ```
/// use std::time::Duration;
/// use ports::{Clock as _, Timestamp, memory};
///
/// let clock = memory::Clock::at(Timestamp::from_millis(1_000));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(clock.now(), Timestamp::from_millis(2_000));
/// ```
#[derive(Debug)]
pub struct Clock {
    now: watch::Sender<Timestamp>,
    waits: Mutex<Vec<Timestamp>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::at(Timestamp::default())
    }
}

impl Clock {
    /// A clock that stands at a moment.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now),
            waits: Mutex::default(),
        }
    }

    /// Moves the clock on and ends the waits for moments in between.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.plus(by));
    }

    /// Moves the clock to the next moment that is waited for; `None` when there is no wait.
    pub fn advance_to_next(&self) -> Option<Timestamp> {
        let now = *self.now.borrow();
        let next = lock(&self.waits).iter().copied().filter(|until| *until > now).min()?;
        self.now.send_replace(next);
        Some(next)
    }
}

/// A wait that is on the clock's list until it ends or is dropped.
struct Wait<'a> {
    clock: &'a Clock,
    until: Timestamp,
}

impl<'a> Wait<'a> {
    fn new(clock: &'a Clock, until: Timestamp) -> Self {
        lock(&clock.waits).push(until);
        Self { clock, until }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waits = self.clock.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = waits.iter().position(|until| *until == self.until) {
            waits.swap_remove(at);
        }
    }
}

#[async_trait]
impl crate::Clock for Clock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let mut changes = self.now.subscribe();
        let wait = Wait::new(self, until);
        // The sender lives in `self`, so this ends only when the moment has come.
        let reached = changes.wait_for(|now| *now >= until).await.is_ok();
        debug_assert!(reached, "the clock is alive while somebody waits on it");
        drop(wait);
    }
}

/// A clock over tokio's paused time: in a runtime started with `start_paused` it jumps to the next wait as soon as
/// every task waits. In any other runtime it runs as usual from its first moment on.
#[derive(Debug)]
pub struct PausedClock {
    origin: Timestamp,
    started: Instant,
}

impl PausedClock {
    /// A clock that shows `origin` now. To be made inside the runtime.
    pub fn at(origin: Timestamp) -> Self {
        Self {
            origin,
            started: Instant::now(),
        }
    }
}

#[async_trait]
impl crate::Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.origin.plus(self.started.elapsed())
    }

    async fn sleep_until(&self, until: Timestamp) {
        tokio::time::sleep_until(self.started + until.since(self.origin)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock as _;
    use futures::FutureExt;

    #[test]
    fn a_wait_ends_at_its_moment_and_not_before() {
        let clock = Clock::at(Timestamp::from_millis(1_000));
        let mut wait = clock.sleep_until(Timestamp::from_millis(3_000));
        assert!(wait.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(1_999));
        assert!(wait.as_mut().now_or_never().is_none());
        assert_eq!(clock.advance_to_next(), Some(Timestamp::from_millis(3_000)));
        assert!(wait.as_mut().now_or_never().is_some());
        assert_eq!(clock.advance_to_next(), None);
    }

    #[test]
    fn a_dropped_wait_is_forgotten() {
        let clock = Clock::default();
        let mut wait = clock.sleep_until(Timestamp::from_millis(5));
        assert!(wait.as_mut().now_or_never().is_none());
        drop(wait);
        assert_eq!(clock.advance_to_next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn paused_time_jumps_when_everyone_waits() {
        let clock = PausedClock::at(Timestamp::from_millis(500));
        let hour = Duration::from_hours(1);
        clock.sleep_until(clock.now().plus(hour)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(500).plus(hour));
        clock.sleep_until(Timestamp::default()).await;
    }
}
