//! `sns:publish` over the [`Notifier`] port.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ports::{Notification, Notifier, TaskFailure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::response::{ErrorNames, Metadata, encode, parse};
use super::{Call, Service};
use crate::local::clock::nanos_since_1970;

const ERRORS: ErrorNames = ErrorNames {
    service: "SNS",
    not_found: "NotFoundException",
    other: "AmazonSNSException",
};

/// SNS over a notifier.
#[derive(Debug)]
pub struct Sns {
    notifier: Arc<dyn Notifier>,
    publications: AtomicU64,
}

impl Sns {
    /// Messages are published through this notifier.
    pub fn new(notifier: Arc<dyn Notifier>) -> Self {
        let publications = AtomicU64::new(0);
        Self { notifier, publications }
    }

    async fn publish(&self, input: &str) -> Result<String, TaskFailure> {
        let request: PublishRequest = parse(input)?;
        let message = request.message.as_str().map(str::to_owned);
        let message = message.unwrap_or_else(|| request.message.to_string());
        // As the service does, a task that is invoked again publishes again.
        let number = self.publications.fetch_add(1, Ordering::Relaxed);
        let notification = Notification {
            topic: request.topic_arn,
            subject: request.subject,
            message,
            id: format!("{}-{number}", nanos_since_1970()),
        };
        let published = self.notifier.publish(notification).await;
        encode(&PublishResponse {
            message_id: published.map_err(|error| ERRORS.failure(&error))?,
            metadata: Metadata::default(),
        })
    }
}

#[async_trait]
impl Service for Sns {
    async fn call(&self, call: Call<'_>) -> Option<Result<String, TaskFailure>> {
        match call.action {
            "publish" => Some(self.publish(call.input).await),
            _ => None,
        }
    }
}

/// `{"TopicArn":"…","Subject":"…","Message":"text or JSON"}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PublishRequest {
    topic_arn: String,
    subject: Option<String>,
    message: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PublishResponse {
    message_id: String,
    #[serde(flatten)]
    metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::memory;

    #[tokio::test]
    async fn publish_sends_text_as_it_is_and_json_as_text() {
        let notifier = Arc::new(memory::Notifier::default());
        let service = Sns::new(Arc::clone(&notifier) as Arc<dyn Notifier>);
        for message in ["\"text\"", "[\"Could not find: /zz.gif\"]"] {
            let input = format!(r#"{{"TopicArn":"arn:aws:sns:us-east-1:0:t","Subject":"s","Message":{message}}}"#);
            let output: Value = serde_json::from_str(&service.publish(&input).await.unwrap()).unwrap();
            assert!(output["MessageId"].is_string());
        }
        let messages: Vec<String> = notifier.published().into_iter().map(|one| one.message).collect();
        assert_eq!(messages, ["text", "[\"Could not find: /zz.gif\"]"]);
    }
}
