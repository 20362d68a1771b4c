//! When to try again: back-off with full jitter, and what `Retry-After` says.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use ports::Timestamp;

/// How often, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// The first back-off is a random part of this; it doubles with each attempt.
    pub base: Duration,
    /// A back-off is never longer.
    pub backoff_max: Duration,
    /// A `Retry-After` counts at most so much.
    pub retry_after_max: Duration,
}

impl Retry {
    /// How long to wait after attempt number `attempt` (from 1) of the item that `seed` stands for. The jitter is a
    /// function of both, so that a run can be repeated, while the items of a batch spread.
    pub(crate) fn delay(&self, seed: u64, attempt: u32, retry_after: Option<Duration>) -> Duration {
        // Zero, or a date that is past, is no reason to ask again at once.
        if let Some(wait) = retry_after.filter(|wait| !wait.is_zero()) {
            return wait.min(self.retry_after_max);
        }
        let doublings = attempt.saturating_sub(1).min(31);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.backoff_max);
        let ceiling = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        let random = mix(seed ^ mix(u64::from(attempt)));
        Duration::from_millis(random % ceiling.saturating_add(1))
    }
}

/// `SplitMix64`'s output function: every input bit moves every output bit.
const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How long `Retry-After` asks to wait: seconds, or a date. Nothing when it is neither.
///
/// **Source**: RFC 9110, section 10.2.3.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u32::MAX);
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        attempts: 4,
        base: Duration::from_millis(500),
        backoff_max: Duration::from_secs(20),
        retry_after_max: Duration::from_mins(1),
    };

    #[test]
    fn back_off_doubles_up_to_a_limit_and_spreads() {
        for (attempt, most) in [(1, 500), (2, 1_000), (3, 2_000), (6, 16_000), (7, 20_000), (40, 20_000)] {
            let waits: Vec<_> = (0..400)
                .map(|seed| RETRY.delay(seed, attempt, None).as_millis())
                .collect();
            assert!(waits.iter().all(|wait| *wait <= most));
            let mean = waits.iter().sum::<u128>() / 400;
            assert!(
                mean > most * 2 / 5 && mean < most * 3 / 5,
                "attempt {attempt}: {mean} of {most}"
            );
        }
    }

    #[test]
    fn the_same_attempt_of_the_same_item_waits_the_same() {
        assert_eq!(RETRY.delay(7, 2, None), RETRY.delay(7, 2, None));
        assert_ne!(RETRY.delay(7, 2, None), RETRY.delay(8, 2, None));
    }

    #[test]
    fn retry_after_is_honoured_and_capped() {
        let second = Duration::from_secs(1);
        assert_eq!(RETRY.delay(1, 1, Some(second * 3)), second * 3);
        assert_eq!(RETRY.delay(1, 1, Some(second * 3_600)), second * 60);
        assert_eq!(RETRY.delay(1, 1, Some(Duration::ZERO)), RETRY.delay(1, 1, None));
    }

    #[test]
    fn retry_after_comes_as_seconds_or_date() {
        // 784111777 is the date that RFC 9110 uses as its example.
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999", Some(u64::from(u32::MAX))),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(retry_after(value, at(0)), seconds.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after(date, at(784_111_777 - 30)), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(date, at(784_111_777 + 30)), Some(Duration::ZERO));
    }
}
