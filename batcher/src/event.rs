//! What the state machines send to the batcher, and what it answers.

use manifest::{Compression, Delimiter, Task};
use ports::ObjectKey;
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits;

/// An event of either machine.
#[derive(Debug, Clone)]
pub enum Event {
    /// The large machine wants a batch list.
    Manifest(Box<ManifestEvent>),
    /// The small machine wants tasks.
    Inline(InlineBody),
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let large = value.as_object().is_some_and(|event| event.contains_key("manifest"));
        let event = if large {
            ManifestEvent::deserialize(value).map(|event| Self::Manifest(Box::new(event)))
        } else {
            InlineBody::deserialize(value).map(Self::Inline)
        };
        event.map_err(serde::de::Error::custom)
    }
}

/// One call of the large machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestEvent {
    /// The execution's name.
    pub execution: String,
    /// The round, from 0.
    pub round: u32,
    /// What to split.
    pub manifest: Manifest,
    /// The execution's input.
    pub request: Request,
}

/// What to split.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// An object.
    Object(Box<ManifestObject>),
    /// A few paths.
    Inline(InlineBody),
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let inline = value
            .as_object()
            .is_some_and(|manifest| manifest.contains_key("resourcePaths"));
        let manifest = if inline {
            InlineBody::deserialize(value).map(Self::Inline)
        } else {
            ManifestObject::deserialize(value).map(|object| Self::Object(Box::new(object)))
        };
        manifest.map_err(serde::de::Error::custom)
    }
}

/// A manifest that is an object, and how to read it.
///
/// ```
/// let text = r#"{"bucket":"manifests","key":"urls.csv.gz","delimiter":"TAB","header":["id","url"]}"#;
/// let manifest: batcher::ManifestObject = serde_json::from_str(text)?;
/// assert_eq!(manifest.column, "url");
/// assert_eq!(manifest.header, batcher::HeaderSource::Names(vec!["id".into(), "url".into()]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, if not the newest.
    #[serde(default)]
    pub version_id: Option<String>,
    /// How its text is laid out.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub format: FormatName,
    /// How its bytes are packed; found out when absent or `auto`.
    #[serde(default, deserialize_with = "compression")]
    pub compression: Option<Compression>,
    /// What separates a CSV's fields; a tab in `.tsv` and `.tab`, otherwise a comma.
    #[serde(default)]
    pub delimiter: Option<Delimiter>,
    /// Where a CSV's column names come from.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub header: HeaderSource,
    /// The column or member that holds the URL: `url`.
    #[serde(default = "url", deserialize_with = "null_is_url")]
    pub column: String,
    /// The columns of a CSV that name an object to copy.
    #[serde(default)]
    pub columns: Option<ColumnNames>,
    /// Joined with `/` before each URL that is not absolute.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Whether a CSV's keys are URL-encoded, as S3's inventories write them.
    #[serde(default)]
    pub url_encoded_keys: bool,
}

/// A member that is null is as good as absent: an optional one of the input that a state has handed on.
fn null_is_absent<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn url() -> String {
    "url".to_owned()
}

fn null_is_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(|column| column.unwrap_or_else(url))
}

fn compression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Compression>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Name {
        Auto,
        None,
        Gzip,
        Zstd,
    }
    Ok(match Option::<Name>::deserialize(deserializer)? {
        None | Some(Name::Auto) => None,
        Some(Name::None) => Some(Compression::None),
        Some(Name::Gzip) => Some(Compression::Gzip),
        Some(Name::Zstd) => Some(Compression::Zstd),
    })
}

/// How a manifest's text is laid out, as events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FormatName {
    /// Found out by the key's ending and the first bytes.
    #[default]
    Auto,
    /// One URL a line.
    UrlList,
    /// Comma-separated values.
    Csv,
    /// One JSON value a line.
    JsonLines,
    /// One JSON array.
    JsonArray,
    /// One JSON object as the small machine takes it.
    Inline,
    /// Items that an earlier round has left.
    Rest,
}

/// Where a CSV's column names come from, as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Header")]
pub enum HeaderSource {
    /// The first record.
    #[default]
    FirstRow,
    /// These; the first record is an item.
    Names(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected `firstRow` or a list of names")]
enum Header {
    FirstRow(FirstRow),
    Names(Vec<String>),
}

#[derive(Deserialize)]
enum FirstRow {
    #[serde(rename = "firstRow", alias = "FIRST_ROW")]
    FirstRow,
}

impl From<Header> for HeaderSource {
    fn from(header: Header) -> Self {
        match header {
            Header::FirstRow(FirstRow::FirstRow) => Self::FirstRow,
            Header::Names(names) => Self::Names(names),
        }
    }
}

/// The columns of a CSV that name an object to copy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnNames {
    /// Where the bucket is.
    pub bucket: String,
    /// Where the key is.
    pub key: String,
    /// Where the version is, if anywhere.
    #[serde(default)]
    pub version_id: Option<String>,
}

/// As much of the execution's input as the batcher reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Items in a batch: 100, inline 5.
    #[serde(default)]
    pub batch_items: Option<u64>,
    /// Children at once: 8.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Rounds, the first included: 5.
    #[serde(default)]
    pub max_rounds: Option<u32>,
    /// How many items may fail: none.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub tolerate: Tolerate,
    /// What more failures make of the execution.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub on_failure: OnFailure,
    /// An unclosed quote and invalid UTF-8 fail their items instead of the execution.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub skip_malformed: bool,
    /// Every item is read before anything starts, and any that cannot be is an error.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub strict: bool,
    /// **Bytes** that a compressed manifest may expand to. Lifts the limit on the ratio.
    #[serde(default)]
    pub max_expanded_bytes: Option<u64>,
    /// What to do with the items.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub work: Work,
}

/// As much of the work as the batcher reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// What is done with each item.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub action: Action,
}

/// What is done with each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Each is a URL.
    #[default]
    Download,
    /// Each is an object.
    Copy,
}

/// How many items may fail. With one of the two given, the other does not bind; with none, none may.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct Tolerate {
    /// Items.
    #[serde(default)]
    pub count: Option<u64>,
    /// **Percent** of the items.
    #[serde(default)]
    pub percentage: Option<f64>,
}

/// The same with both filled in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerated {
    /// Items.
    pub count: u64,
    /// **Percent** of the items.
    pub percentage: f64,
}

impl From<Tolerate> for Tolerated {
    fn from(tolerate: Tolerate) -> Self {
        let (count, percentage) = match (tolerate.count, tolerate.percentage) {
            (None, None) => (0, 0.0),
            (count, percentage) => (count.unwrap_or(limits::ITEMS_MAX), percentage.unwrap_or(100.0)),
        };
        Self { count, percentage }
    }
}

/// What more failures than tolerated make of the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnFailure {
    /// It fails.
    #[default]
    Fail,
    /// It succeeds all the same.
    Succeed,
}

/// A few paths below one URL.
///
/// ```
/// let text = r#"{"baseUrl":"https://example.com","resourcePaths":["a.gif"],"lambdaConcur":"2"}"#;
/// let body: batcher::InlineBody = serde_json::from_str(text)?;
/// assert_eq!(body.lambda_concur, Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineBody {
    /// The base of every URL.
    pub base_url: String,
    /// The paths, joined to it with `/`.
    pub resource_paths: Vec<String>,
    /// Requests at once in one processor: a number, also as text; 5.
    #[serde(default, deserialize_with = "number_or_text")]
    pub lambda_concur: Option<u32>,
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number, also as text")]
    enum Given {
        Number(u32),
        Text(String),
    }
    match Option::<Given>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Given::Number(number)) => Ok(Some(number)),
        Some(Given::Text(text)) => match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_not_a_number) => Err(serde::de::Error::custom(format!(
                "expected a whole number in `lambdaConcur`, found `{text}`"
            ))),
        },
    }
}

/// The answer to either machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To the large machine.
    Batched(Box<Batched>),
    /// To the small machine.
    Tasks(Tasks),
}

/// The tasks of an inline body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// In the order of the paths.
    pub tasks: Vec<Task>,
}

/// Where the batch list is, with everything that the machine's later states ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batched {
    /// How many batches there are.
    pub batches: u64,
    /// How many items.
    pub items: u64,
    /// One line for each batch; without batches an empty object.
    pub batch_list: ObjectKey,
    /// Children at once.
    pub max_concurrency: u32,
    /// The number of the last round that there may be.
    pub last_round: u32,
    /// How many items may fail.
    pub tolerate: Tolerated,
    /// What more failures make of the execution.
    pub on_failure: OnFailure,
    /// An inline body's tasks, when they are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<Task>>,
}
