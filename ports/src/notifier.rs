//! Notifications: SNS, or a list that can be read afterwards.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// SNS's limit of a message. **Source**: the API reference of Publish, read 2026-11-22.
const MESSAGE_BYTES_MAX: usize = 256 * 1_024;
/// SNS's limit of a subject is below this.
const SUBJECT_BYTES_END: usize = 100;

/// One message to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The topic's ARN.
    pub topic: String,
    /// Printable ASCII, fewer than 100 characters.
    pub subject: Option<String>,
    /// The text, at most 256 KiB.
    pub message: String,
    /// Names this notification. Where the service keeps ids, a notification that is published twice arrives once.
    pub id: String,
}

impl Notification {
    /// Refuses what SNS would refuse, for implementations without SNS.
    ///
    /// ```
    /// # let topic = "arn:aws:sns:us-east-1:000000000000:runs".to_owned();
    /// let notification = ports::Notification {
    ///     topic,
    ///     subject: Some("größer".to_owned()),
    ///     message: "text".to_owned(),
    ///     id: "run-1/report".to_owned(),
    /// };
    /// let refused = notification.check().unwrap_err();
    /// assert_eq!(refused.to_string(), "the subject `größer` is not 1 to 99 printable ASCII characters");
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] when message or subject are empty or too long, or the subject is not plain ASCII.
    pub fn check(&self) -> Result<()> {
        let malformed = |text: String| Err(Error::new(ErrorKind::Malformed, text));
        if self.message.is_empty() || self.message.len() > MESSAGE_BYTES_MAX {
            let length = self.message.len();
            return malformed(format!(
                "the message has {length} bytes, expected 1 to {MESSAGE_BYTES_MAX}"
            ));
        }
        let plain = |subject: &String| subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        match &self.subject {
            Some(subject) if subject.is_empty() || subject.len() >= SUBJECT_BYTES_END || !plain(subject) => malformed(
                format!("the subject `{subject}` is not 1 to 99 printable ASCII characters"),
            ),
            Some(_) | None => Ok(()),
        }
    }
}

/// Publishes to topics.
#[async_trait]
pub trait Notifier: Send + Sync + fmt::Debug {
    /// Publishes and returns the message's id.
    async fn publish(&self, notification: Notification) -> Result<String>;
}
