//! Where a map run's items come from: a state's data, or a reader over the object store.
//!
//! Streams: holds one piece of the source and one item. Every item knows the byte at which it begins, so that a
//! recovery reads on from there. Reads `JSONL` objects; the other readers fail as `States.ItemReaderFailed`, saying so.

use std::sync::Arc;

use asl::{ItemReader, Items, MapRunRequest, StateError, Value, error_name};
use bytes::{Buf, BytesMut};
use futures::StreamExt;
use ports::{BodyStream, GetOptions, ObjectKey, ObjectStore};

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
                let Some((byte, value)) = lines.next().await? else {
                    return Ok(None);
                };
                self.next.byte = lines.position;
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
        kind: Kind::Lines(Lines {
            body: Some(body),
            buffer: BytesMut::new(),
            scanned: 0,
            position: from.byte,
        }),
        next: from,
        items_max: reader.max_items.filter(|max| *max > 0).unwrap_or(u64::MAX),
        name: format!("S3://{}/{}", at.bucket, at.key),
    })
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

/// JSON values, one a line.
struct Lines {
    /// Absent once it has ended.
    body: Option<BodyStream>,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line feed.
    scanned: usize,
    /// The byte of the source at which the buffer begins.
    position: u64,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<(u64, Value)>, StateError> {
        loop {
            let Some(end) = self.line_end().await? else {
                return Ok(None);
            };
            let byte = self.position;
            let line = self.buffer.split_to(end);
            self.position += line.len() as u64;
            self.scanned = 0;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let value = serde_json::from_slice(&line);
            return match value {
                Ok(value) => Ok(Some((byte, value))),
                Err(error) => Err(failed(format!("the line at byte {byte} is no JSON: {error}"))),
            };
        }
    }

    /// How long the next line is, its line feed included; nothing at the end of the source.
    async fn line_end(&mut self) -> Result<Option<usize>, StateError> {
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.scanned + at + 1));
            }
            self.scanned = self.buffer.len();
            if self.scanned > limits::ITEM_BYTES_MAX {
                return Err(failed(format!(
                    "the line at byte {} is longer than {} bytes",
                    self.position,
                    limits::ITEM_BYTES_MAX
                )));
            }
            if !self.fill().await? {
                return Ok(Some(self.buffer.remaining()).filter(|rest| *rest > 0));
            }
        }
    }

    async fn fill(&mut self) -> Result<bool, StateError> {
        let Some(body) = &mut self.body else {
            return Ok(false);
        };
        match body.next().await {
            Some(Ok(piece)) => {
                self.buffer.extend_from_slice(&piece);
                Ok(true)
            }
            Some(Err(error)) => Err(failed(error.chain())),
            None => {
                self.body = None;
                Ok(false)
            }
        }
    }
}
