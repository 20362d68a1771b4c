//! Reads `CSV`: the header, then the rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::{CsvDelimiter, CsvHeaderLocation, ItemReader, StateError, Text};
use manifest::Delimiter;
use manifest::reader::{BadRecord, CsvHeader, CsvRows, Step};
use ports::ObjectStore;

use super::content::ObjectPosition;
use super::failure::{failed, of_record};
use super::window::{Object, Window};
use crate::limits;

/// How the rows are laid out.
#[derive(Debug, Clone)]
pub(crate) struct CsvLayout {
    pub(crate) delimiter: Delimiter,
    pub(crate) header: Header,
    /// Whether an object may have a header and no rows.
    may_be_empty: bool,
}

/// The source of the columns' names.
#[derive(Debug, Clone)]
pub(crate) enum Header {
    FirstRow,
    Given(Arc<[String]>),
}

impl CsvLayout {
    /// The layout that the reader's configuration describes.
    pub(crate) fn from_reader(reader: &ItemReader) -> Result<Self, StateError> {
        let delimiter = match reader.csv_delimiter {
            None | Some(CsvDelimiter::Comma) => Delimiter::Comma,
            Some(CsvDelimiter::Pipe) => Delimiter::Pipe,
            Some(CsvDelimiter::Semicolon) => Delimiter::Semicolon,
            Some(CsvDelimiter::Space) => Delimiter::Space,
            Some(CsvDelimiter::Tab) => Delimiter::Tab,
        };
        let header = match reader.csv_header_location {
            Some(CsvHeaderLocation::FirstRow) => Header::FirstRow,
            Some(CsvHeaderLocation::Given) => {
                let names: Vec<String> = reader.csv_headers.iter().map(ToString::to_string).collect();
                check(&names)?;
                Header::Given(names.into())
            }
            None => return Err(failed("expected CSVHeaderLocation `FIRST_ROW` or `GIVEN`, found none")),
        };
        Ok(Self {
            delimiter,
            header,
            may_be_empty: false,
        })
    }

    /// A layout of rows with these columns and without a header.
    pub(crate) fn given(names: Vec<String>) -> Result<Self, StateError> {
        check(&names)?;
        Ok(Self {
            delimiter: Delimiter::Comma,
            header: Header::Given(names.into()),
            may_be_empty: true,
        })
    }

    pub(crate) fn in_a_list(self) -> Self {
        Self {
            may_be_empty: true,
            ..self
        }
    }
}

/// The rows of one object.
pub(crate) struct CsvItems {
    window: Window,
    rows: CsvRows,
    /// The number of rows that were read.
    count: u64,
    /// Whether the header was read from the object and no row has followed it yet.
    only_header: bool,
}

impl CsvItems {
    /// Opens an object at its first row.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        layout: &CsvLayout,
    ) -> Result<Self, StateError> {
        let mut window = Window::open(store, object, 0).await?;
        window.pass_byte_order_mark().await?;
        let names = names(&mut window, layout).await?;
        Ok(Self {
            rows: rows(&names, layout.delimiter),
            window,
            count: 0,
            only_header: matches!(layout.header, Header::FirstRow) && !layout.may_be_empty,
        })
    }

    /// Opens an object after some of its rows, at a byte that an earlier reader has reported.
    pub(crate) async fn reopen(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        layout: &CsvLayout,
        position: ObjectPosition,
    ) -> Result<Self, StateError> {
        let names = match &layout.header {
            Header::Given(names) => Arc::clone(names),
            Header::FirstRow => {
                let mut window = Window::open(store, object.clone(), 0).await?;
                window.pass_byte_order_mark().await?;
                names(&mut window, layout).await?
            }
        };
        Ok(Self {
            rows: rows(&names, layout.delimiter),
            window: Window::open(store, object, position.byte).await?,
            count: position.count,
            only_header: false,
        })
    }

    pub(crate) const fn window(&self) -> &Window {
        &self.window
    }

    /// The next row as JSON text.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, StateError> {
        loop {
            let step = self.rows.next(self.window.bytes(), self.window.is_complete());
            match step.map_err(|bad| self.bad(&bad))? {
                Step::Item { item, passed } => {
                    self.window.pass_item(passed)?;
                    self.count += 1;
                    self.only_header = false;
                    return Ok(Some(item));
                }
                Step::More { passed } => {
                    self.window.pass(passed);
                    self.window.grow().await?;
                }
                Step::End if self.only_header => {
                    let at = &self.window.object().at;
                    return Err(failed(format!("`{at}` contains only CSV headers")));
                }
                Step::End => return Ok(None),
            }
        }
    }

    fn bad(&self, bad: &BadRecord) -> StateError {
        let byte = self.window.position() + bad.at as u64;
        of_record(&self.window.object().at, self.count, byte, &bad.message)
    }
}

async fn names(window: &mut Window, layout: &CsvLayout) -> Result<Arc<[String]>, StateError> {
    if let Header::Given(names) = &layout.header {
        return Ok(Arc::clone(names));
    }
    loop {
        let at = &window.object().at;
        let read = CsvHeader::read(window.bytes(), window.is_complete(), layout.delimiter);
        let bad = |bad: BadRecord| {
            let byte = window.position() + bad.at as u64;
            failed(format!("`{at}`, CSV headers, byte {byte}: {}", bad.message))
        };
        match read.map_err(bad)? {
            Step::Item { item, passed } => {
                if passed > limits::CSV_HEADER_BYTES_MAX {
                    return Err(header_too_long());
                }
                check(&item.names)?;
                window.pass(passed);
                return Ok(item.names.into());
            }
            Step::More { .. } if window.bytes().len() > limits::CSV_HEADER_BYTES_MAX => {
                return Err(header_too_long());
            }
            Step::More { passed } => {
                window.pass(passed);
                window.grow().await?;
            }
            Step::End => {
                return Err(failed(format!(
                    "`{at}` is empty: expected CSV headers in its first row"
                )));
            }
        }
    }
}

fn check(names: &[String]) -> Result<(), StateError> {
    if names.is_empty() {
        return Err(failed("expected at least one name in CSVHeaders, found none"));
    }
    if names.iter().map(|name| name.len() + 1).sum::<usize>() > limits::CSV_HEADER_BYTES_MAX {
        return Err(header_too_long());
    }
    let different: BTreeSet<&String> = names.iter().collect();
    if different.len() < names.len() {
        return Err(failed("CSV headers cannot contain duplicates."));
    }
    Ok(())
}

fn header_too_long() -> StateError {
    let limit = limits::CSV_HEADER_BYTES_MAX;
    failed(format!("the CSV headers are longer than {limit} bytes"))
}

fn rows(names: &[String], delimiter: Delimiter) -> CsvRows {
    let texts: Vec<Text> = names.iter().map(|name| name.as_str().into()).collect();
    CsvRows::new(names, &asl::member_order(&texts), delimiter)
}
