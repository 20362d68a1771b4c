//! Stores that do not play along, and what every test of a reader does.

use std::sync::Arc;

use asl::{ItemReader, StateError, Value};
use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt, stream};
use ports::{
    BodyStream, CopyOptions, FaultInjector, Faults, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey,
    ObjectStore, PutOptions, PutResult, Result, Timestamp, memory,
};
use serde_json::json;

use crate::item_source::{ItemSource, Mark};

/// A store whose bodies come in pieces of a few bytes.
#[derive(Debug)]
struct Drip {
    inner: memory::ObjectStore,
    piece: usize,
}

#[async_trait]
impl ObjectStore for Drip {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.inner.head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let (info, body) = self.inner.get(at, options).await?;
        let piece = self.piece;
        let pieces = body.map_ok(move |bytes: Bytes| {
            let length = bytes.len();
            let cut = (0..length)
                .step_by(piece)
                .map(move |at| bytes.slice(at..length.min(at + piece)));
            stream::iter(cut.map(Ok))
        });
        Ok((info, pieces.try_flatten().boxed()))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.inner.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.inner.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.inner.delete(at).await
    }
}

/// A store that finds every object to be long, and gives none of it.
#[derive(Debug)]
pub(super) struct Stuck(pub(super) memory::ObjectStore);

#[async_trait]
impl ObjectStore for Stuck {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.0.head(at).await
    }

    async fn get(&self, at: &ObjectKey, _options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let info = ObjectInfo {
            key: at.key.clone(),
            size: 1_000,
            etag: "\"1\"".to_owned(),
            version: None,
            modified: Timestamp::default(),
        };
        Ok((info, stream::empty().boxed()))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.0.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        self.0.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.0.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.0.delete(at).await
    }
}

/// A reader of `s3://b/k` or of what is listed in `s3://b`, with fields of `ReaderConfig`.
pub(super) fn reader(action: &str, config: &Value) -> ItemReader {
    let text = |name: &str| config.get(name).and_then(Value::as_str).map(Into::into);
    let headers = config.get("CSVHeaders").and_then(Value::as_array).cloned();
    ItemReader {
        resource: format!("arn:aws:states:::s3:{action}").into(),
        arguments: json!({"Bucket": "b", "Key": "k", "Prefix": "in/"}),
        input_type: word(config, "InputType"),
        transformation: word(config, "Transformation"),
        manifest_type: word(config, "ManifestType"),
        csv_delimiter: word(config, "CSVDelimiter"),
        csv_header_location: word(config, "CSVHeaderLocation"),
        csv_headers: headers
            .unwrap_or_default()
            .iter()
            .map(|name| name.as_str().unwrap().into())
            .collect(),
        max_items: config.get("MaxItems").and_then(Value::as_u64),
        items_pointer: text("ItemsPointer"),
    }
}

pub(super) fn store(objects: &[(&str, Bytes)], piece: usize) -> Arc<dyn ObjectStore> {
    let inner = memory::ObjectStore::default();
    for (key, body) in objects {
        inner.insert("b", key, body.clone());
    }
    Arc::new(Drip { inner, piece })
}

/// Items from a mark on, each with the mark before it and the name of its source.
pub(super) type Read = Vec<(Mark, Value, String)>;

pub(super) fn read_from(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Mark,
) -> std::result::Result<Read, StateError> {
    block_on(async {
        let mut source = ItemSource::of_reader(store, reader, from).await?;
        let mut read = Vec::new();
        loop {
            let mark = source.mark();
            let Some(item) = source.next().await? else {
                return Ok(read);
            };
            assert_eq!(item.index, mark.item);
            read.push((mark, item.content.into_value()?, source.name().to_owned()));
        }
    })
}

pub(super) fn items(store: &Arc<dyn ObjectStore>, reader: &ItemReader) -> std::result::Result<Vec<Value>, StateError> {
    let read = read_from(store, reader, Mark::default())?;
    Ok(read.into_iter().map(|(_, item, _)| item).collect())
}

pub(super) fn cause(store: &Arc<dyn ObjectStore>, reader: &ItemReader) -> String {
    let error = items(store, reader).unwrap_err();
    assert_eq!(error.error.as_deref(), Some("States.ItemReaderFailed"));
    error.cause.unwrap().to_string()
}

/// The same items in any pieces, and the same rest from every mark, also where the store breaks off every body.
pub(super) fn reads(objects: &[(&str, Bytes)], reader: &ItemReader, expected: &[Value]) {
    for piece in [1, 3, 1_000_000] {
        let store = store(objects, piece);
        let read = read_from(&store, reader, Mark::default()).unwrap();
        let found: Vec<&Value> = read.iter().map(|(_, item, _)| item).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "pieces of {piece}");
        for (at, (mark, _, _)) in read.iter().enumerate() {
            let rest = read_from(&store, reader, mark.clone()).unwrap();
            assert_eq!(rest, read[at..], "from {mark:?}");
        }
    }
    let whole = store(objects, 1_000_000);
    let faults = Faults::Seeded {
        seed: 7,
        per_mille: 300,
    };
    let cut: Arc<dyn ObjectStore> = Arc::new(FaultInjector::<dyn ObjectStore>::new(whole, faults));
    // A request that fails is the store's to repeat; a body that breaks off is ours.
    if let Ok(found) = items(&cut, reader) {
        assert_eq!(found, expected);
    }
}

/// A field that stands for a value, if it is there.
fn word<T: serde::de::DeserializeOwned>(config: &Value, name: &str) -> Option<T> {
    config
        .get(name)
        .map(|word| serde_json::from_value(word.clone()).unwrap())
}
