//! What activities promise.

use super::assert_kind;
use crate::{Activities, ActivityArn, ActivityRow, Cursor, ErrorKind, Result, Tags, Timestamp};

/// Every check, where there are no activities yet.
pub async fn all(activities: &dyn Activities) -> Result<()> {
    activities_are_listed_by_pages(activities).await?;
    an_activity_is_created_once(activities).await?;
    what_was_deleted_is_not_found(activities).await
}

fn row(name: &str, created: i64) -> ActivityRow {
    ActivityRow {
        arn: ActivityArn(format!("arn:aws:states:us-east-1:000000000000:activity:{name}")),
        name: name.to_owned(),
        created: Timestamp::from_millis(created),
        tags: Tags::new(),
    }
}

/// The newest first, each once, also when one is created between two pages.
pub async fn activities_are_listed_by_pages(activities: &dyn Activities) -> Result<()> {
    for name in ["one", "two", "three"] {
        activities.create_activity(row(name, 1)).await?;
    }
    let names = async |after: Option<Cursor>| -> Result<(Vec<String>, Option<Cursor>)> {
        let page = activities.activities(after, 2).await?;
        Ok((page.items.into_iter().map(|row| row.name).collect(), page.next))
    };
    let (first, next) = names(None).await?;
    assert_eq!(first, ["three", "two"]);
    activities.create_activity(row("four", 2)).await?;
    assert_eq!(names(next).await?, (vec!["one".to_owned()], None));
    Ok(())
}

/// The second request changes nothing, whatever its tags.
pub async fn an_activity_is_created_once(activities: &dyn Activities) -> Result<()> {
    let one = activities.create_activity(row("once", 5)).await?;
    let mut again = row("once", 6);
    again.tags.insert("owner".to_owned(), "me".to_owned());
    assert_eq!(activities.create_activity(again.clone()).await?, one);
    activities.tag_activity(&one.arn, again.tags.clone()).await?;
    assert_eq!(activities.activity(&one.arn).await?.tags, again.tags);
    Ok(())
}

/// Deleting again is no error.
pub async fn what_was_deleted_is_not_found(activities: &dyn Activities) -> Result<()> {
    let one = activities.create_activity(row("deleted", 7)).await?;
    activities.delete_activity(&one.arn).await?;
    activities.delete_activity(&one.arn).await?;
    assert_kind(activities.activity(&one.arn).await, ErrorKind::NotFound, "describe");
    let tagged = activities.tag_activity(&one.arn, Tags::new()).await;
    assert_kind(tagged, ErrorKind::NotFound, "tag");
    Ok(())
}
