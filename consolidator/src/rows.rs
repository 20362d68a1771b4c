//! Rows of the table: one for each success, a row's key once per write.

use std::collections::BTreeSet;
use std::sync::Arc;

use manifest::{Outcome, Subject};
use ports::{AttributeValue, Row, Table, TableSchema};
use sha2::{Digest, Sha256};

use crate::error::while_doing;
use crate::object_writer::hex;
use crate::{Error, TableUrl};

/// Rows of one write: enough to spread its cost, little enough to hold.
const ROWS_PER_WRITE: usize = 500;

/// Gathers rows and writes them in groups.
pub(crate) struct Rows {
    table: Arc<dyn Table>,
    schema: Option<TableSchema>,
    url: TableUrl,
    gathered: Vec<Row>,
    keys: BTreeSet<(String, String)>,
}

impl Rows {
    pub(crate) fn new(table: &Arc<dyn Table>, schema: Option<TableSchema>, url: TableUrl) -> Self {
        Self {
            table: Arc::clone(table),
            schema,
            url,
            gathered: Vec::new(),
            keys: BTreeSet::new(),
        }
    }

    /// Takes a success. One whose key stands in this group already is the same item again.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        let Some(schema) = &self.schema else { return };
        let row = row_of(outcome, &schema.hash, self.url);
        let key = |name: &str| match row.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => String::new(),
        };
        let range = schema.range.as_deref().map(key).unwrap_or_default();
        if self.keys.insert((key(&schema.hash), range)) {
            self.gathered.push(row);
        }
    }

    /// Writes once enough has come together.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        if self.gathered.len() < ROWS_PER_WRITE {
            return Ok(());
        }
        self.write().await
    }

    /// Writes what is left.
    pub(crate) async fn finish(mut self) -> Result<(), Error> {
        self.write().await
    }

    async fn write(&mut self) -> Result<(), Error> {
        let Some(schema) = &self.schema else { return Ok(()) };
        let rows = std::mem::take(&mut self.gathered);
        self.keys.clear();
        if rows.is_empty() {
            return Ok(());
        }
        let written = self.table.batch_write(&schema.name, rows).await;
        written.map_err(while_doing(format!("write rows to the table `{}`", schema.name)))
    }
}

/// A success as a row; the key attribute has the item's name, whatever the attribute is called.
fn row_of(outcome: Outcome, hash: &str, url: TableUrl) -> Row {
    let item = match (&outcome.subject, url) {
        (Subject::Url { url }, TableUrl::Hash) => hex(&Sha256::digest(url)),
        (subject, TableUrl::Full | TableUrl::Hash) => subject.name().into_owned(),
    };
    let mut row = Row::new();
    row.insert(hash.to_owned(), AttributeValue::S(item));
    row.insert("bytes".to_owned(), AttributeValue::N(outcome.bytes.to_string()));
    for (name, value) in [
        ("filename", outcome.filename),
        ("destination", outcome.destination),
        ("checksum", outcome.checksum),
    ] {
        if let Some(value) = value {
            row.insert(name.to_owned(), AttributeValue::S(value));
        }
    }
    row
}
