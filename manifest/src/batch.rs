//! A batch: a range of a manifest's bytes that holds whole records, or a few paths as they are.

use serde::{Deserialize, Serialize};

/// What separates the fields of a CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// A space.
    Space,
    /// A tab.
    Tab,
}

impl Delimiter {
    /// The byte.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Space => b' ',
            Self::Tab => b'\t',
        }
    }
}

/// What a quote means in a CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quote {
    /// Quotes stand around a field, and two of them for one inside it: RFC 4180.
    #[default]
    Double,
    /// Nothing: a quote is text like any other, and every line is a record.
    None,
}

impl Quote {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    const fn is_double(&self) -> bool {
        matches!(self, Self::Double)
    }
}

/// How a manifest's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// gzip, also in several members.
    Gzip,
    /// Zstandard, also in several frames.
    Zstd,
}

/// How a manifest's text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// One URL a line; empty lines and lines that begin with `#` are no items.
    UrlList,
    /// Comma-separated values, RFC 4180, read as the csv crate reads them.
    Csv,
    /// One JSON value a line: a string, or an object with the named member.
    JsonLines,
    /// One JSON array of strings or objects; `start ..end` of a batch covers whole elements and the commas between.
    JsonArray,
    /// One JSON object a line, as [`crate::Outcome`] has it: items of an earlier round, with their first index.
    Remaining,
}

/// Which fields of a record make the item. For a CSV the batcher has found the names' positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Columns {
    /// A URL, in this column (CSV) or member (JSON).
    Url {
        /// The column's name.
        name: String,
        /// Its position, from 0, in a CSV.
        position: usize,
    },
    /// An object to copy, by the columns' positions in a CSV; JSON names them `bucket`, `key`, `versionId`.
    Object {
        /// Where the bucket is.
        bucket: usize,
        /// Where the key is.
        key: usize,
        /// Where the version is, if anywhere.
        version: Option<usize>,
    },
}

/// How to read a range of a manifest on its own, without its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Format {
    /// The text's layout.
    pub layout: Layout,
    /// A CSV's delimiter.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// What a quote means in a CSV.
    #[serde(default, skip_serializing_if = "Quote::is_double")]
    pub quote: Quote,
    /// How many fields a CSV's header has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<usize>,
    /// Which fields make the item.
    pub columns: Columns,
    /// Joined with `/` before each URL that is not absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether a CSV's keys are URL-encoded, with `+` for a space, as S3's inventories write them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub url_encoded_keys: bool,
    /// The byte at which the first record begins: after a byte order mark and a header.
    #[serde(default)]
    pub data_start: u64,
}

/// The object that a batch is a range of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its `ETag` when it was split; a read is conditional on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its version, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How to read a range of it.
    pub format: Format,
}

/// What `image-download` hands from its batcher to its downloader with each task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchInput {
    /// The base of every URL.
    pub base_url: String,
    /// The cap of concurrent requests inside one processor.
    pub lambda_concur: u32,
}

/// A few paths as they are: a task of `image-download`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The paths, joined with `/` to the base URL.
    pub resource_paths: Vec<String>,
    /// What they share.
    pub batch_input: BatchInput,
}

/// What is in a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// Bytes `start .. end` of an object.
    Range {
        /// The object.
        source: Source,
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// The line on which it begins, from 1.
        line: u64,
    },
    /// The paths themselves.
    Inline(Task),
}

/// One line of a batch list: everything that a processor needs to find its items.
///
/// ```
/// let line = r#"{"number":0,"first":0,"items":2,"source":{"bucket":"manifests","key":"urls.csv","etag":"\"1\"","format":{"layout":"csv","delimiter":"COMMA","fields":2,"columns":{"url":{"name":"url","position":1}},"dataStart":7}},"start":7,"end":77,"line":2}"#;
/// let batch: manifest::Batch = serde_json::from_str(line)?;
/// assert_eq!(serde_json::to_string(&batch)?, line);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Its position in the batch list, from 0.
    pub number: u64,
    /// The position of its first item among all items of the manifest. In a manifest of remaining items, positions come from its lines.
    pub first: u64,
    /// How many items it holds.
    pub items: u64,
    /// What is in it.
    #[serde(flatten)]
    pub body: Body,
}
