//! Which objects a reader reads: the one that it names, or all that a listing finds.

use std::sync::Arc;

use asl::{ItemReader, StateError, Value};
use ports::{ObjectKey, ObjectStore};

use super::failure::failed;
use super::listing::Pages;
use super::token::Cursor;
use super::window::Object;

/// Objects, one after the other.
pub(crate) enum Files {
    /// A list that is known as a whole, and the number of the next.
    Named { objects: Vec<Object>, next: usize },
    /// What a listing finds.
    Listed(Box<Pages>),
}

impl Files {
    /// The objects of a reader, beginning at a cursor.
    pub(crate) fn open(
        store: &Arc<dyn ObjectStore>,
        reader: &ItemReader,
        from: Option<&Cursor>,
    ) -> Result<Self, StateError> {
        let (_, action) = reader.resource.rsplit_once(':').unwrap_or_default();
        match action {
            "getObject" => Ok(Self::Named {
                objects: vec![named(reader)?],
                next: from.map_or(0, |cursor| cursor.file),
            }),
            "listObjectsV2" => Ok(Self::Listed(Box::new(pages(store, reader, from)?))),
            _ => Err(failed(format!(
                "expected the ItemReader's Resource to be `arn:aws:states:::s3:getObject` or `…:listObjectsV2`, found `{}`",
                reader.resource
            ))),
        }
    }

    /// Where the next object is.
    pub(crate) fn cursor(&self) -> Cursor {
        match self {
            Self::Named { next, .. } => Cursor {
                file: *next,
                ..Cursor::default()
            },
            Self::Listed(pages) => pages.cursor(),
        }
    }

    /// The next object; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Object>, StateError> {
        match self {
            Self::Named { objects, next } => {
                let object = objects.get(*next).cloned();
                *next += usize::from(object.is_some());
                Ok(object)
            }
            Self::Listed(pages) => next_listed(pages).await,
        }
    }
}

/// The next object of a listing, unless it is the empty one that stands for a folder.
async fn next_listed(pages: &mut Pages) -> Result<Option<Object>, StateError> {
    while let Some(info) = pages.next().await? {
        if info.size == 0 && info.key.ends_with('/') {
            continue;
        }
        return Ok(Some(Object {
            at: ObjectKey::new(pages.bucket(), info.key),
            version: None,
            etag: Some(info.etag),
            is_packed: false,
        }));
    }
    Ok(None)
}

/// The listing that a reader's arguments name.
pub(crate) fn pages(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Option<&Cursor>,
) -> Result<Pages, StateError> {
    let prefix = reader
        .arguments
        .get("Prefix")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(Pages::new(store, argument(reader, "Bucket")?, prefix.to_owned(), from))
}

/// The object that a reader's arguments name.
fn named(reader: &ItemReader) -> Result<Object, StateError> {
    let version = reader.arguments.get("VersionId").and_then(Value::as_str);
    Ok(Object {
        at: ObjectKey::new(argument(reader, "Bucket")?, argument(reader, "Key")?),
        version: version.map(str::to_owned),
        etag: None,
        is_packed: false,
    })
}

/// A text among a reader's arguments.
fn argument(reader: &ItemReader, name: &str) -> Result<String, StateError> {
    let value = reader.arguments.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| failed(format!("the ItemReader needs a text in `{name}`")))
}
