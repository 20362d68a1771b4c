//! Notifications: they are kept, since there is no service on this machine that could send them on.

use async_trait::async_trait;
use ports::{Notification, Notifier, Result};
use rusqlite::{OptionalExtension, params};

use super::{Records, from_json, to_json};

impl Records {
    /// Everything that was published, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn notifications(&self) -> Result<Vec<Notification>> {
        let texts: Vec<String> = self
            .call("read the notifications", |transaction| {
                let mut select =
                    transaction.prepare_cached("SELECT notification FROM notifications ORDER BY ordinal")?;
                select.query_map([], |row| row.get(0))?.collect()
            })
            .await?;
        texts.iter().map(|text| from_json(text)).collect()
    }
}

#[async_trait]
impl Notifier for Records {
    async fn publish(&self, notification: Notification) -> Result<String> {
        notification.check()?;
        let json = to_json(&notification)?;
        let published = self.call("keep a notification", move |transaction| {
            let mut known = transaction.prepare_cached("SELECT message_id FROM notifications WHERE id = ?1")?;
            let known: Option<String> = known.query_row([&notification.id], |row| row.get(0)).optional()?;
            if let Some(message_id) = known {
                return Ok(message_id);
            }
            let ordinal: i64 =
                transaction.query_row("SELECT COALESCE(MAX(ordinal), 0) + 1 FROM notifications", [], |row| {
                    row.get(0)
                })?;
            let message_id = format!("00000000-0000-4000-8000-{ordinal:012x}");
            transaction.execute(
                "INSERT INTO notifications (id, ordinal, message_id, notification) VALUES (?1, ?2, ?3, ?4)",
                params![notification.id, ordinal, message_id, json],
            )?;
            Ok(message_id)
        });
        published.await
    }
}
