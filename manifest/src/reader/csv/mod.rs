//! Rows of a text file with a delimiter, as Step Functions reads them.
//!
//! A field may stand in quotes and then hold delimiters and line ends. Two quotes stand for one, inside quotes or
//! not. A backslash before a quote, a backslash or the delimiter takes its meaning away; before anything else it is
//! dropped. Missing fields are empty, fields too many are dropped, a line ends with a line
//! feed, a carriage return or both.
//!
//! **Source**: the rules of input-output-itemreader.html, the file of example-csv-parse-dist-map.html. What they leave
//! open is decided as the csv crate does: a single quote inside an unquoted field is text, a blank line is no row.

mod record;

use super::{BadRecord, Step, push_escaped};
use crate::Delimiter;
use record::{Cell, Record};

/// The rows of a file whose header is known.
#[derive(Debug)]
pub struct CsvRows {
    record: Record,
    /// In the order in which the members are written.
    columns: Vec<Column>,
    /// **Bytes** of an item besides its cells.
    frame: usize,
}

#[derive(Debug)]
struct Column {
    /// `{"name":"` or `","name":"`.
    before: Vec<u8>,
    position: usize,
}

/// The first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvHeader {
    /// The columns' names, as they stand there.
    pub names: Vec<String>,
}

impl CsvHeader {
    /// Reads the row at the beginning of a window.
    ///
    /// # Errors
    /// When it is no row.
    pub fn read(window: &[u8], complete: bool, delimiter: Delimiter) -> Result<Step<Self>, BadRecord> {
        let mut record = Record::new(delimiter.as_byte(), usize::MAX);
        let (start, end) = match record.split(window, complete)? {
            Step::More { passed } => return Ok(Step::More { passed }),
            Step::End => return Ok(Step::End),
            Step::Item { item, passed } => (item, passed),
        };
        let text = window.get(start..end).unwrap_or_default();
        let names = record.cells().iter().map(|cell| {
            let mut name = Vec::new();
            cell.unquote(text, delimiter.as_byte(), &mut name);
            String::from_utf8(name).map_err(|_where| not_utf8(text, start))
        });
        Ok(Step::Item {
            item: Self {
                names: names.collect::<Result<_, _>>()?,
            },
            passed: end,
        })
    }
}

impl CsvRows {
    /// The rows under these names; `order` has the positions of the names in the order in which members are written.
    pub fn new(names: &[String], order: &[usize], delimiter: Delimiter) -> Self {
        let columns: Vec<Column> = order
            .iter()
            .enumerate()
            .filter_map(|(at, position)| {
                let name = names.get(*position)?;
                let mut before = if at == 0 { b"{\"".to_vec() } else { b"\",\"".to_vec() };
                push_escaped(&mut before, name.as_bytes());
                before.extend_from_slice(b"\":\"");
                Some(Column {
                    before,
                    position: *position,
                })
            })
            .collect();
        let frame = columns.iter().map(|column| column.before.len()).sum::<usize>() + 2;
        Self {
            record: Record::new(delimiter.as_byte(), names.len()),
            columns,
            frame,
        }
    }

    /// The row at the beginning of a window, as the JSON text of an object of strings.
    ///
    /// # Errors
    /// When it is not UTF-8, or its quotes never close.
    pub fn next(&mut self, window: &[u8], complete: bool) -> Result<Step<String>, BadRecord> {
        let (start, end) = match self.record.split(window, complete)? {
            Step::More { passed } => return Ok(Step::More { passed }),
            Step::End => return Ok(Step::End),
            Step::Item { item, passed } => (item, passed),
        };
        let row = window.get(start..end).unwrap_or_default();
        let item = String::from_utf8(self.write(row)).map_err(|_where| not_utf8(row, start))?;
        Ok(Step::Item { item, passed: end })
    }

    fn write(&self, row: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.frame + row.len());
        let mut scratch = Vec::new();
        for column in &self.columns {
            text.extend_from_slice(&column.before);
            match self.record.cells().get(column.position) {
                None => {}
                Some(cell @ Cell::Plain { .. }) => text.extend_from_slice(cell.bytes(row)),
                Some(cell) => {
                    scratch.clear();
                    cell.unquote(row, self.record.delimiter(), &mut scratch);
                    push_escaped(&mut text, &scratch);
                }
            }
        }
        text.extend_from_slice(if self.columns.is_empty() { b"{}" } else { b"\"}" });
        text
    }
}

fn not_utf8(row: &[u8], start: usize) -> BadRecord {
    let at = std::str::from_utf8(row).map_or_else(|error| error.valid_up_to(), str::len);
    BadRecord::new(start + at, "expected UTF-8, found something else")
}
