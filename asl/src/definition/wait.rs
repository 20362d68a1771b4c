//! The Wait state: so long, or until then.

use super::fields::Fields;
use super::setting::Setting;
use crate::Text;

/// What a Wait state waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// **Seconds**.
    Seconds(Setting<i64>),
    /// RFC 3339.
    Until(Setting<Text>),
}

impl Wait {
    /// Reads the one field that says how long.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let seconds = fields.integer_setting("Seconds", "SecondsPath");
        let until = fields.timestamp_setting();
        match (seconds, until) {
            (Some(seconds), None) => Some(Self::Seconds(seconds)),
            (None, Some(until)) => Some(Self::Until(until)),
            (None, None) if fields.is_faulty() => None,
            (_, _) => {
                fields.refuse("A Wait state must have exactly one of [Seconds, SecondsPath, Timestamp, TimestampPath]");
                None
            }
        }
    }
}
