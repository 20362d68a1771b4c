//! The one notification of a run: the first failures with their texts, and where all of them are.

use ports::{Notification, ObjectKey};
use serde_json::json;

use crate::Tally;
use crate::tally::cut;

/// **Bytes** of the messages: SNS takes 256 KiB, and the frame and JSON's escapes need some of it.
const MESSAGES_BYTES_MAX: usize = 128 << 10;
/// Subjects are ASCII and under 100 characters.
const SUBJECT_MAX: usize = 99;

/// The notification of a run with failures.
pub(crate) fn new(topic: &str, execution: &str, tally: &Tally, report: &ObjectKey) -> Notification {
    let mut room = MESSAGES_BYTES_MAX;
    let messages: Vec<&str> = tally
        .failures
        .iter()
        .map(|failure| failure.message.as_str())
        .take_while(|message| {
            let fits = message.len() + 3 <= room;
            room = room.saturating_sub(message.len() + 3);
            fits
        })
        .collect();
    let more = tally.counts.failed.saturating_sub(messages.len() as u64);
    let message = json!({
        "execution": execution,
        "items": tally.counts.items(),
        "failed": tally.counts.failed,
        "messages": messages,
        "more": more,
        "report": report.to_string(),
    });
    let subject = format!(
        "gantry: {} of {} items failed in {execution}",
        tally.counts.failed,
        tally.counts.items()
    );
    let subject: String = subject.chars().filter(char::is_ascii).collect();
    Notification {
        topic: topic.to_owned(),
        subject: Some(cut(&subject, SUBJECT_MAX).to_owned()),
        message: message.to_string(),
        id: format!("{execution}/report"),
    }
}
