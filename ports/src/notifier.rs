//! Notifications: SNS, or a list that can be read afterwards.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// One message to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The topic's ARN.
    pub topic: String,
    /// ASCII, under 100 characters.
    pub subject: Option<String>,
    /// At most 256 KiB.
    pub message: String,
    /// Names this notification: where the other side keeps ids, publishing it twice is the same as once.
    pub id: String,
}

/// Publishes to topics.
#[async_trait]
pub trait Notifier: Send + Sync + fmt::Debug {
    /// Publishes and returns the message's id.
    async fn publish(&self, notification: Notification) -> Result<String>;
}
