//! Activities: names under which workers ask for tasks.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Cursor, Page, Result, Tags, Timestamp};

/// Names an activity: `arn:aws:states:us-east-1:000000000000:activity:label`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityArn(pub String);

impl fmt::Display for ActivityArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRow {
    /// Names the activity.
    pub arn: ActivityArn,
    /// The last part of the ARN.
    pub name: String,
    /// When the activity was created.
    pub created: Timestamp,
    /// The activity's tags.
    #[serde(default)]
    pub tags: Tags,
}

/// Activities that outlive the process.
///
/// What a method has written when it returns survives the death of the process.
#[async_trait]
pub trait Activities: Send + Sync + fmt::Debug {
    /// Creates an activity and returns its row. When there is one with this ARN, its row is returned unchanged, whatever
    /// the tags of the request: `CreateActivity` is idempotent.
    async fn create_activity(&self, row: ActivityRow) -> Result<ActivityRow>;

    /// One activity. [`crate::ErrorKind::NotFound`] when there is none.
    async fn activity(&self, arn: &ActivityArn) -> Result<ActivityRow>;

    /// Replaces the tags of an activity. [`crate::ErrorKind::NotFound`] when there is none.
    async fn tag_activity(&self, arn: &ActivityArn, tags: Tags) -> Result<()>;

    /// Deletes an activity; nothing happens when there is none, as on AWS.
    async fn delete_activity(&self, arn: &ActivityArn) -> Result<()>;

    /// A page of at most `limit` activities, the newest first.
    async fn activities(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ActivityRow>>;
}
