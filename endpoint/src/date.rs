//! Moments as AWS JSON writes them: seconds since 1970 with a fraction.

use ports::Timestamp;
use serde::{Serialize, Serializer};

/// A moment in an answer: `1795307629.12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) Timestamp);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(seconds(self.0.as_millis()))
    }
}

impl From<Timestamp> for Date {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this age fit into 2^53 many times"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_with_milliseconds() {
        let date = |millis| serde_json::to_string(&Date(Timestamp::from_millis(millis))).unwrap();
        assert_eq!(date(1_795_307_629_120), "1795307629.12");
        assert_eq!(date(1_795_307_629_001), "1795307629.001");
        assert_eq!(date(1_795_307_629_000), "1795307629.0");
    }
}
