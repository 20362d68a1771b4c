//! Tables of rows: `DynamoDB`, or one file with rows of the same shape.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A value in a row, in the JSON shape of DynamoDB: `{"S":"text"}`, `{"N":"1"}`, …
///
/// ```
/// use ports::AttributeValue;
///
/// let value: AttributeValue = serde_json::from_str(r#"{"M":{"bytes":{"N":"10"}}}"#).unwrap();
/// assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"M":{"bytes":{"N":"10"}}}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Text.
    S(String),
    /// A number, as text.
    N(String),
    /// A truth value.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// The null value; the flag is always `true`.
    #[serde(rename = "NULL")]
    Null(bool),
    /// A list.
    L(Vec<AttributeValue>),
    /// A map.
    M(BTreeMap<String, AttributeValue>),
    /// A set of texts.
    #[serde(rename = "SS")]
    TextSet(Vec<String>),
    /// A set of numbers.
    #[serde(rename = "NS")]
    NumberSet(Vec<String>),
    /// Bytes, in base64.
    B(String),
}

/// One row: attribute names and values.
pub type Row = BTreeMap<String, AttributeValue>;

/// A table's name and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's name.
    pub name: String,
    /// The attribute of the partition key, a text.
    pub hash: String,
    /// The attribute of the sort key, a text; `None` for a table without a sort key.
    pub range: Option<String>,
}

/// Rows under a key.
///
/// A written row survives the death of the process. A row that is written twice is there once.
#[async_trait]
pub trait Table: Send + Sync + fmt::Debug {
    /// Makes the table if it does not exist. On AWS, where templates make tables, it only checks that the table exists.
    async fn ensure(&self, schema: &TableSchema) -> Result<()>;

    /// Writes rows, each replacing the row with its key. No two rows of one call may have the same key.
    /// When it fails, some of the rows may have been written.
    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()>;

    /// Writes one row, replacing the row with its key.
    async fn put(&self, table: &str, row: Row) -> Result<()>;

    /// The row with this key; `None` when there is none.
    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>>;

    /// Counts the rows of a table.
    async fn count(&self, table: &str) -> Result<u64>;
}
