//! Activities.

use async_trait::async_trait;
use ports::{Activities, ActivityArn, ActivityRow, Cursor, Error, ErrorKind, Page, Result, Tags};
use rusqlite::{Connection, OptionalExtension};

use super::pages::{self, Entries};
use super::{Records, from_json, refuse, to_json};

#[async_trait]
impl Activities for Records {
    async fn create_activity(&self, row: ActivityRow) -> Result<ActivityRow> {
        let created = self.call("create an activity", move |connection| {
            if let Some(found) = find(connection, &row.arn)? {
                return Ok(found);
            }
            let json = to_json(&row).map_err(refuse)?;
            let mut insert = connection.prepare_cached("INSERT INTO activities (arn, row) VALUES (?1, ?2)")?;
            insert.execute([&row.arn.0, &json])?;
            Ok(row)
        });
        created.await
    }

    async fn activity(&self, arn: &ActivityArn) -> Result<ActivityRow> {
        let arn = arn.clone();
        let read = self.call("read an activity", move |connection| existing(connection, &arn));
        read.await
    }

    async fn tag_activity(&self, arn: &ActivityArn, tags: Tags) -> Result<()> {
        let arn = arn.clone();
        let tagged = self.call("tag an activity", move |connection| {
            let mut row = existing(connection, &arn)?;
            row.tags = tags;
            let json = to_json(&row).map_err(refuse)?;
            let mut update = connection.prepare_cached("UPDATE activities SET row = ?2 WHERE arn = ?1")?;
            update.execute([&arn.0, &json]).map(drop)
        });
        tagged.await
    }

    async fn delete_activity(&self, arn: &ActivityArn) -> Result<()> {
        let arn = arn.0.clone();
        let deleted = self.call("delete an activity", move |connection| {
            connection
                .execute("DELETE FROM activities WHERE arn = ?1", [arn])
                .map(drop)
        });
        deleted.await
    }

    async fn activities(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ActivityRow>> {
        let listed = self.call("list the activities", move |connection| {
            let all = Entries {
                select: "SELECT ordinal, row FROM activities WHERE ordinal < ?1 ORDER BY ordinal DESC",
                keys: &[],
            };
            pages::page(connection, &all, after, limit, |_| true)
        });
        listed.await
    }
}

fn find(connection: &Connection, arn: &ActivityArn) -> rusqlite::Result<Option<ActivityRow>> {
    let mut select = connection.prepare_cached("SELECT row FROM activities WHERE arn = ?1")?;
    let found = select.query_row([&arn.0], |row| row.get::<_, String>(0));
    found
        .optional()?
        .map(|json| from_json(&json).map_err(refuse))
        .transpose()
}

fn existing(connection: &Connection, arn: &ActivityArn) -> rusqlite::Result<ActivityRow> {
    find(connection, arn)?.ok_or_else(|| {
        let text = format!("there is no activity `{arn}`");
        refuse(Error::new(ErrorKind::NotFound, text))
    })
}
