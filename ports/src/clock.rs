//! Time as a port: the one place from which anything learns what time it is.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A moment in UTC, in whole milliseconds since 1970, as Step Functions counts.
///
/// ```
/// use std::time::Duration;
/// use ports::Timestamp;
///
/// let deadline = Timestamp::from_rfc3339("2026-11-22T00:33:49.120Z").unwrap();
/// let last_call = deadline.minus(Duration::from_secs(5));
/// assert_eq!(last_call.to_string(), "2026-11-22T00:33:44.120Z");
/// assert_eq!(deadline.since(last_call), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// In milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment that is `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment that is `earlier` before this one.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long this moment is after `earlier`; zero when it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// From RFC 3339 text such as `2026-11-22T00:33:49.120Z`; `None` for any other text.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Self(moment.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds: `2026-11-22T00:33:49.120Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_out_of_range) => write!(f, "{}ms", self.0),
        }
    }
}

/// Tells the time, and waits for a moment.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current moment.
    fn now(&self) -> Timestamp;

    /// Returns at `until`; at once when that moment is past.
    ///
    /// # Cancel safety
    /// Dropping the future forgets the wait.
    async fn sleep_until(&self, until: Timestamp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_and_parse_as_rfc3339() {
        let moment = Timestamp::from_millis(1_795_307_629_120);
        assert_eq!(moment.to_string(), "2026-11-22T00:33:49.120Z");
        assert_eq!(Timestamp::from_rfc3339("2026-11-22T00:33:49.120Z"), Some(moment));
        assert_eq!(Timestamp::from_rfc3339("yesterday"), None);
    }
}
