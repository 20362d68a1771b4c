//! `Retry` and `Catch`: which errors, how often, and where to.

use super::fields::Fields;
use super::io::{Has, Io};
use super::setting::Next;
use super::setting::ResultPath;
use crate::Text;
use crate::data::Template;
use crate::data::jsonata::QueryTemplate;
use crate::error_name;

/// One entry of `Retry`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retrier {
    pub(crate) errors: Vec<Text>,
    /// **Seconds** before the first retry.
    pub(crate) interval_seconds: i64,
    pub(crate) attempts_max: u32,
    pub(crate) backoff_rate: f64,
    /// **Seconds** that no delay exceeds.
    pub(crate) delay_seconds_max: Option<i64>,
    pub(crate) jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) errors: Vec<Text>,
    pub(crate) next: Next,
    pub(crate) io: CatchIo,
}

/// What a catcher makes of the error.
#[derive(Debug)]
pub(crate) enum CatchIo {
    Paths {
        result: ResultPath,
        assign: Option<Template>,
    },
    Query {
        output: Option<QueryTemplate>,
        assign: Option<QueryTemplate>,
    },
}

/// Seconds before the first retry unless stated.
const INTERVAL_SECONDS: i64 = 1;
/// Retries unless stated.
const ATTEMPTS: u32 = 3;
/// Factor between retries unless stated.
const BACKOFF_RATE: f64 = 2.0;

/// Whether an error name is among those of a retrier or catcher.
///
/// `States.ALL` does not match `States.Runtime`; `States.TaskFailed` matches whatever a task may fail with except a
/// time-out. AWS's pages say that `States.ALL` leaves out `States.DataLimitExceeded` too, its recordings say otherwise.
pub(crate) fn matches(errors: &[Text], error: &str, of_task: bool) -> bool {
    let terminal = error == error_name::RUNTIME;
    let timed_out = matches!(error, error_name::TIMEOUT | error_name::HEARTBEAT_TIMEOUT);
    errors.iter().any(|wanted| match &**wanted {
        error_name::ALL => !terminal,
        error_name::TASK_FAILED => of_task && !timed_out && !terminal,
        wanted => wanted == error,
    })
}

impl Retrier {
    /// Reads all of `Retry`.
    pub(crate) fn read_all(fields: &mut Fields<'_, '_>) -> Vec<Self> {
        fields.objects("Retry", Self::read)
    }

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.text("Comment");
        let errors = read_errors(fields);
        let interval_seconds = fields
            .integer("IntervalSeconds", 1, 99_999_999)
            .unwrap_or(INTERVAL_SECONDS);
        let attempts = fields.integer("MaxAttempts", 0, 99_999_999);
        let backoff_rate = fields.number("BackoffRate", 1.0, f64::INFINITY).unwrap_or(BACKOFF_RATE);
        let delay_seconds_max = fields.integer("MaxDelaySeconds", 1, 31_622_400);
        let jitter = fields.one_of("JitterStrategy", &["FULL", "NONE"]) == Some("FULL");
        fields.report_unread();
        let attempts_max = attempts
            .and_then(|attempts| u32::try_from(attempts).ok())
            .unwrap_or(ATTEMPTS);
        Some(Self {
            errors: errors?,
            interval_seconds,
            attempts_max,
            backoff_rate,
            delay_seconds_max,
            jitter,
        })
    }

    /// **Milliseconds** to wait before retry number `retry` (from 0).
    pub(crate) fn delay_millis(&self, retry: u32, jitter: f64) -> i64 {
        let seconds = self.delay_seconds(retry);
        let millis = if self.jitter {
            seconds * 1_000.0 * jitter
        } else {
            seconds * 1_000.0
        };
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let millis = millis as i64;
        millis
    }

    /// **Seconds** to wait before retry number `retry` (from 0), without jitter.
    pub(crate) fn delay_seconds(&self, retry: u32) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
        let (first, limit) = (
            self.interval_seconds as f64,
            self.delay_seconds_max.map(|limit| limit as f64),
        );
        let delay = first * self.backoff_rate.powi(i32::try_from(retry).unwrap_or(i32::MAX));
        delay.min(limit.unwrap_or(f64::from(u32::MAX)))
    }
}

impl Catcher {
    /// Reads all of `Catch`.
    pub(crate) fn read_all(fields: &mut Fields<'_, '_>) -> Vec<Self> {
        fields.objects("Catch", Self::read)
    }

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.text("Comment");
        let errors = read_errors(fields);
        let next = fields.target("Next", true);
        let io = CatchIo::read(fields);
        fields.report_unread();
        Some(Self {
            errors: errors?,
            next: Next::State(next?),
            io,
        })
    }
}

impl CatchIo {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        match Io::read(
            fields,
            Has {
                parameters: false,
                selector: false,
                result: true,
            },
        ) {
            Io::Paths(paths) => Self::Paths {
                result: paths.result,
                assign: paths.assign,
            },
            Io::Query(query) => Self::Query {
                output: query.output,
                assign: query.assign,
            },
        }
    }
}

fn read_errors(fields: &mut Fields<'_, '_>) -> Option<Vec<Text>> {
    let errors = fields.texts("ErrorEquals", true)?;
    if errors.is_empty() {
        fields.refuse_at("ErrorEquals", "Array is too short (minimum 1)");
    }
    if errors.len() > 1 && errors.iter().any(|error| &**error == error_name::ALL) {
        fields.refuse_at("ErrorEquals", "'States.ALL' must appear alone");
    }
    Some(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier() -> Retrier {
        Retrier {
            errors: vec![],
            interval_seconds: 2,
            attempts_max: 9,
            backoff_rate: 1.5,
            delay_seconds_max: Some(4),
            jitter: false,
        }
    }

    #[test]
    fn delays_grow_up_to_their_limit() {
        let delays: Vec<_> = (0..4).map(|retry| retrier().delay_millis(retry, 0.5)).collect();
        assert_eq!(delays, [2_000, 3_000, 4_000, 4_000]);
        assert_eq!(
            Retrier {
                jitter: true,
                ..retrier()
            }
            .delay_millis(0, 0.5),
            1_000
        );
    }

    #[test]
    fn states_all_leaves_out_what_cannot_be_caught() {
        let all: [Text; 1] = ["States.ALL".into()];
        assert!(matches(&all, "Anything", true) && matches(&all, "States.Timeout", true));
        assert!(!matches(&all, "States.Runtime", true));
        assert!(matches(&all, "States.DataLimitExceeded", true));
        let failed: [Text; 1] = ["States.TaskFailed".into()];
        assert!(
            matches(&failed, "Anything", true)
                && !matches(&failed, "States.Timeout", true)
                && !matches(&failed, "E", false)
        );
    }
}
