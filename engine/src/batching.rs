//! From items to the inputs of children: `ItemSelector`, then `ItemBatcher`.

use std::sync::Arc;

use asl::{MapRunRequest, StateError, Value};

use crate::item_source::{ItemSource, Mark};
use crate::limits;

/// A child that is to be started.
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
}

impl ChildInputs {
    pub(crate) fn new(source: ItemSource, request: &Arc<MapRunRequest>) -> Self {
        Self {
            request: Arc::clone(request),
            source,
        }
    }

    /// Where the next child's first item begins.
    pub(crate) const fn mark(&self) -> Mark {
        self.source.mark()
    }

    /// The next child's input: an item, or as many of them as make a batch.
    pub(crate) async fn next(&mut self, position: u64) -> Result<Option<Dispatch>, StateError> {
        let Some(first) = self.next_item().await? else {
            return Ok(None);
        };
        let request = Arc::clone(&self.request);
        let Some(batcher) = &request.batcher else {
            let dispatch = Dispatch {
                position,
                items: 1,
                input: first.to_string(),
            };
            return Ok(Some(dispatch));
        };
        let most = batcher.items_per_batch_max.unwrap_or(u64::MAX);
        let bytes_max = batcher
            .input_bytes_per_batch_max
            .map_or(limits::PAYLOAD_BYTES_MAX, |max| {
                usize::try_from(max).unwrap_or(limits::PAYLOAD_BYTES_MAX)
            });
        let mut batch = Collected::new(&request, first);
        while batch.items() < most && batch.bytes < bytes_max {
            let Some(item) = self.next_item().await? else {
                break;
            };
            batch.add(item);
        }
        Ok(Some(Dispatch {
            position,
            items: batch.items(),
            input: request.batch_input(batch.items).to_string(),
        }))
    }

    async fn next_item(&mut self) -> Result<Option<Value>, StateError> {
        let Some(item) = self.source.next().await? else {
            return Ok(None);
        };
        let selected = self
            .request
            .select_item(item.mark.item, self.source.name(), item.value)?;
        Ok(Some(selected))
    }
}

/// Items of a batch that is being collected.
struct Collected {
    items: Vec<Value>,
    bytes: usize,
}

impl Collected {
    fn new(request: &MapRunRequest, first: Value) -> Self {
        let frame = request.batch_input(Vec::new()).to_string().len();
        let mut collected = Self {
            items: Vec::new(),
            bytes: frame,
        };
        collected.add(first);
        collected
    }

    fn add(&mut self, item: Value) {
        self.bytes += item.to_string().len() + 1;
        self.items.push(item);
    }

    fn items(&self) -> u64 {
        self.items.len() as u64
    }
}
