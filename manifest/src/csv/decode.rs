//! The records of a range of whole records: the csv crate finds the fields, the states find what is wrong with them.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use percent_encoding::percent_decode_str;

use super::{Meaning, State};
use crate::item::Found;
use crate::{Columns, Format, Malformed, Note, Quote, Subject, error_name, json_lines};

/// The records of a range.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    format: &'a Format,
    reader: Reader,
    fields: Fields,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The fields of one record, unquoted, end to end.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The field at a position.
    pub(crate) fn get(&self, position: usize) -> Option<&[u8]> {
        if position >= self.count {
            return None;
        }
        let start = match position.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(position)?)
    }

    /// Reads the record at the beginning of `bytes` and returns how long it is. The end of the bytes ends it.
    pub(crate) fn read(&mut self, reader: &mut Reader, bytes: &[u8]) -> usize {
        let (mut read, mut written) = (0, 0);
        self.count = 0;
        loop {
            self.make_room(written);
            let input = bytes.get(read..).unwrap_or_default();
            let output = self.text.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(self.count..).unwrap_or_default();
            let (result, nin, nout, nend) = reader.read_record(input, output, ends);
            read += nin;
            written += nout;
            self.count += nend;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
                ReadRecordResult::Record | ReadRecordResult::End => return read,
            }
        }
    }

    fn make_room(&mut self, written: usize) {
        if self.text.len() <= written {
            self.text.resize(written * 2 + 1_024, 0);
        }
        if self.ends.len() <= self.count {
            self.ends.resize(self.count * 2 + 16, 0);
        }
    }
}

/// A reader that takes a byte order mark for text: only the very first bytes of a manifest may be one.
pub(crate) fn reader(delimiter: u8, quote: Quote) -> Reader {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quote == Quote::Double)
        .build();
    let (_result, _read, _written, _ends) = reader.read_record(b"\n", &mut [0], &mut [0]);
    reader
}

impl<'a> Records<'a> {
    pub(crate) fn new(bytes: &'a [u8], format: &'a Format) -> Self {
        Self {
            bytes,
            at: 0,
            format,
            reader: reader(format.delimiter.as_byte(), format.quote),
            fields: Fields::default(),
        }
    }

    fn subject(&self, text: &[u8]) -> Result<Subject, Malformed> {
        if self.format.quote == Quote::Double {
            check_quotes(text, self.format)?;
        }
        json_lines::utf8(text)?;
        match &self.format.columns {
            Columns::Url { name, position } => {
                let url = self.cell(*position, name)?;
                Ok(Subject::url(url, self.format.base_url.as_deref()))
            }
            Columns::Object { bucket, key, version } => Ok(Subject::Object {
                bucket: self.cell(*bucket, "bucket")?.to_owned(),
                key: self.key(*key)?,
                version: version
                    .and_then(|position| self.fields.get(position))
                    .map(json_lines::utf8)
                    .transpose()?
                    .filter(|version| !version.is_empty())
                    .map(str::to_owned),
            }),
        }
    }

    fn key(&self, position: usize) -> Result<String, Malformed> {
        let text = self.cell(position, "key")?;
        if !self.format.url_encoded_keys {
            return Ok(text.to_owned());
        }
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8();
        let decoded = decoded.map_err(|error| {
            let message = format!("the URL-encoded key is not UTF-8: {error}");
            Malformed::new(error_name::INVALID_UTF8, message)
        })?;
        Ok(decoded.into_owned())
    }

    fn cell(&self, position: usize, name: &str) -> Result<&str, Malformed> {
        let bytes = self.fields.get(position).ok_or_else(|| {
            let message = format!(
                "expected at least {} fields, found {}",
                position + 1,
                self.fields.count()
            );
            Malformed::new(error_name::WRONG_FIELD_COUNT, message)
        })?;
        let text = json_lines::utf8(bytes)?;
        // A key may be a space; a URL that is one is nothing.
        let is_empty = match self.format.columns {
            Columns::Url { .. } => text.trim().is_empty(),
            Columns::Object { .. } => text.is_empty(),
        };
        if is_empty {
            return Err(Malformed::empty(name));
        }
        Ok(text)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let left = self.bytes.get(self.at..)?;
        let blank = left.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let record = left.get(blank..).filter(|record| !record.is_empty())?;
        let length = self.fields.read(&mut self.reader, record);
        let at = self.at + blank;
        self.at = at + length;
        let text = record.get(..length).unwrap_or(record);
        Some(Found {
            at,
            text,
            subject: self.subject(text),
            note: field_count(self.fields.count(), self.format.fields),
            remaining: None,
        })
    }
}

/// A quote where there should be none is a fault of the fields that are read, and text in all others.
fn check_quotes(text: &[u8], format: &Format) -> Result<(), Malformed> {
    if memchr::memchr(b'"', text).is_none() {
        return Ok(());
    }
    let delimiter = format.delimiter.as_byte();
    let (mut state, mut field) = (State::Record, 0);
    for (at, byte) in text.iter().enumerate() {
        let (next, meaning) = state.step(*byte, delimiter);
        if meaning == Meaning::Bare && is_read(&format.columns, field) {
            return Err(bare_quote(state, at));
        }
        field += usize::from(next == State::Field);
        state = next;
    }
    if state == State::Quoted {
        let message = "expected a closing quote before the end of the manifest, found none".to_owned();
        return Err(Malformed::new(error_name::UNCLOSED_QUOTE, message));
    }
    Ok(())
}

fn is_read(columns: &Columns, field: usize) -> bool {
    match columns {
        Columns::Url { position, .. } => *position == field,
        Columns::Object { bucket, key, version } => [Some(*bucket), Some(*key), *version].contains(&Some(field)),
    }
}

fn bare_quote(state: State, at: usize) -> Malformed {
    let found = match state {
        State::Quote => "expected a delimiter or the end of the record after a closing quote, found text",
        State::Record | State::Field | State::Plain | State::Quoted => {
            "expected quotes only around a whole field, found one inside an unquoted field"
        }
    };
    Malformed::new(error_name::BARE_QUOTE, format!("{found} at byte {at} of the record"))
}

/// A record with more fields than the header, which are skipped, or with fewer, which are empty: as Distributed Map
/// reads it.
fn field_count(found: usize, expected: Option<usize>) -> Option<Note> {
    let expected = expected.filter(|expected| *expected != found)?;
    Some(Note {
        name: error_name::WRONG_FIELD_COUNT.to_owned(),
        message: format!("expected {expected} fields as in the header, found {found}"),
    })
}
