//! Tables in maps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::{AttributeValue, Error, ErrorKind, Result, Row, TableSchema};

/// Tables in maps.
#[derive(Debug, Default)]
pub struct Table {
    tables: Mutex<BTreeMap<String, Rows>>,
}

#[derive(Debug)]
struct Rows {
    schema: TableSchema,
    rows: BTreeMap<Key, Row>,
}

/// The values of the partition key and the sort key.
type Key = (String, Option<String>);

impl Table {
    /// All rows of a table in the order of their keys.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        let tables = lock(&self.tables);
        let rows = tables.get(table).map(|table| table.rows.values().cloned());
        rows.into_iter().flatten().collect()
    }

    fn with<T>(&self, table: &str, act: impl FnOnce(&mut Rows) -> Result<T>) -> Result<T> {
        let mut tables = lock(&self.tables);
        let found = tables.get_mut(table);
        act(found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table `{table}`")))?)
    }
}

impl Rows {
    fn key_of(&self, row: &Row) -> Result<Key> {
        let hash = self.key_attribute(row, &self.schema.hash)?;
        let range = self.schema.range.as_ref();
        let range = range.map(|name| self.key_attribute(row, name)).transpose()?;
        Ok((hash, range))
    }

    fn key_attribute(&self, row: &Row, name: &str) -> Result<String> {
        match row.get(name) {
            Some(AttributeValue::S(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) | None => Err(Error::new(
                ErrorKind::Malformed,
                format!("a row for table `{}` has no text in its key `{name}`", self.schema.name),
            )),
        }
    }
}

#[async_trait]
impl crate::Table for Table {
    async fn ensure(&self, schema: &TableSchema) -> Result<()> {
        let mut tables = lock(&self.tables);
        let table = tables.entry(schema.name.clone()).or_insert_with(|| Rows {
            schema: schema.clone(),
            rows: BTreeMap::new(),
        });
        if table.schema == *schema {
            return Ok(());
        }
        let text = format!("table `{}` exists with another key", schema.name);
        Err(Error::new(ErrorKind::Conflict, text))
    }

    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()> {
        self.with(table, |stored| {
            let keys: Vec<Key> = rows.iter().map(|row| stored.key_of(row)).collect::<Result<_>>()?;
            if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
                let text = format!("two rows of one write to table `{table}` have the same key");
                return Err(Error::new(ErrorKind::Malformed, text));
            }
            stored.rows.extend(keys.into_iter().zip(rows));
            Ok(())
        })
    }

    async fn put(&self, table: &str, row: Row) -> Result<()> {
        self.with(table, |stored| {
            let key = stored.key_of(&row)?;
            stored.rows.insert(key, row);
            Ok(())
        })
    }

    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>> {
        self.with(table, |stored| Ok(stored.rows.get(&stored.key_of(&key)?).cloned()))
    }

    async fn count(&self, table: &str) -> Result<u64> {
        self.with(table, |stored| Ok(stored.rows.len() as u64))
    }
}
