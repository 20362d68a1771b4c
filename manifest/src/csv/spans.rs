//! Quoted fields that span lines and hold what looks like another item: a quote that was meant as text swallows what
//! follows it up to the next quote, and no count shows it.

use crate::csv::{Meaning, State};
use crate::{Format, SourcePosition};

/// A quoted field that spans lines and holds what looks like another item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where the field begins. The record counts from 1 within the given bytes.
    pub position: SourcePosition,
    /// Lines on which the field stands.
    pub lines: u64,
}

/// The suspicious fields of a range of whole records that begins at a line and a byte of its manifest.
///
/// ```
/// let format = serde_json::from_str(r#"{"layout":"csv","fields":2,"columns":{"url":{"name":"url","position":1}}}"#)?;
/// let text = b"\"an 8\"\" pipe,https://h/1\nor a \" quote,https://h/2\n";
/// let found = manifest::spans(text, &format, (7, 2));
/// assert_eq!((found.len(), found[0].position.line, found[0].lines), (1, 2, 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn spans(bytes: &[u8], format: &Format, (start, line): (u64, u64)) -> Vec<Span> {
    let delimiter = format.delimiter.as_byte();
    let mut walk = Walk {
        bytes,
        delimiter,
        passed: 0,
        state: State::Record,
        position: SourcePosition {
            record: 1,
            line,
            byte: start,
        },
    };
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(quote) = memchr::memchr(b'"', bytes.get(from..).unwrap_or_default()) {
        let open = from + quote;
        if !begins_field(bytes, open, delimiter) {
            from = open + 1;
            continue;
        }
        from = field_end(bytes, open + 1);
        let field = bytes.get(open..from).unwrap_or_default();
        let feeds = memchr::memchr_iter(b'\n', field).count() as u64;
        if feeds > 0 && looks_like_an_item(field, format) {
            found.push(Span {
                position: walk.position(open),
                lines: feeds + 1,
            });
        }
    }
    found
}

/// Whether a quote opens a field.
fn begins_field(bytes: &[u8], quote: usize, delimiter: u8) -> bool {
    let before = quote.checked_sub(1).and_then(|before| bytes.get(before));
    before.is_none_or(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'))
}

/// The byte after the quote that closes a field, of which two stand for one.
fn field_end(bytes: &[u8], from: usize) -> usize {
    let mut from = from;
    while let Some(quote) = memchr::memchr(b'"', bytes.get(from..).unwrap_or_default()) {
        let close = from + quote;
        if bytes.get(close + 1) != Some(&b'"') {
            return close + 1;
        }
        from = close + 2;
    }
    bytes.len()
}

/// Counts records and lines, for the few fields that are told.
struct Walk<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    passed: usize,
    state: State,
    position: SourcePosition,
}

impl Walk<'_> {
    /// The position of a byte, which lies behind the last one that was asked for.
    fn position(&mut self, at: usize) -> SourcePosition {
        for byte in self.bytes.get(self.passed..at).unwrap_or_default() {
            let (next, meaning) = self.state.step(*byte, self.delimiter);
            self.state = next;
            self.position.byte += 1;
            self.position.line += u64::from(*byte == b'\n');
            self.position.record += u64::from(meaning == Meaning::End);
        }
        self.passed = at;
        self.position
    }
}

/// Whether one of a field's lines holds a URL, or as many delimiters as a record has. The first line may be a URL and
/// nothing else: then the field is the item's own.
fn looks_like_an_item(field: &[u8], format: &Format) -> bool {
    let delimiter = format.delimiter.as_byte();
    let delimiters = format.fields.unwrap_or(1).saturating_sub(1);
    let mut lines = field.split(|byte| *byte == b'\n').enumerate();
    lines.any(|(number, line)| {
        let has_url = memchr::memmem::find(line, b"://").is_some();
        let count = memchr::memchr_iter(delimiter, line).count();
        (has_url && (number > 0 || count > 0)) || (delimiters > 0 && count >= delimiters)
    })
}
