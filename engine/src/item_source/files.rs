//! The objects that a reader reads: the one that it names, all objects of a listing, or those that a manifest names.

use std::sync::Arc;

use asl::{InputType, ItemReader, ManifestType, StateError, Value};
use manifest::reader::{BadList, Inventory, athena_files};
use ports::{ObjectKey, ObjectStore};

use super::csv::CsvLayout;
use super::failure::failed;
use super::listing::{Identity, Pages, lists};
use super::object::Layout;
use super::token::Cursor;
use super::window::{Object, Window};

/// Objects, one after the other.
pub(crate) enum Files {
    /// A list that is complete before the first object is read.
    Named(Named),
    /// The objects of a listing, page by page.
    Listed(Box<Pages>),
}

/// Objects that the reader or a manifest has named.
pub(crate) struct Named {
    objects: Vec<Object>,
    /// The number of the next object.
    next: usize,
    /// Identifies the content of the manifest that names the objects.
    etag: Option<String>,
}

impl Files {
    /// The objects of a reader, beginning at a cursor, and how their items are laid out.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        reader: &ItemReader,
        from: Option<&Cursor>,
    ) -> Result<(Self, Layout), StateError> {
        let (_, action) = reader.resource.rsplit_once(':').unwrap_or_default();
        let list = (reader.manifest_type, reader.input_type);
        match (action, list) {
            ("listObjectsV2", _) => {
                let pages = pages(store, reader, from)?;
                Ok((Self::Listed(Box::new(pages)), Layout::from_reader(reader)?))
            }
            ("getObject", (Some(ManifestType::AthenaData), _)) => athena(store, reader, from).await,
            ("getObject", (Some(ManifestType::S3Inventory), _) | (None, Some(InputType::Manifest))) => {
                inventory(store, reader, from).await
            }
            ("getObject", _) => {
                let files = Self::named(vec![named(reader)?], None, from);
                Ok((files, Layout::from_reader(reader)?))
            }
            _ => Err(failed(format!(
                "expected the ItemReader's Resource to be `arn:aws:states:::s3:getObject` or `…:listObjectsV2`, found `{}`",
                reader.resource
            ))),
        }
    }

    fn named(objects: Vec<Object>, etag: Option<String>, from: Option<&Cursor>) -> Self {
        let next = from.map_or(0, |cursor| cursor.file);
        Self::Named(Named { objects, next, etag })
    }

    /// Whether there may be more than one object.
    pub(crate) const fn is_list(&self) -> bool {
        match self {
            Self::Named(named) => named.etag.is_some(),
            Self::Listed(_) => true,
        }
    }

    /// The cursor of the next object.
    pub(crate) fn cursor(&self) -> Cursor {
        match self {
            Self::Named(named) => Cursor {
                file: named.next,
                etag: named.etag.clone(),
                ..Cursor::default()
            },
            Self::Listed(pages) => pages.cursor(),
        }
    }

    /// The next object; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Object>, StateError> {
        match self {
            Self::Named(named) => {
                let object = named.objects.get(named.next).cloned();
                named.next += usize::from(object.is_some());
                Ok(object)
            }
            Self::Listed(pages) => next_listed(pages).await,
        }
    }
}

/// The data files of an S3 inventory; their columns are the manifest's. Keys stay encoded, as S3 writes them there.
async fn inventory(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Option<&Cursor>,
) -> Result<(Files, Layout), StateError> {
    let manifest = read_manifest(store, reader, from).await?;
    let inventory = Inventory::read(manifest.bytes()).map_err(|bad| bad_list(&manifest, &bad))?;
    let objects = inventory.keys.into_iter().map(|key| data_file(&inventory.bucket, key));
    let files = Files::named(objects.collect(), manifest.object().etag.clone(), from);
    Ok((files, Layout::Csv(CsvLayout::given(inventory.columns)?)))
}

/// The data files of an Athena query.
async fn athena(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Option<&Cursor>,
) -> Result<(Files, Layout), StateError> {
    let layout = Layout::from_reader(reader)?;
    let manifest = read_manifest(store, reader, from).await?;
    let text = std::str::from_utf8(manifest.bytes());
    let text =
        text.map_err(|error| failed(format!("the manifest `{}` is not UTF-8: {error}", manifest.object().at)))?;
    let listed = athena_files(text).map_err(|bad| bad_list(&manifest, &bad))?;
    let objects = listed.into_iter().map(|(bucket, key)| data_file(&bucket, key));
    Ok((
        Files::named(objects.collect(), manifest.object().etag.clone(), from),
        layout,
    ))
}

/// The whole text of a manifest. Its size is bounded like that of one item.
async fn read_manifest(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Option<&Cursor>,
) -> Result<Window, StateError> {
    let manifest = Object {
        etag: from.and_then(|cursor| cursor.etag.clone()),
        ..named(reader)?
    };
    let mut window = Window::open(store, manifest, 0).await?;
    while !window.is_complete() {
        window.grow().await?;
    }
    Ok(window)
}

fn bad_list(manifest: &Window, bad: &BadList) -> StateError {
    failed(format!("the manifest `{}`: {bad}", manifest.object().at))
}

fn data_file(bucket: &str, key: String) -> Object {
    Object {
        is_packed: key.rsplit_once('.').is_some_and(|(_, end)| end == "gz"),
        at: ObjectKey::new(bucket, key),
        version: None,
        etag: None,
    }
}

/// The next object of a listing. Empty objects that stand for folders are skipped.
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

/// The listing that a reader's arguments describe.
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
    let identity = if lists(reader) {
        Identity::Key
    } else {
        Identity::Content
    };
    let place = (argument(reader, "Bucket")?, prefix.to_owned());
    Ok(Pages::new(store, place, identity, from))
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

/// The text of one of a reader's arguments.
fn argument(reader: &ItemReader, name: &str) -> Result<String, StateError> {
    let value = reader.arguments.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| failed(format!("the ItemReader needs a text in `{name}`")))
}
