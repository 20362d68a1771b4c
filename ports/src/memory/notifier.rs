//! Notifications in a list.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::{Notification, Result};

/// Notifications in a list; the same id a second time changes nothing.
#[derive(Debug, Default)]
pub struct Notifier {
    published: Mutex<Vec<Notification>>,
}

impl Notifier {
    /// What was published, in order.
    pub fn published(&self) -> Vec<Notification> {
        lock(&self.published).clone()
    }
}

#[async_trait]
impl crate::Notifier for Notifier {
    async fn publish(&self, notification: Notification) -> Result<String> {
        notification.check()?;
        let id = notification.id.clone();
        let mut published = lock(&self.published);
        if !published
            .iter()
            .any(|known| known.id == id && known.topic == notification.topic)
        {
            published.push(notification);
        }
        Ok(id)
    }
}
