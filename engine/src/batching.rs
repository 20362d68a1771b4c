//! Makes the inputs of children from items: `ItemSelector` first, then `ItemBatcher`.
//!
//! A batch closes before it would exceed its bytes: the item that does not fit begins the next batch. Without a selector,
//! items pass through as the text that the reader has made of them.

use std::fmt::{self, Write};
use std::sync::Arc;

use asl::{Batcher, MapRunRequest, StateError, Value, error_name};

use crate::item_source::{Content, ItemSource, Mark, SourceItem};
use crate::limits;

/// The input of a child to be started.
pub(crate) struct Dispatch {
    pub(crate) position: u64,
    pub(crate) items: u64,
    /// JSON text.
    pub(crate) input: String,
}

/// The inputs of a map run's children, in order.
pub(crate) struct ChildInputs {
    request: Arc<MapRunRequest>,
    source: ItemSource,
    frame: Option<Frame>,
    /// The item that did not fit into the last batch.
    waiting: Option<Selected>,
}

/// An item after the selector.
struct Selected {
    /// Where the item was read.
    mark: Mark,
    index: u64,
    json: ItemText,
}

/// An item as JSON text. Of an item that is too large for any child, only the length is kept.
#[derive(Default)]
struct ItemText {
    text: String,
    /// **Bytes** of the whole text.
    bytes: usize,
}

/// The text around the items of a batch, and the bounds of a batch.
struct Frame {
    before: String,
    after: String,
    items_max: u64,
    bytes_max: usize,
}

impl ChildInputs {
    pub(crate) fn new(source: ItemSource, request: &Arc<MapRunRequest>) -> Self {
        Self {
            request: Arc::clone(request),
            source,
            frame: request.batcher.as_ref().map(|batcher| Frame::new(request, batcher)),
            waiting: None,
        }
    }

    /// What the source's first object was read as, once its reading has begun.
    pub(crate) fn start(&self) -> Option<Arc<str>> {
        self.source.start()
    }

    /// The mark at which the next child's first item begins.
    pub(crate) fn mark(&self) -> Mark {
        match &self.waiting {
            Some(waiting) => waiting.mark.clone(),
            None => self.source.mark(),
        }
    }

    /// The input of the next child: one item, or one batch of items.
    pub(crate) async fn next(&mut self, position: u64) -> Result<Option<Dispatch>, StateError> {
        if self.frame.is_some() {
            return self.next_batch(position).await;
        }
        let Some(item) = self.source.next().await? else {
            return Ok(None);
        };
        let (index, json) = (item.index, self.select(item)?);
        self.check_size(index, json.bytes, limits::PAYLOAD_BYTES_MAX)?;
        Ok(Some(Dispatch {
            position,
            items: 1,
            input: json.text,
        }))
    }

    async fn next_batch(&mut self, position: u64) -> Result<Option<Dispatch>, StateError> {
        let (mut input, mut items) = (String::new(), 0);
        while let Some(item) = self.next_selected().await? {
            let Some(frame) = &self.frame else { break };
            if items == 0 {
                self.check_size(item.index, frame.bytes() + item.json.bytes, frame.bytes_max)?;
                input.push_str(&frame.before);
            } else if input.len() + 1 + item.json.bytes + frame.after.len() > frame.bytes_max {
                self.waiting = Some(item);
                break;
            } else {
                input.push(',');
            }
            input.push_str(&item.json.text);
            items += 1;
            if items == frame.items_max {
                break;
            }
        }
        let Some(frame) = self.frame.as_ref().filter(|_| items > 0) else {
            return Ok(None);
        };
        input.push_str(&frame.after);
        Ok(Some(Dispatch { position, items, input }))
    }

    async fn next_selected(&mut self) -> Result<Option<Selected>, StateError> {
        if let Some(waiting) = self.waiting.take() {
            return Ok(Some(waiting));
        }
        let mark = self.source.mark();
        let Some(item) = self.source.next().await? else {
            return Ok(None);
        };
        Ok(Some(Selected {
            mark,
            index: item.index,
            json: self.select(item)?,
        }))
    }

    fn select(&self, item: SourceItem) -> Result<ItemText, StateError> {
        if !self.request.has_selector() {
            return Ok(match item.content {
                Content::Text(text) => text.into(),
                content @ (Content::Value(_) | Content::Entry(..)) => ItemText::from_value(&content.into_value()?),
            });
        }
        let name = self.source.name();
        let selected = match item.content {
            Content::Entry(key, value) => self.request.select_entry(item.index, name, key, value)?,
            content @ (Content::Text(_) | Content::Value(_)) => {
                self.request.select_item(item.index, name, content.into_value()?)?
            }
        };
        Ok(ItemText::from_value(&selected))
    }

    fn check_size(&self, index: u64, bytes: usize, bytes_max: usize) -> Result<(), StateError> {
        if bytes <= bytes_max {
            return Ok(());
        }
        let name = self.source.name();
        let cause = format!(
            "item {index} (from 0) of `{name}` makes a child's input of {bytes} bytes, over the limit of {bytes_max} bytes"
        );
        Err(StateError::new(error_name::DATA_LIMIT_EXCEEDED, cause))
    }
}

impl ItemText {
    fn from_value(value: &Value) -> Self {
        let mut json = Self::default();
        // Neither a value nor this refuses to be written.
        write!(json, "{value}").unwrap_or_default();
        json
    }
}

impl From<String> for ItemText {
    fn from(text: String) -> Self {
        let bytes = text.len();
        Self { text, bytes }
    }
}

impl Write for ItemText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.bytes += piece.len();
        if self.bytes <= limits::PAYLOAD_BYTES_MAX {
            self.text.push_str(piece);
        }
        Ok(())
    }
}

impl Frame {
    fn new(request: &MapRunRequest, batcher: &Batcher) -> Self {
        let empty = request.batch_input(Vec::new()).to_string();
        let (before, after) = empty.split_once(ITEMS).unwrap_or((&empty, ""));
        let bytes_max = batcher
            .input_bytes_per_batch_max
            .and_then(|max| usize::try_from(max).ok());
        Self {
            before: format!("{before}{}", ITEMS.trim_end_matches(']')),
            after: format!("]{after}"),
            items_max: batcher.items_per_batch_max.unwrap_or(u64::MAX),
            bytes_max: bytes_max
                .unwrap_or(limits::PAYLOAD_BYTES_MAX)
                .min(limits::PAYLOAD_BYTES_MAX),
        }
    }

    const fn bytes(&self) -> usize {
        self.before.len() + self.after.len()
    }
}

/// The `Items` member of an empty batch.
const ITEMS: &str = "\"Items\":[]";
