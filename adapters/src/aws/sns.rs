//! Notifications to SNS topics.

use async_trait::async_trait;
use aws_sdk_sns::Client;
use ports::{Notification, Notifier, Result};

use super::failure;

/// A FIFO topic keeps messages of a group in order; ours do not depend on each other's.
const MESSAGE_GROUP: &str = "gantry";
/// SNS's limit. **Source**: the API reference of Publish, read 2026-11-22.
const DEDUPLICATION_ID_BYTES_MAX: usize = 128;

/// Notifications to SNS topics. A FIFO topic drops an id that it has seen in the last five minutes.
#[derive(Debug, Clone)]
pub struct Sns {
    client: Client,
}

impl Sns {
    /// Over a client.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }
}

/// The end of an id, where ids differ, in the characters that SNS takes.
fn deduplication_id(id: &str) -> String {
    let plain = id.chars().map(|char| if char.is_ascii_graphic() { char } else { '_' });
    let plain: Vec<char> = plain.collect();
    let skip = plain.len().saturating_sub(DEDUPLICATION_ID_BYTES_MAX);
    plain.into_iter().skip(skip).collect()
}

#[async_trait]
impl Notifier for Sns {
    async fn publish(&self, notification: Notification) -> Result<String> {
        notification.check()?;
        let is_fifo = notification.topic.rsplit('.').next() == Some("fifo");
        let doing = format!("publish to `{}`", notification.topic);
        let request = self.client.publish().topic_arn(notification.topic);
        let request = request
            .message(notification.message)
            .set_subject(notification.subject)
            .set_message_group_id(is_fifo.then(|| MESSAGE_GROUP.to_owned()))
            .set_message_deduplication_id(is_fifo.then(|| deduplication_id(&notification.id)));
        let published = request
            .send()
            .await
            .map_err(|error| failure::service_error(error, doing))?;
        Ok(published.message_id.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_ids_keep_their_ends() {
        let id = super::deduplication_id(&format!("{}:download-7", "ü".repeat(200)));
        assert_eq!(id.len(), 128);
        assert!(id.ends_with("_:download-7"));
    }
}
