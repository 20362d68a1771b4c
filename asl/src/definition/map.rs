//! The Map state, INLINE and DISTRIBUTED.

use super::fields::Fields;
use super::resource::unrecognised;
use super::setting::Setting;
use super::states::{States, read_nested_states};
use crate::data::jsonata::{Query, QueryTemplate};
use crate::data::{Reference, Template};
use crate::map_settings::{
    CsvDelimiter, CsvHeaderLocation, InputType, ManifestType, OutputType, ReaderTransformation, WriterTransformation,
};
use crate::{ExecutionType, Text};
use serde_json::Value;
use std::sync::Arc;

/// The fields of a Map besides its data flow.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) items: ItemsFrom,
    pub(crate) selector: Option<Payload>,
    pub(crate) processor: Arc<States>,
    pub(crate) max_concurrency: Option<Setting<i64>>,
    pub(crate) distributed: Option<Box<Distributed>>,
    pub(crate) tolerance: Tolerance,
    /// Whether its expressions are `JSONata`.
    pub(crate) jsonata: bool,
}

/// Where the items come from when there is no reader.
#[derive(Debug)]
pub(crate) enum ItemsFrom {
    /// The whole effective input.
    Input,
    /// `ItemsPath`.
    Path(Reference),
    /// `Items` as an expression.
    Query(Query),
    /// `Items` as an array, which may hold expressions.
    Template(QueryTemplate),
}

/// A template of either language.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Paths(Template),
    Query(QueryTemplate),
}

/// `ToleratedFailureCount(Path)`, `ToleratedFailurePercentage(Path)`.
#[derive(Debug)]
pub(crate) struct Tolerance {
    pub(crate) count: Option<Setting<i64>>,
    pub(crate) percentage: Option<Setting<f64>>,
}

/// What only a DISTRIBUTED Map has.
#[derive(Debug)]
pub(crate) struct Distributed {
    pub(crate) execution_type: ExecutionType,
    pub(crate) label: Option<Text>,
    pub(crate) reader: Option<Reader>,
    pub(crate) batcher: Option<Batching>,
    pub(crate) writer: Option<Writer>,
}

/// `ItemReader`.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) resource: Text,
    pub(crate) arguments: Option<Payload>,
    pub(crate) config: ReaderConfig,
}

/// `ReaderConfig`.
#[derive(Debug, Default)]
pub(crate) struct ReaderConfig {
    pub(crate) input_type: Option<InputType>,
    pub(crate) transformation: Option<ReaderTransformation>,
    pub(crate) manifest_type: Option<ManifestType>,
    pub(crate) csv_delimiter: Option<CsvDelimiter>,
    pub(crate) csv_header_location: Option<CsvHeaderLocation>,
    pub(crate) csv_headers: Vec<Text>,
    pub(crate) max_items: Option<Setting<i64>>,
    pub(crate) items_pointer: Option<Text>,
}

/// `ItemBatcher`.
#[derive(Debug)]
pub(crate) struct Batching {
    pub(crate) items_per_batch_max: Option<Setting<i64>>,
    pub(crate) input_bytes_per_batch_max: Option<Setting<i64>>,
    pub(crate) batch_input: Option<Payload>,
}

/// `ResultWriter`.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) resource: Option<Text>,
    pub(crate) arguments: Option<Payload>,
    pub(crate) transformation: Option<WriterTransformation>,
    pub(crate) output_type: Option<OutputType>,
}

/// Characters in a label.
const LABEL_CHARACTERS_MAX: usize = 40;

impl Map {
    /// Reads the fields; `None` if there is no processor.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (processor, mode) = read_processor(fields);
        if mode.is_some() && fields.has("ItemProcessor") {
            fields.warn_in_express("ItemProcessor", "an EXPRESS execution cannot run a DISTRIBUTED Map");
        }
        let items = ItemsFrom::read(fields);
        let selector = read_selector(fields);
        let max_concurrency = fields.integer_setting("MaxConcurrency", "MaxConcurrencyPath");
        let tolerance = Tolerance::read(fields);
        let distributed = Distributed::read(fields, mode);
        Some(Self {
            items,
            selector,
            processor: processor?,
            max_concurrency,
            distributed,
            tolerance,
            jsonata: fields.is_jsonata(),
        })
    }
}

impl Map {
    /// Whether its results are written to files: its own result is then an object that names them.
    pub(crate) fn exports_results(&self) -> bool {
        let writer = self
            .distributed
            .as_ref()
            .and_then(|distributed| distributed.writer.as_ref());
        writer.is_some_and(|writer| writer.resource.is_some())
    }
}

/// `Some(type of the children)` for a DISTRIBUTED processor.
type Mode = Option<ExecutionType>;

fn read_processor(fields: &mut Fields<'_, '_>) -> (Option<Arc<States>>, Mode) {
    let name = if fields.has("ItemProcessor") {
        "ItemProcessor"
    } else {
        "Iterator"
    };
    if !fields.has(name) {
        fields.require("ItemProcessor");
        return (None, None);
    }
    let mut mode = None;
    let states = fields.object(name, |processor| {
        mode = processor.object("ProcessorConfig", read_mode);
        read_nested_states(processor, mode == Some(ExecutionType::Express))
    });
    (states.map(Arc::new), mode)
}

fn read_mode(fields: &mut Fields<'_, '_>) -> Mode {
    let mode = fields
        .one_of("Mode", &["INLINE", "DISTRIBUTED"])
        .unwrap_or("INLINE")
        .to_owned();
    let kind = fields
        .one_of("ExecutionType", &["STANDARD", "EXPRESS"])
        .map(str::to_owned);
    if mode == "INLINE" {
        return None;
    }
    if kind.is_none() {
        fields.require("ExecutionType");
    }
    Some(if kind.as_deref() == Some("EXPRESS") {
        ExecutionType::Express
    } else {
        ExecutionType::Standard
    })
}

impl ItemsFrom {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        if !fields.is_jsonata() {
            return fields.reference("ItemsPath").map_or(Self::Input, Self::Path);
        }
        match fields.query_or_value("Items") {
            None => Self::Input,
            Some(Ok(query)) => Self::Query(query),
            Some(Err(Value::Array(_) | Value::Object(_))) => {
                fields.query_template("Items").map_or(Self::Input, Self::Template)
            }
            Some(Err(_)) => {
                fields.refuse_at("Items", "Items must be a JSON array or a JSONata expression");
                Self::Input
            }
        }
    }
}

fn read_selector(fields: &mut Fields<'_, '_>) -> Option<Payload> {
    if fields.is_jsonata() {
        return fields.query_template("ItemSelector").map(Payload::Query);
    }
    let name = if fields.has("ItemSelector") {
        "ItemSelector"
    } else {
        "Parameters"
    };
    fields.template(name).map(Payload::Paths)
}

impl Payload {
    /// Reads `Parameters` or `Arguments`, or any one name that both languages share.
    fn read(fields: &mut Fields<'_, '_>, path_name: &str, query_name: &str) -> Option<Self> {
        if fields.is_jsonata() {
            fields.query_template(query_name).map(Self::Query)
        } else {
            fields.template(path_name).map(Self::Paths)
        }
    }
}

impl Tolerance {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            count: fields.integer_setting("ToleratedFailureCount", "ToleratedFailureCountPath"),
            percentage: fields.percentage_setting("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
        }
    }
}

impl Distributed {
    fn read(fields: &mut Fields<'_, '_>, mode: Mode) -> Option<Box<Self>> {
        let Some(execution_type) = mode else {
            warn_in_inline(fields);
            return None;
        };
        let label = read_label(fields);
        let reader = fields.object("ItemReader", Reader::read);
        let batcher = fields.object("ItemBatcher", |batcher| Some(Batching::read(batcher)));
        let writer = fields.object("ResultWriter", |writer| Some(Writer::read(writer)));
        Some(Box::new(Self {
            execution_type,
            label,
            reader,
            batcher,
            writer,
        }))
    }
}

/// These have no effect in an INLINE Map.
fn warn_in_inline(fields: &mut Fields<'_, '_>) {
    for name in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
        if fields.value(name).is_some() {
            fields.warn_at(
                name,
                format!("{name} is only supported in a Map state of Mode DISTRIBUTED"),
            );
        }
    }
}

fn read_label(fields: &mut Fields<'_, '_>) -> Option<Text> {
    let label = fields.text("Label")?.to_owned();
    if label.chars().count() > LABEL_CHARACTERS_MAX {
        fields.refuse_at("Label", "Label cannot exceed 40 characters");
    }
    let special = |character: char| {
        character.is_control() || character.is_whitespace() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(character)
    };
    if label.chars().any(special) {
        fields.refuse_at("Label", "Label contains an invalid character");
    }
    Some(label.into())
}

impl Reader {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.text("Comment");
        let resource = fields.required_text("Resource").map(Text::from);
        let arguments = Payload::read(fields, "Parameters", "Arguments");
        let config = fields
            .object("ReaderConfig", |config| Some(ReaderConfig::read(config)))
            .unwrap_or_default();
        if let Some(resource) = &resource {
            check_reader(fields, resource, &config);
        }
        fields.report_unread();
        Some(Self {
            resource: resource?,
            arguments,
            config,
        })
    }
}

impl ReaderConfig {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let config = Self {
            input_type: fields.word("InputType", InputType::WORDS),
            transformation: fields.word("Transformation", ReaderTransformation::WORDS),
            manifest_type: fields.word("ManifestType", ManifestType::WORDS),
            csv_delimiter: fields.word("CSVDelimiter", CsvDelimiter::WORDS),
            csv_header_location: fields.word("CSVHeaderLocation", CsvHeaderLocation::WORDS),
            csv_headers: fields.texts("CSVHeaders", false).unwrap_or_default(),
            max_items: fields.integer_setting("MaxItems", "MaxItemsPath"),
            items_pointer: fields.text("ItemsPointer").map(Text::from),
        };
        if config.csv_header_location == Some(CsvHeaderLocation::Given) && config.csv_headers.is_empty() {
            fields.refuse("These fields are required: [CSVHeaders]");
        }
        fields.report_unread();
        config
    }
}

/// What an `ItemReader` can be. **Source**: input-output-itemreader.html.
fn check_reader(fields: &mut Fields<'_, '_>, resource: &str, config: &ReaderConfig) {
    let gets = resource.ends_with(":s3:getObject");
    if !gets && !resource.ends_with(":s3:listObjectsV2") {
        fields.refuse_at("Resource", &unrecognised(resource));
    }
    if gets && config.input_type.is_none() && config.manifest_type.is_none() {
        let message = "ReaderConfig names no InputType: the map run will fail";
        fields.warn_at("ReaderConfig", message.to_owned());
    }
}

impl Batching {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        fields.text("Comment");
        let batching = Self {
            items_per_batch_max: fields.integer_setting("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
            input_bytes_per_batch_max: fields.integer_setting("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
            batch_input: Payload::read(fields, "BatchInput", "BatchInput"),
        };
        if batching.items_per_batch_max.is_none() && batching.input_bytes_per_batch_max.is_none() && !fields.is_faulty()
        {
            fields.refuse("ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch");
        }
        fields.report_unread();
        batching
    }
}

impl Writer {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        fields.text("Comment");
        let resource = fields.text("Resource").map(Text::from);
        let arguments = Payload::read(fields, "Parameters", "Arguments");
        let (mut transformation, mut output_type) = (None, None);
        fields.object("WriterConfig", |config| {
            transformation = config.word("Transformation", WriterTransformation::WORDS);
            output_type = config.word("OutputType", OutputType::WORDS);
            config.report_unread();
            Some(())
        });
        fields.report_unread();
        Self {
            resource,
            arguments,
            transformation,
            output_type,
        }
    }
}
