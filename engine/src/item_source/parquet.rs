//! Reads `PARQUET`: the footer, then the rows of one row group after the other.

use std::sync::Arc;

use asl::{StateError, Value};
use bytes::Bytes;
use manifest::reader::{BadParquet, ParquetFooter, ParquetRows};
use ports::{ObjectKey, ObjectStore};

use super::content::ObjectPosition;
use super::failure::failed;
use super::window::{Object, Window};
use crate::limits;

/// The rows of one object. Holds one row group.
pub(crate) struct ParquetItems {
    store: Arc<dyn ObjectStore>,
    object: Object,
    footer: ParquetFooter,
    /// The number of the row group to be read next.
    group: usize,
    rows: Option<ParquetRows>,
    /// The number of the next row in the file.
    row: u64,
}

impl ParquetItems {
    /// Opens an object at a row.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        position: ObjectPosition,
    ) -> Result<Self, StateError> {
        let (object, footer) = read_footer(store, object).await?;
        let mut items = Self {
            store: Arc::clone(store),
            object,
            footer,
            group: 0,
            rows: None,
            row: 0,
        };
        items.seek(position.count).await?;
        Ok(items)
    }

    pub(crate) const fn object(&self) -> &Object {
        &self.object
    }

    /// The number of the next row in the file.
    pub(crate) const fn row(&self) -> u64 {
        self.row
    }

    /// Moves to a row. Whole row groups are skipped; within a row group, rows are read and dropped, as they have no addresses.
    async fn seek(&mut self, row: u64) -> Result<(), StateError> {
        while self.group < self.footer.groups() && self.row + self.footer.rows_in(self.group) <= row {
            self.row += self.footer.rows_in(self.group);
            self.group += 1;
        }
        while self.row < row && self.next().await?.is_some() {}
        Ok(())
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Value>, StateError> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                let value = row.map_err(|bad| bad_file(&self.object.at, &bad))?;
                self.row += 1;
                return Ok(Some(value));
            }
            self.rows = None;
            if self.group >= self.footer.groups() {
                return Ok(None);
            }
            self.rows = Some(self.read_group().await?);
            self.group += 1;
        }
    }

    async fn read_group(&mut self) -> Result<ParquetRows, StateError> {
        let range = self.footer.range(self.group);
        let length = range.end - range.start;
        let limit = limits::PARQUET_ROW_GROUP_BYTES_MAX;
        if length > limit {
            let (at, group) = (&self.object.at, self.group);
            return Err(failed(format!(
                "`{at}`: the row group {group} has {length} bytes, over the limit of {limit}"
            )));
        }
        let bytes = read(&self.store, self.object.clone(), range.start, length).await?;
        let rows = self.footer.rows(self.group, bytes);
        rows.map_err(|bad| bad_file(&self.object.at, &bad))
    }
}

/// The footer, and the object with its `ETag`.
async fn read_footer(store: &Arc<dyn ObjectStore>, object: Object) -> Result<(Object, ParquetFooter), StateError> {
    let (object, size) = object.look_up(store).await?;
    let bad = |bad: BadParquet| bad_file(&object.at, &bad);
    let tail = ParquetFooter::TAIL_BYTES as u64;
    let last = read(store, object.clone(), size.saturating_sub(tail), tail.min(size)).await?;
    let length = ParquetFooter::length(&last).map_err(bad)?;
    let limit = limits::PARQUET_FOOTER_BYTES_MAX;
    if length > limit {
        let at = &object.at;
        return Err(failed(format!(
            "`{at}`: the Parquet footer has {length} bytes, over the limit of {limit}"
        )));
    }
    if length > size {
        return Err(bad(BadParquet::NoFooter));
    }
    let footer = read(store, object.clone(), size - length, length).await?;
    let footer = ParquetFooter::read(&footer, size).map_err(bad)?;
    Ok((object, footer))
}

async fn read(store: &Arc<dyn ObjectStore>, object: Object, from: u64, length: u64) -> Result<Bytes, StateError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Window::open(store, object, from).await?.read(length).await
}

fn bad_file(at: &ObjectKey, bad: &BadParquet) -> StateError {
    failed(format!("`{at}`: {bad}"))
}
