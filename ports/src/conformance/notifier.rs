//! What a notifier promises.

use super::assert_kind;
use crate::{ErrorKind, Notification, Notifier, Result};

/// Every check, to a topic that exists.
pub async fn all(notifier: &dyn Notifier, topic: &str) -> Result<()> {
    a_message_gets_an_id(notifier, topic).await?;
    the_same_id_again_is_no_error(notifier, topic).await?;
    what_sns_would_refuse_is_refused(notifier, topic).await
}

fn notification(topic: &str, id: &str, message: &str) -> Notification {
    Notification {
        topic: topic.to_owned(),
        subject: Some("a run has ended".to_owned()),
        message: message.to_owned(),
        id: id.to_owned(),
    }
}

/// With and without a subject, in any script, up to the limit.
pub async fn a_message_gets_an_id(notifier: &dyn Notifier, topic: &str) -> Result<()> {
    let mut one = notification(topic, "ids-1", "[\"Could not find: …/zz/zz.gif\"]");
    assert!(!notifier.publish(one.clone()).await?.is_empty());
    "ids-2".clone_into(&mut one.id);
    one.subject = None;
    assert!(!notifier.publish(one).await?.is_empty());
    let largest = notification(topic, "ids-3", &"x".repeat(256 * 1_024));
    assert!(!notifier.publish(largest).await?.is_empty());
    Ok(())
}

/// A caller that was interrupted publishes again.
pub async fn the_same_id_again_is_no_error(notifier: &dyn Notifier, topic: &str) -> Result<()> {
    let one = notification(topic, "again", "text");
    notifier.publish(one.clone()).await?;
    notifier.publish(one).await?;
    Ok(())
}

/// No message, one that is too long, and subjects that mail cannot carry.
pub async fn what_sns_would_refuse_is_refused(notifier: &dyn Notifier, topic: &str) -> Result<()> {
    let too_long = "x".repeat(256 * 1_024 + 1);
    for message in ["", &too_long] {
        let answer = notifier.publish(notification(topic, "refused", message)).await;
        assert_kind(
            answer,
            ErrorKind::Malformed,
            &format!("a message of {} bytes", message.len()),
        );
    }
    for subject in ["", "two\nlines", "ünïcødé", &"s".repeat(100)] {
        let mut one = notification(topic, "refused", "text");
        one.subject = Some(subject.to_owned());
        assert_kind(notifier.publish(one).await, ErrorKind::Malformed, subject);
    }
    Ok(())
}
