//! Where a manifest's records begin, and which of their fields make the item.

use manifest::request::{ColumnNames, HeaderSource, ManifestObject};
use manifest::work::Action;
use manifest::{BYTE_ORDER_MARK, Columns, Format, HeaderRow, Layout, NoHeader, Quote};
use ports::ObjectKey;

use crate::detect;
use crate::error::Error;
use crate::limits::HEADER_BYTES_MAX;

/// How to read a manifest's records, and the line on which the first one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordsStart {
    pub(crate) format: Format,
    pub(crate) line: u64,
}

impl RecordsStart {
    /// Whether a record may name a version.
    pub(crate) const fn may_have_versions(&self) -> bool {
        match self.format.layout {
            Layout::UrlList => false,
            Layout::JsonLines | Layout::JsonArray | Layout::Remaining => true,
            Layout::Csv => matches!(self.format.columns, Columns::Object { version: Some(_), .. }),
        }
    }
}

/// A manifest's first bytes, and what is asked of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstWindow<'a> {
    pub(crate) manifest: &'a ManifestObject,
    pub(crate) action: Action,
    pub(crate) bytes: &'a [u8],
    /// Whether nothing follows them.
    pub(crate) complete: bool,
}

/// Where the records begin; nothing when there cannot be any.
pub(crate) fn records_start(first: FirstWindow<'_>, layout: Layout) -> Result<Option<RecordsStart>, Error> {
    let format = Format {
        layout,
        delimiter: detect::delimiter(first.manifest),
        quote: if layout == Layout::Csv {
            detect::quote(first.manifest)
        } else {
            Quote::Double
        },
        fields: None,
        columns: members(first),
        base_url: first.manifest.base_url.clone(),
        url_encoded_keys: first.manifest.url_encoded_keys,
        data_start: byte_order_mark(first.bytes),
    };
    match layout {
        Layout::UrlList | Layout::JsonLines | Layout::Remaining => Ok(Some(RecordsStart { format, line: 1 })),
        Layout::JsonArray => array(first, format).map(Some),
        Layout::Csv => csv(first, format),
    }
}

fn byte_order_mark(bytes: &[u8]) -> u64 {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len() as u64
    } else {
        0
    }
}

fn wants_objects(first: FirstWindow<'_>) -> bool {
    first.action == Action::Copy || first.manifest.columns.is_some()
}

/// What makes an item of a line or a JSON object, which have no positions.
fn members(first: FirstWindow<'_>) -> Columns {
    if wants_objects(first) {
        return Columns::Object {
            bucket: 0,
            key: 1,
            version: None,
        };
    }
    Columns::Url {
        name: first.manifest.column.clone(),
        position: 0,
    }
}

fn array(first: FirstWindow<'_>, format: Format) -> Result<RecordsStart, Error> {
    let mark = usize::try_from(format.data_start).unwrap_or(0);
    let text = first.bytes.get(mark..).unwrap_or_default();
    let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    if text.get(blank) != Some(&b'[') {
        return Err(Error::InvalidJson {
            manifest: manifest_key(first),
            reason: format!("expected `[` at byte {}, found something else", mark + blank),
        });
    }
    let lines = text.iter().take(blank).filter(|byte| **byte == b'\n').count();
    let data_start = format.data_start + blank as u64 + 1;
    Ok(RecordsStart {
        format: Format { data_start, ..format },
        line: lines as u64 + 1,
    })
}

fn csv(first: FirstWindow<'_>, format: Format) -> Result<Option<RecordsStart>, Error> {
    let row = match &first.manifest.header {
        HeaderSource::Names(names) => HeaderRow {
            names: names.clone(),
            end: format.data_start,
            line: 1,
        },
        HeaderSource::FirstRow => match HeaderRow::read(first.bytes, format.delimiter, format.quote, first.complete) {
            Ok(row) => row,
            Err(NoHeader::Empty) if first.complete => return Ok(None),
            Err(reason) => return Err(no_header(first, reason)),
        },
    };
    let columns = positions(first, &row.names)?;
    let format = Format {
        fields: Some(row.names.len()),
        columns,
        data_start: row.end,
        ..format
    };
    Ok(Some(RecordsStart { format, line: row.line }))
}

fn positions(first: FirstWindow<'_>, names: &[String]) -> Result<Columns, Error> {
    let find = |column: &str| position(first, names, column);
    if !wants_objects(first) {
        let name = first.manifest.column.clone();
        return Ok(Columns::Url {
            position: find(&name)?,
            name,
        });
    }
    let usual = ColumnNames {
        bucket: "bucket".to_owned(),
        key: "key".to_owned(),
        version_id: names.iter().find(|name| *name == "versionId").cloned(),
    };
    let columns = first.manifest.columns.as_ref().unwrap_or(&usual);
    Ok(Columns::Object {
        bucket: find(&columns.bucket)?,
        key: find(&columns.key)?,
        version: columns.version_id.as_deref().map(find).transpose()?,
    })
}

fn position(first: FirstWindow<'_>, names: &[String], column: &str) -> Result<usize, Error> {
    let found: Vec<_> = names.iter().enumerate().filter(|(_, name)| *name == column).collect();
    if let [(position, _)] = *found {
        return Ok(position);
    }
    Err(Error::WrongColumn {
        manifest: manifest_key(first),
        column: column.to_owned(),
        found: found.len(),
        columns: names.to_vec(),
    })
}

fn no_header(first: FirstWindow<'_>, reason: NoHeader) -> Error {
    let fault = |kind| Error::Split {
        manifest: manifest_key(first),
        kind,
        position: manifest::SourcePosition {
            record: 0,
            line: 1,
            byte: byte_order_mark(first.bytes),
        },
    };
    match reason {
        NoHeader::InvalidUtf8 => fault(manifest::SplitErrorKind::InvalidUtf8),
        NoHeader::Unfinished if first.complete => fault(manifest::SplitErrorKind::UnclosedQuote),
        NoHeader::Unfinished | NoHeader::Empty => Error::LimitExceeded {
            manifest: manifest_key(first),
            what: "its header",
            limit: HEADER_BYTES_MAX,
            hint: "check that the manifest is a CSV with this delimiter, or name its format",
        },
    }
}

fn manifest_key(first: FirstWindow<'_>) -> ObjectKey {
    ObjectKey::new(&first.manifest.bucket, &first.manifest.key)
}
