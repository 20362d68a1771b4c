//! Rows of a Parquet file: its footer, then one row group after the other, each from its own bytes.
//!
//! The parquet crate reads values; some broken files make it panic. What it does stands behind a guard, and such a file
//! is an error like any other.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedRowGroupReader;
use parquet::record::reader::{ReaderIter, TreeBuilder};
use serde_json::Value;

/// A Parquet file that cannot be read. Reads after "the file …: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParquet {
    /// It does not end as Parquet files do.
    #[error("expected a Parquet footer at the end of the file, found something else")]
    NoFooter,
    /// The footer is encrypted.
    #[error("expected a readable Parquet footer, found an encrypted one")]
    Encrypted,
    /// The footer says something impossible.
    #[error("the Parquet footer is corrupt: {0}")]
    Footer(String),
    /// A row group is not what the footer says.
    #[error("the row group {group} is corrupt: {message}")]
    RowGroup {
        /// Its number, from 0.
        group: usize,
        /// What was found.
        message: String,
    },
}

/// What the footer of a Parquet file says.
#[derive(Debug, Clone)]
pub struct ParquetFooter {
    metadata: Arc<ParquetMetaData>,
    size: u64,
}

impl ParquetFooter {
    /// **Bytes** at the end of a file that say how long the footer is.
    pub const TAIL_BYTES: usize = 8;

    /// How long the footer is, the tail included.
    ///
    /// # Errors
    /// [`BadParquet`]
    pub fn length(tail: &[u8]) -> Result<u64, BadParquet> {
        let tail: &[u8; Self::TAIL_BYTES] = tail.try_into().map_err(|_not_8| BadParquet::NoFooter)?;
        let tail = FooterTail::try_new(tail).map_err(|_magic| BadParquet::NoFooter)?;
        if tail.is_encrypted_footer() {
            return Err(BadParquet::Encrypted);
        }
        Ok(tail.metadata_length() as u64 + Self::TAIL_BYTES as u64)
    }

    /// Reads the footer of a file of `size` bytes, the tail included.
    ///
    /// # Errors
    /// [`BadParquet`]
    pub fn read(footer: &[u8], size: u64) -> Result<Self, BadParquet> {
        let end = footer.len().saturating_sub(Self::TAIL_BYTES);
        let metadata = footer.get(..end).unwrap_or_default();
        let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(metadata)).map_err(BadParquet::Footer)?;
        let footer = Self {
            metadata: Arc::new(metadata),
            size: size.saturating_sub(footer.len() as u64),
        };
        for group in footer.metadata.row_groups() {
            footer
                .check(group)
                .map_err(|message| BadParquet::Footer(message.to_owned()))?;
        }
        Ok(footer)
    }

    fn check(&self, group: &RowGroupMetaData) -> Result<(), &'static str> {
        let columns = group.columns();
        let counts = columns.iter().all(|column| column.num_values() >= group.num_rows());
        if group.num_rows() < 0 || !counts {
            return Err("a row group has more rows than values");
        }
        let range = range(group).ok_or("a row group has no bytes")?;
        if range.end > self.size {
            return Err("a row group reaches over the end of the data");
        }
        Ok(())
    }

    /// The number of row groups.
    pub fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// Rows of a row group.
    pub fn rows_in(&self, group: usize) -> u64 {
        let group = self.metadata.row_groups().get(group);
        group.map_or(0, |group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// The bytes of the file that hold a row group.
    pub fn range(&self, group: usize) -> Range<u64> {
        let group = self.metadata.row_groups().get(group);
        group.and_then(range).unwrap_or_default()
    }

    /// The rows of a row group, from its bytes.
    ///
    /// # Errors
    /// [`BadParquet::RowGroup`]
    pub fn rows(&self, group: usize, bytes: Bytes) -> Result<ParquetRows, BadParquet> {
        let chunk = Chunk {
            start: self.range(group).start,
            bytes,
            size: self.size,
        };
        let rows = guarded(|| {
            let metadata = self.metadata.row_groups().get(group);
            let metadata = metadata.ok_or_else(|| ParquetError::General("there is no such row group".to_owned()))?;
            let properties = Arc::new(ReaderProperties::builder().build());
            let index = self.metadata.page_index_for_row_group(group);
            let reader = SerializedRowGroupReader::new(Arc::new(chunk), metadata, index, properties)?;
            let schema = self.metadata.file_metadata().schema_descr_ptr();
            TreeBuilder::new().as_iter(schema, &reader)
        });
        let rows = rows.map_err(|message| BadParquet::RowGroup { group, message })?;
        Ok(ParquetRows {
            group,
            rows: Some(rows),
        })
    }
}

/// From the first to the last byte of all columns; nothing where a number is negative.
fn range(group: &RowGroupMetaData) -> Option<Range<u64>> {
    let mut range: Option<Range<u64>> = None;
    for column in group.columns() {
        let start = column
            .dictionary_page_offset()
            .unwrap_or_else(|| column.data_page_offset());
        let start = u64::try_from(start).ok()?;
        let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
        range = Some(match range {
            None => start..end,
            Some(range) => range.start.min(start)..range.end.max(end),
        });
    }
    range
}

/// The rows of one row group, in order.
pub struct ParquetRows {
    group: usize,
    /// Absent once a row could not be read.
    rows: Option<ReaderIter>,
}

impl std::fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetRows")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Value, BadParquet>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = self.rows.take()?;
        let row = guarded(|| Ok(rows.next().transpose()?.map(|row| row.to_json_value())));
        match row {
            Ok(None) => None,
            Ok(Some(row)) => {
                self.rows = Some(rows);
                Some(Ok(row))
            }
            Err(message) => {
                let group = self.group;
                Some(Err(BadParquet::RowGroup { group, message }))
            }
        }
    }
}

/// Does what the parquet crate may panic at.
fn guarded<T>(work: impl FnOnce() -> ParquetResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_panic) => Err("its pages cannot be read".to_owned()),
    }
}

/// The bytes of one row group, where the file has them.
struct Chunk {
    start: u64,
    bytes: Bytes,
    size: u64,
}

impl Chunk {
    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at <= self.bytes.len());
        let at = at.ok_or_else(|| ParquetError::EOF("a page lies outside its row group".to_owned()))?;
        Ok(self.bytes.slice(at..))
    }
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Chunk {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF(
                "a page reaches over the end of its row group".to_owned(),
            ));
        }
        Ok(bytes.slice(..length))
    }
}
