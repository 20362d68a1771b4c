//! What is asked of a run and of its batcher: the execution's input, the manifests that it may name, and the
//! batcher's answer. The stages and the command line read and write these shapes and no others.

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::ITEMS_MAX;
use crate::work::Work;
use crate::{Compression, Delimiter, Layout, Quote, SourcePosition, Task};

/// An object, as shapes on the wire name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// The input of an execution of `manifest-map`.
///
/// ```
/// let text = r#"{"manifest":{"bucket":"m","key":"urls.csv","column":"url"},"work":{"action":"download","destination":{"bucket":"images","prefix":""},"lambdaConcur":5,"name":"{host}/{path}"},"tolerate":{"percentage":5.0}}"#;
/// let request: manifest::request::Request = serde_json::from_str(text)?;
/// assert_eq!(serde_json::to_string(&request)?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Where the items are listed.
    pub manifest: Manifest,
    /// What is done with each item.
    pub work: Work,
    /// Items in a batch: 100, of an inline body 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_items: Option<u64>,
    /// Children of the map run at once: 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Rounds, the first included: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<u32>,
    /// How many items may fail: none.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub tolerate: Tolerate,
    /// What happens to the execution when more items fail.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub on_failure: OnFailure,
    /// Whether an unclosed quote and invalid UTF-8 fail their items instead of the execution.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub skip_malformed: bool,
    /// Whether every item is read before anything starts, and one that cannot be read fails the execution.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub strict: bool,
    /// **Bytes** that a compressed manifest may expand to. Lifts the limit on the ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_expanded_bytes: Option<u64>,
}

impl Request {
    /// A request that leaves everything else at its default.
    pub const fn new(manifest: Manifest, work: Work) -> Self {
        Self {
            manifest,
            work,
            batch_items: None,
            max_concurrency: None,
            max_rounds: None,
            tolerate: Tolerate {
                count: None,
                percentage: None,
            },
            on_failure: OnFailure::Fail,
            skip_malformed: false,
            strict: false,
            max_expanded_bytes: None,
        }
    }
}

/// Where items are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Manifest {
    /// In an object.
    Object(Box<ManifestObject>),
    /// In the request itself.
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
/// use manifest::request::{HeaderSource, ManifestObject};
///
/// let text = r#"{"bucket":"manifests","key":"urls.csv.gz","delimiter":"TAB","header":["id","url"]}"#;
/// let manifest: ManifestObject = serde_json::from_str(text)?;
/// assert_eq!(manifest.column, "url");
/// assert_eq!(manifest.header, HeaderSource::Names(vec!["id".into(), "url".into()]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// How its text is laid out.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub format: FormatName,
    /// How its bytes are packed; seen in the first bytes when absent or `auto`.
    #[serde(default, deserialize_with = "compression", skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// What separates a CSV's fields; when absent a tab in `.tsv` and `.tab`, a pipe in `.psv`, otherwise a comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// What a quote means in a CSV; when absent nothing where a tab separates the fields, otherwise RFC 4180.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// Where a CSV's column names come from.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_default")]
    pub header: HeaderSource,
    /// The column or member that holds the URL: `url`.
    #[serde(default = "url", deserialize_with = "null_is_url")]
    pub column: String,
    /// The columns of a CSV that name an object to copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnNames>,
    /// Joined with `/` before each URL that is not absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether a CSV's keys are URL-encoded, as S3's inventories write them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub url_encoded_keys: bool,
}

impl ManifestObject {
    /// The manifest at a key, read as its name and its first bytes suggest.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
            format: FormatName::Auto,
            compression: None,
            delimiter: None,
            quote: None,
            header: HeaderSource::FirstRow,
            column: url(),
            columns: None,
            base_url: None,
            url_encoded_keys: false,
        }
    }

    /// A manifest of the items that a round has left, or that are to be redriven.
    pub fn new_remaining(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            format: FormatName::Records(Layout::Remaining),
            ..Self::new(bucket, key)
        }
    }
}

/// How a manifest's text is laid out, as requests name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "expected `auto`, `inline`, `urlList`, `csv`, `jsonLines`, `jsonArray` or `remaining` for a format"
)]
pub enum FormatName {
    /// Found out by the key's ending and the first bytes.
    #[default]
    Auto,
    /// One JSON object as `image-download` takes it.
    Inline,
    /// Records in this layout.
    #[serde(untagged)]
    Records(Layout),
}

/// Where a CSV's column names come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Header", into = "Header")]
pub enum HeaderSource {
    /// The first record.
    #[default]
    FirstRow,
    /// These; the first record is an item.
    Names(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected `firstRow` or a list of names")]
enum Header {
    FirstRow(FirstRow),
    Names(Vec<String>),
}

#[derive(Serialize, Deserialize)]
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

impl From<HeaderSource> for Header {
    fn from(header: HeaderSource) -> Self {
        match header {
            HeaderSource::FirstRow => Self::FirstRow(FirstRow::FirstRow),
            HeaderSource::Names(names) => Self::Names(names),
        }
    }
}

/// The columns of a CSV that name an object to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnNames {
    /// The column of the bucket.
    pub bucket: String,
    /// The column of the key.
    pub key: String,
    /// The column of the version, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// How many items may fail. With one of the two given, the other does not bind; with none, no item may fail.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Tolerate {
    /// Items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// **Percent** of the items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<f64>,
}

/// How many items may fail, with both bounds filled in.
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
            (count, percentage) => (count.unwrap_or(ITEMS_MAX), percentage.unwrap_or(100.0)),
        };
        Self { count, percentage }
    }
}

/// What happens to the execution when more items fail than tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnFailure {
    /// It fails.
    #[default]
    Fail,
    /// It succeeds all the same.
    Succeed,
}

/// A few paths below one URL: the input of an execution of `image-download`, or a manifest of its own.
///
/// ```
/// let text = r#"{"baseUrl":"https://example.com","resourcePaths":["a.gif"],"lambdaConcur":"2"}"#;
/// let body: manifest::request::InlineBody = serde_json::from_str(text)?;
/// assert_eq!(body.lambda_concur, Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineBody {
    /// The base of every URL.
    pub base_url: String,
    /// The paths, joined to the base with `/`.
    pub resource_paths: Vec<String>,
    /// Requests at once in one processor: a number, also as text; 5.
    #[serde(
        default,
        deserialize_with = "number_or_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub lambda_concur: Option<u32>,
}

/// The batcher's answer to `manifest-map`: where the batch list is, with everything that the later states ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batched {
    /// How many batches there are.
    pub batches: u64,
    /// How many items there are.
    pub items: u64,
    /// One line for each batch; an empty object when there are no batches.
    pub batch_list: ObjectRef,
    /// Children of the map run at once.
    pub max_concurrency: u32,
    /// The number of the last round that there may be.
    pub last_round: u32,
    /// How many items may fail.
    pub tolerate: Tolerated,
    /// What happens to the execution when more items fail.
    pub on_failure: OnFailure,
    /// The first quoted field that spans lines and holds what looks like another item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspicious_field: Option<SuspiciousField>,
    /// The tasks of an inline body, when they are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<Task>>,
}

/// A quoted field that spans lines and holds what looks like another item: a quote that was meant as text may have
/// swallowed the items in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuspiciousField {
    /// Where the field begins.
    pub position: SourcePosition,
    /// Lines on which the field stands.
    pub lines: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a member that is null as one that is absent: an optional member of the input, as a state hands it on.
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
    #[serde(
        rename_all = "lowercase",
        expecting = "expected `auto`, `none`, `gzip` or `zstd` for a compression"
    )]
    enum Name {
        Auto,
        #[serde(untagged)]
        Given(Compression),
    }
    Ok(match Option::<Name>::deserialize(deserializer)? {
        None | Some(Name::Auto) => None,
        Some(Name::Given(compression)) => Some(compression),
    })
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
