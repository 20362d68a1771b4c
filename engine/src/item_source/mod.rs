//! Where a map run's items come from: a state's data, or a reader over the object store.
//!
//! Streams: holds one piece of the source and one item. Every item knows the byte at which it begins, so that a
//! recovery reads on from there. Reads `JSONL` objects; the other readers fail as `States.ItemReaderFailed`, saying so.

use std::sync::Arc;

use asl::{ItemReader, Items, MapRunRequest, StateError, Value, error_name};
use ports::{GetOptions, Lines, ObjectKey, ObjectStore};

use crate::limits;

/// Where reading starts: the first item of a new run, or the low-water mark of a recovered one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The item's position among all items.
    pub(crate) item: u64,
    /// The byte at which it begins.
    pub(crate) byte: u64,
}

/// One item as it was read.
#[derive(Debug)]
pub(crate) struct SourceItem {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

/// Items in order.
pub(crate) struct ItemSource {
    kind: Kind,
    next: Mark,
    items_max: u64,
    /// What `$$.Map.Item.Source` says.
    name: String,
}

enum Kind {
    State(Arc<Value>),
    Lines(Lines),
}

impl ItemSource {
    /// Opens the source at `from`.
    pub(crate) async fn open(store: &dyn ObjectStore, request: &MapRunRequest, from: Mark) -> Result<Self, StateError> {
        match &request.items {
            Items::State(items) => Ok(Self {
                kind: Kind::State(Arc::clone(items)),
                next: from,
                items_max: u64::MAX,
                name: "STATE_DATA".to_owned(),
            }),
            Items::Reader(reader) => open_reader(store, reader, from).await,
        }
    }

    /// What `$$.Map.Item.Source` says.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the next item begins.
    pub(crate) const fn mark(&self) -> Mark {
        self.next
    }

    /// The next item; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<SourceItem>, StateError> {
        if self.next.item >= self.items_max {
            return Ok(None);
        }
        let mark = self.next;
        let value = match &mut self.kind {
            Kind::State(items) => state_item(items, mark.item),
            Kind::Lines(lines) => {
                let read = lines.next().await.map_err(|error| failed(error.chain()))?;
                let Some((byte, line)) = read else {
                    return Ok(None);
                };
                self.next.byte = lines.position();
                let value = json_value(byte, &line)?;
                return Ok(Some(self.take(Mark { item: mark.item, byte }, value)));
            }
        };
        Ok(value.map(|value| self.take(mark, value)))
    }

    fn take(&mut self, mark: Mark, value: Value) -> SourceItem {
        self.next.item = mark.item + 1;
        SourceItem { mark, value }
    }
}

fn state_item(items: &Value, position: u64) -> Option<Value> {
    let position = usize::try_from(position).ok()?;
    if let Some(entries) = items.as_object() {
        let (key, value) = entries.iter().nth(position)?;
        return Some(serde_json::json!({"Key": key, "Value": value}));
    }
    items.as_array()?.get(position).cloned()
}

async fn open_reader(store: &dyn ObjectStore, reader: &ItemReader, from: Mark) -> Result<ItemSource, StateError> {
    let supported = reader.resource.ends_with(":s3:getObject") && reader.input_type.as_deref() == Some("JSONL");
    if !supported {
        let input_type = reader.input_type.as_deref().unwrap_or("none");
        return Err(failed(format!(
            "this engine reads items of InputType `JSONL` from `arn:aws:states:::s3:getObject`, found `{input_type}` from `{}`",
            reader.resource
        )));
    }
    let at = ObjectKey::new(argument(reader, "Bucket")?, argument(reader, "Key")?);
    let options = GetOptions {
        range: Some(from.byte..u64::MAX),
        version: reader
            .arguments
            .get("VersionId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        ..GetOptions::default()
    };
    let got = store.get(&at, options).await;
    let (_, body) = got.map_err(|error| failed(error.chain()))?;
    Ok(ItemSource {
        kind: Kind::Lines(Lines::new(body, from.byte, limits::ITEM_BYTES_MAX)),
        next: from,
        items_max: reader.max_items.filter(|max| *max > 0).unwrap_or(u64::MAX),
        name: format!("S3://{}/{}", at.bucket, at.key),
    })
}

fn json_value(byte: u64, line: &[u8]) -> Result<Value, StateError> {
    let value = serde_json::from_slice(line);
    value.map_err(|error| failed(format!("the line at byte {byte} is no JSON: {error}")))
}

fn argument(reader: &ItemReader, name: &str) -> Result<String, StateError> {
    let value = reader.arguments.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| failed(format!("the ItemReader needs a text in `{name}`")))
}

fn failed(cause: String) -> StateError {
    StateError::new(error_name::ITEM_READER_FAILED, cause)
}
