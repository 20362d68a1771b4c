//! Reads `listObjectsV2`: all pages of a listing.

use std::collections::VecDeque;
use std::sync::Arc;

use asl::{ItemReader, ReaderTransformation, StateError};
use ports::{ObjectInfo, ObjectKey, ObjectStore, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::failure::{failed, of_store};
use super::token::Cursor;

/// The objects below a prefix in the order of their keys. Holds one page.
pub(crate) struct Pages {
    store: Arc<dyn ObjectStore>,
    bucket: String,
    prefix: String,
    /// The objects of the page that were not handed out yet.
    objects: VecDeque<ObjectInfo>,
    /// The store's tokens of this page and of the next one.
    page: Option<String>,
    following: Following,
    /// The key of the object that was handed out last.
    after: Option<String>,
    /// The number of objects that were handed out, and a digest of them.
    count: u64,
    digest: u64,
    identity: Identity,
}

/// What identifies an object of a listing for a reader that knows the object by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Key,
    /// The key and the content.
    Content,
}

/// What follows a page.
enum Following {
    /// Unknown, because no page has been read.
    Unknown,
    Page(String),
    Nothing,
}

impl Pages {
    pub(crate) fn new(
        store: &Arc<dyn ObjectStore>,
        (bucket, prefix): (String, String),
        identity: Identity,
        from: Option<&Cursor>,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            bucket,
            prefix,
            objects: VecDeque::new(),
            page: from.and_then(|cursor| cursor.page.clone()),
            following: Following::Unknown,
            after: from.and_then(|cursor| cursor.after.clone()),
            count: from.map_or(0, |cursor| cursor.count),
            digest: from.map_or(0, |cursor| cursor.digest),
            identity,
        }
    }

    /// Hands out as many objects as an earlier reader had at that cursor, and checks that they are equal to that reader's.
    pub(crate) async fn check(mut self, seen: &Cursor) -> Result<(), StateError> {
        while self.count < seen.count && self.next().await?.is_some() {}
        if (self.count, self.digest) == (seen.count, seen.digest) {
            return Ok(());
        }
        let at = self.place();
        Err(failed(format!(
            "`{at}`: the listing has changed since it was first read"
        )))
    }

    fn place(&self) -> ObjectKey {
        ObjectKey::new(self.bucket.as_str(), format!("{}*", self.prefix))
    }

    fn note(&mut self, object: &ObjectInfo) {
        self.after = Some(object.key.clone());
        self.count += 1;
        self.digest = xxh3_64_with_seed(object.key.as_bytes(), self.digest);
        if self.identity == Identity::Content {
            self.digest = xxh3_64_with_seed(object.etag.as_bytes(), self.digest);
        }
    }

    /// `S3://bucket`
    pub(crate) fn name(&self) -> String {
        format!("S3://{}", self.bucket)
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The cursor after the object that was handed out last.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            page: self.page.clone(),
            after: self.after.clone(),
            count: self.count,
            digest: self.digest,
            ..Cursor::default()
        }
    }

    /// The next object; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<ObjectInfo>, StateError> {
        loop {
            if let Some(object) = self.objects.pop_front() {
                self.note(&object);
                return Ok(Some(object));
            }
            match std::mem::replace(&mut self.following, Following::Nothing) {
                Following::Unknown => {}
                Following::Page(page) => self.page = Some(page),
                Following::Nothing => return Ok(None),
            }
            self.read_page().await?;
        }
    }

    async fn read_page(&mut self) -> Result<(), StateError> {
        let listed = self.store.list(&self.bucket, &self.prefix, self.page.clone()).await;
        let listed = listed.map_err(|error| of_store(&self.place(), &error))?;
        let is_new = |object: &ObjectInfo| self.after.as_ref().is_none_or(|after| object.key > *after);
        self.objects = listed.objects.into_iter().filter(is_new).collect();
        self.following = listed.continuation.map_or(Following::Nothing, Following::Page);
        Ok(())
    }
}

/// An object as an item. The port tells no storage class, so every object is `STANDARD`.
///
/// **Source**: AWS as others observed it in 2026-09; `Etag` keeps its quotes, `LastModified` is Java's text of seconds.
pub(crate) fn item(object: &ObjectInfo) -> String {
    // Strings always have a JSON text.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        r#"{{"Etag":{},"Key":{},"LastModified":{},"Size":{},"StorageClass":"STANDARD"}}"#,
        text(&object.etag),
        text(&object.key),
        seconds(object.modified),
        object.size
    )
}

/// Seconds since 1970 as Java writes a double: `1.789180622E9`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds far below 2^52")]
fn seconds(moment: Timestamp) -> String {
    let seconds = moment.as_millis() as f64 / 1_000.0;
    if (1e-3..1e7).contains(&seconds) || seconds == 0.0 {
        return format!("{seconds:?}");
    }
    let text = format!("{seconds:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

/// Whether the listed objects themselves are the items.
pub(super) fn lists(reader: &ItemReader) -> bool {
    reader.resource.ends_with(":listObjectsV2") && reader.transformation != Some(ReaderTransformation::LoadAndFlatten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_java_writes_them() {
        for (millis, expected) in [
            (1_789_180_622_000, "1.789180622E9"),
            (1_789_180_622_123, "1.789180622123E9"),
            (1_000_000_000_000, "1.0E9"),
            (0, "0.0"),
            (1_500, "1.5"),
        ] {
            assert_eq!(seconds(Timestamp::from_millis(millis)), expected);
        }
    }

    #[test]
    fn an_object_is_an_item_in_the_order_of_its_members() {
        let object = ObjectInfo {
            key: "in\"put/1.txt".to_owned(),
            size: 2,
            etag: "\"401b\"".to_owned(),
            version: None,
            modified: Timestamp::from_millis(1_789_180_622_000),
        };
        let expected = r#"{"Etag":"\"401b\"","Key":"in\"put/1.txt","LastModified":1.789180622E9,"Size":2,"StorageClass":"STANDARD"}"#;
        assert_eq!(item(&object), expected);
    }
}
