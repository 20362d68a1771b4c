//! A table of rows: DynamoDB, or one file that speaks its shapes.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A value in a row, in DynamoDB's own JSON shape: `{"S":"text"}`, `{"N":"1"}`, …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Text.
    S(String),
    /// A number, as text.
    N(String),
    /// A truth value.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// Nothing; always `true`.
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
    /// The partition key's attribute (text).
    pub hash: String,
    /// The sort key's attribute (text), if there is one.
    pub range: Option<String>,
}

/// Rows under a key.
///
/// A written row survives the death of the process. Writing the same row twice is the same as once.
#[async_trait]
pub trait Table: Send + Sync + fmt::Debug {
    /// Makes sure that the table exists. On AWS, where templates make tables, it only checks.
    async fn ensure(&self, schema: &TableSchema) -> Result<()>;

    /// Writes rows, each replacing the row with its key. No two rows of one call may have the same key.
    /// When it fails, some of the rows may have been written.
    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()>;

    /// Writes one row, replacing the row with its key.
    async fn put(&self, table: &str, row: Row) -> Result<()>;

    /// The row under this key.
    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>>;

    /// How many rows there are.
    async fn count(&self, table: &str) -> Result<u64>;
}
