//! The beginning of a CSV: its byte order mark and its header.

use crate::csv::{self, Fields};
use crate::{Delimiter, Quote, json_lines};

/// The mark that some programs put before UTF-8.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first record of a CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRow {
    /// The columns' names.
    pub names: Vec<String>,
    /// The byte behind it and its line end, where the records begin.
    pub end: u64,
    /// The line on which the records begin, from 1.
    pub line: u64,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHeader {
    /// There is no record at all.
    Empty,
    /// It does not end within these bytes: an open quote, or a manifest that is no CSV.
    Unfinished,
    /// It is not UTF-8.
    InvalidUtf8,
}

impl HeaderRow {
    /// Reads the header at the beginning of a CSV; `complete` says that nothing follows these bytes.
    ///
    /// # Errors
    /// [`NoHeader`]
    pub fn read(bytes: &[u8], delimiter: Delimiter, quote: Quote, complete: bool) -> Result<Self, NoHeader> {
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let blank = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let record = text
            .get(blank..)
            .filter(|record| !record.is_empty())
            .ok_or(NoHeader::Empty)?;
        let mut fields = Fields::default();
        let length = fields.read(&mut csv::reader(delimiter.as_byte(), quote), record);
        let ended = csv::ends(record.get(..length).unwrap_or(record), delimiter.as_byte(), quote);
        if ended == csv::Ended::Quoted || (ended == csv::Ended::Open && !complete) {
            return Err(NoHeader::Unfinished);
        }
        let names = (0..fields.count()).filter_map(|position| fields.get(position));
        let names: Result<Vec<_>, _> = names.map(|name| json_lines::utf8(name).map(str::to_owned)).collect();
        let feed = ended == csv::Ended::Return && record.get(length) == Some(&b'\n');
        let end = bytes.len() - record.len() + length + usize::from(feed);
        let passed = bytes.get(..end).unwrap_or(bytes);
        Ok(Self {
            names: names.map_err(|_where| NoHeader::InvalidUtf8)?,
            end: end as u64,
            line: memchr::memchr_iter(b'\n', passed).count() as u64 + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], complete: bool) -> Result<HeaderRow, NoHeader> {
        HeaderRow::read(text, Delimiter::Comma, Quote::Double, complete)
    }

    #[test]
    fn it_ends_behind_its_line_end() {
        for (text, end, line) in [
            ("id,url\n1,a\n", 7, 2),
            ("id,url\r\n1,a\n", 8, 2),
            ("id,url\r1,a\r", 7, 1),
            ("\u{feff}\nid,url\n", 11, 3),
            ("id,url", 6, 1),
            ("id,\"url\"\n", 9, 2),
        ] {
            let header = read(text.as_bytes(), true).unwrap();
            assert_eq!(header.names, ["id", "url"], "{text:?}");
            assert_eq!((header.end, header.line), (end, line), "{text:?}");
        }
        let header = read(b"\"a\nb\",\"c\"\"\"\nx,y", true).unwrap();
        assert_eq!(header.names, ["a\nb", "c\""]);
        assert_eq!((header.end, header.line), (12, 3));
    }

    #[test]
    fn what_is_no_header_says_why() {
        assert_eq!(read(b"\r\n\n", true), Err(NoHeader::Empty));
        assert_eq!(read(b"id,url", false), Err(NoHeader::Unfinished));
        assert_eq!(read(b"id,\"url\n", true), Err(NoHeader::Unfinished));
        assert_eq!(read(b"id,\xff\n", true), Err(NoHeader::InvalidUtf8));
    }
}
