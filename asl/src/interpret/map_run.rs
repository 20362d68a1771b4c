//! A distributed map as data: what the engine needs to run it without looking into the definition.

use super::event::MapRunId;
use super::fault::Fault;
use super::flow::{Scene, select};
use crate::data::context::Item;
use crate::data::random::mix;
use crate::data::{Context, Document, Random, Variables};
use crate::definition::map::Payload;
use crate::error_name::StateError;
use crate::map_settings::{
    CsvDelimiter, CsvHeaderLocation, InputType, ManifestType, OutputType, ReaderTransformation, WriterTransformation,
};
use crate::{ExecutionType, StateMachine, Text, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// A distributed map to be run: every field of the state resolved against its input.
#[derive(Debug, Clone)]
pub struct MapRunRequest {
    /// Which map run of the execution.
    pub map_run: MapRunId,
    /// How often this map run was redriven: 0 for a new one; else the run of that number goes on with the children that did
    /// not succeed.
    pub redrive: u32,
    /// The Map state's name.
    pub state: Text,
    /// `Label`: part of the ARNs instead of a UUID.
    pub label: Option<Text>,
    /// What runs for each item or batch; start it with `Execution::new`.
    pub processor: Arc<StateMachine>,
    /// Standard or Express children.
    pub execution_type: ExecutionType,
    /// Where the items come from.
    pub items: Items,
    /// Children at once, as written: `0` stands for AWS's default.
    pub max_concurrency: u64,
    /// Failed items that are tolerated.
    pub tolerated_failure_count: Option<u64>,
    /// **Percent** of failed items that is tolerated.
    pub tolerated_failure_percentage: Option<f64>,
    /// How items become batches; `None`: one child per item.
    pub batcher: Option<Batcher>,
    /// Where the results go; `None`: they are the state's output.
    pub writer: Option<ResultWriter>,
    /// Makes a child's item from what was read.
    pub selector: ItemSelector,
    /// Why it fails before its first child: the execution gives it up as soon as it has started.
    pub doomed: Option<StateError>,
}

/// Where a map's items come from.
#[derive(Debug, Clone)]
pub enum Items {
    /// From the state's input; the value is an array, or an object whose entries are the items.
    State(Arc<Value>),
    /// From a reader.
    Reader(Box<ItemReader>),
}

/// `ItemReader`, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemReader {
    /// `arn:aws:states:::s3:getObject` or `…:listObjectsV2`.
    pub resource: Text,
    /// `Parameters` or `Arguments`: `Bucket`, `Key`, `VersionId`, `Prefix`.
    pub arguments: Value,
    /// How the items are written in an object.
    pub input_type: Option<InputType>,
    /// Whether listed objects are the items or hold them.
    pub transformation: Option<ReaderTransformation>,
    /// Who wrote the manifest.
    pub manifest_type: Option<ManifestType>,
    /// What stands between cells; `None`: a comma.
    pub csv_delimiter: Option<CsvDelimiter>,
    /// Where the columns' names are.
    pub csv_header_location: Option<CsvHeaderLocation>,
    /// The header, with `GIVEN`.
    pub csv_headers: Vec<Text>,
    /// At most so many items; `None`: no limit.
    pub max_items: Option<u64>,
    /// JSON pointer to the array or object in the file.
    pub items_pointer: Option<Text>,
}

/// `ItemBatcher`, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Batcher {
    /// Items in a batch.
    pub items_per_batch_max: Option<u64>,
    /// **Bytes** of a child's input, `BatchInput` included.
    pub input_bytes_per_batch_max: Option<u64>,
    /// `BatchInput`, resolved; goes into each child's input.
    pub batch_input: Option<Value>,
}

/// `ResultWriter`, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultWriter {
    /// `arn:aws:states:::s3:putObject`; `None`: not exported, only transformed.
    pub resource: Option<Text>,
    /// `Parameters` or `Arguments`: Bucket, Prefix.
    pub arguments: Value,
    /// What of each child is kept.
    pub transformation: Option<WriterTransformation>,
    /// How the files are written; `None`: as JSON.
    pub output_type: Option<OutputType>,
}

/// `ItemSelector` (or a legacy Map's `Parameters`) with all it may refer to.
#[derive(Debug, Clone)]
pub struct ItemSelector {
    pub(crate) inner: Option<Arc<SelectorScope>>,
}

/// What an `ItemSelector` sees besides the item.
#[derive(Debug)]
pub(crate) struct SelectorScope {
    pub(crate) selector: Payload,
    pub(crate) name: Text,
    pub(crate) entry: u64,
    pub(crate) context: Context,
    pub(crate) variables: Variables,
    pub(crate) input: Document,
    pub(crate) raw: Document,
    pub(crate) seed: u64,
    pub(crate) now: Timestamp,
}

impl SelectorScope {
    fn select(&self, item: Item) -> Result<Value, StateError> {
        let random = Random::new(mix(self.seed ^ item.index));
        let scene = Scene {
            context: self.context.with_item(Arc::new(item)),
            variables: self.variables.clone(),
            random: &random,
            now: self.now,
            name: &self.name,
            raw: self.raw.clone(),
        };
        let made = select(&scene, &self.selector, &self.input);
        let told = |fault: Fault| fault.told(&self.name, self.entry);
        let made = made.map_err(told).map_err(|fault| StateError {
            error: fault.error,
            cause: fault.cause,
        })?;
        Ok(Value::clone(made.value()))
    }
}

impl MapRunRequest {
    /// The input of the child, or its place in a batch, for one item as it was read.
    ///
    /// `index` counts from 0; `source` is `STATE_DATA`, `S3://bucket` or `S3://bucket/key`.
    ///
    /// # Errors
    /// When the selector names what is not there; the map run fails with it.
    pub fn select_item(&self, index: u64, source: &str, item: Value) -> Result<Value, StateError> {
        self.select(Item {
            index,
            value: item,
            key: None,
            source: Some(source.to_owned()),
        })
    }

    /// The same for a member of an object: the selector sees its name as `$$.Map.Item.Key` and its value as
    /// `$$.Map.Item.Value`; without a selector the item is `{"Key":…,"Value":…}`.
    ///
    /// # Errors
    /// As [`Self::select_item`].
    pub fn select_entry(&self, index: u64, source: &str, key: String, value: Value) -> Result<Value, StateError> {
        if !self.has_selector() {
            let members = [("Key".to_owned(), Value::String(key)), ("Value".to_owned(), value)];
            return Ok(Value::Object(members.into_iter().collect()));
        }
        self.select(Item {
            index,
            value,
            key: Some(key),
            source: Some(source.to_owned()),
        })
    }

    /// Whether items are anything but handed on as they were read.
    pub const fn has_selector(&self) -> bool {
        self.selector.inner.is_some()
    }

    fn select(&self, item: Item) -> Result<Value, StateError> {
        match &self.selector.inner {
            None => Ok(item.value),
            Some(scope) => scope.select(item),
        }
    }

    /// The input of a child for a batch of selected items: `{"Items":[…],"BatchInput":{…}}`.
    pub fn batch_input(&self, items: Vec<Value>) -> Value {
        let mut input = serde_json::Map::new();
        input.insert("Items".into(), Value::Array(items));
        if let Some(batch_input) = self.batcher.as_ref().and_then(|batcher| batcher.batch_input.clone()) {
            input.insert("BatchInput".into(), batch_input);
        }
        Value::Object(input)
    }
}
