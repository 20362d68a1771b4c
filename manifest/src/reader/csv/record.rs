//! Finds the end of a record and of its fields in one pass over its bytes.

use crate::reader::{BadRecord, Step};

/// What a byte means outside quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Text that JSON can hold as it is.
    Plain,
    /// Text that JSON cannot hold as it is.
    Control,
    Delimiter,
    LineEnd,
    Quote,
    Backslash,
}

/// Where a field stands in its record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// Exactly its text, and nothing that JSON escapes.
    Plain { start: usize, end: usize },
    /// With quotes, backslashes or control characters.
    Marked { start: usize, end: usize },
}

impl Cell {
    /// The bytes as they stand in the record.
    pub(super) fn bytes<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let (Self::Plain { start, end } | Self::Marked { start, end }) = *self;
        record.get(start..end).unwrap_or_default()
    }

    /// Appends the field's text.
    pub(super) fn unquote(&self, record: &[u8], delimiter: u8, text: &mut Vec<u8>) {
        let bytes = self.bytes(record);
        let mut quoted = bytes.first() == Some(&b'"');
        let mut at = usize::from(quoted);
        while let Some(byte) = bytes.get(at) {
            let next = bytes.get(at + 1);
            match byte {
                b'"' if next == Some(&b'"') => at += 1,
                b'"' if quoted => {
                    quoted = false;
                    at += 1;
                    continue;
                }
                b'\\' => {
                    at += 1;
                    let Some(escaped) = next.filter(|next| is_escapable(**next, delimiter)) else {
                        continue;
                    };
                    text.push(*escaped);
                    at += 1;
                    continue;
                }
                _ => {}
            }
            text.push(*byte);
            at += 1;
        }
    }
}

const fn is_escapable(byte: u8, delimiter: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte == delimiter
}

/// Splits one record after the other.
pub(super) struct Record {
    classes: [Class; 256],
    delimiter: u8,
    /// Fields that anybody asks for; the others are passed over.
    width: usize,
    cells: Vec<Cell>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("delimiter", &self.delimiter)
            .finish_non_exhaustive()
    }
}

/// How a field ended.
enum Ended {
    /// With a delimiter.
    Field,
    /// With the record: at its line end or at the end of the file.
    Record,
}

impl Record {
    pub(super) fn new(delimiter: u8, width: usize) -> Self {
        let classes = std::array::from_fn(|byte| match u8::try_from(byte).unwrap_or_default() {
            byte if byte == delimiter => Class::Delimiter,
            b'\r' | b'\n' => Class::LineEnd,
            b'"' => Class::Quote,
            b'\\' => Class::Backslash,
            0..0x20 => Class::Control,
            _ => Class::Plain,
        });
        Self {
            classes,
            delimiter,
            width,
            cells: Vec::new(),
        }
    }

    pub(super) const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The fields of the record last split; offsets are from its start.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Finds the record at the beginning of a window: where it starts, behind blank lines, and where the next begins.
    pub(super) fn split(&mut self, window: &[u8], complete: bool) -> Result<Step<usize>, BadRecord> {
        let start = window.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let record = window.get(start..).unwrap_or_default();
        if record.is_empty() && complete {
            return Ok(Step::End);
        }
        let Some(length) = self.fields(record, complete).map_err(|bad| bad.moved(start))? else {
            return Ok(Step::More { passed: start });
        };
        Ok(Step::Item {
            item: start,
            passed: start + length,
        })
    }

    /// The length of the record, its line end included.
    fn fields(&mut self, record: &[u8], complete: bool) -> Result<Option<usize>, BadRecord> {
        self.cells.clear();
        let mut start = 0;
        loop {
            let Some((cell, ended)) = self.field(record, start, complete)? else {
                return Ok(None);
            };
            let (Cell::Plain { end, .. } | Cell::Marked { end, .. }) = cell;
            if self.cells.len() < self.width {
                self.cells.push(cell);
            }
            match ended {
                Ended::Field => start = end + 1,
                Ended::Record => return Ok(line_end(record, end, complete).map(|length| end + length)),
            }
        }
    }

    fn field(&self, record: &[u8], start: usize, complete: bool) -> Result<Option<(Cell, Ended)>, BadRecord> {
        let text = record.get(start..).unwrap_or_default();
        let mut marked = false;
        for (at, byte) in text.iter().enumerate() {
            let end = start + at;
            match self.class(*byte) {
                Class::Plain => {}
                Class::Control => marked = true,
                Class::Delimiter => return Ok(Some((cell(start, end, marked), Ended::Field))),
                Class::LineEnd => return Ok(Some((cell(start, end, marked), Ended::Record))),
                Class::Quote | Class::Backslash => return self.marked(record, start, end, complete),
            }
        }
        Ok(complete.then(|| (cell(start, record.len(), marked), Ended::Record)))
    }

    /// A field with a quote or a backslash at `at`.
    fn marked(
        &self,
        record: &[u8],
        start: usize,
        at: usize,
        complete: bool,
    ) -> Result<Option<(Cell, Ended)>, BadRecord> {
        let mut quoted = at == start && record.get(at) == Some(&b'"');
        let mut at = at + usize::from(quoted);
        while let Some(byte) = record.get(at) {
            let next = record.get(at + 1);
            let class = self.class(*byte);
            if matches!(class, Class::Quote | Class::Backslash) && next.is_none() && !complete {
                return Ok(None);
            }
            match class {
                Class::Quote if next == Some(&b'"') => at += 1,
                Class::Quote => quoted = false,
                Class::Backslash if next.is_some_and(|next| is_escapable(*next, self.delimiter)) => at += 1,
                Class::Delimiter if !quoted => return Ok(Some((Cell::Marked { start, end: at }, Ended::Field))),
                Class::LineEnd if !quoted => return Ok(Some((Cell::Marked { start, end: at }, Ended::Record))),
                Class::Plain | Class::Control | Class::Backslash | Class::Delimiter | Class::LineEnd => {}
            }
            at += 1;
        }
        if quoted && complete {
            return Err(BadRecord::new(
                start,
                "expected a closing quote before the end of the file, found none",
            ));
        }
        let end = record.len();
        Ok(complete.then_some((Cell::Marked { start, end }, Ended::Record)))
    }

    fn class(&self, byte: u8) -> Class {
        self.classes.get(usize::from(byte)).copied().unwrap_or(Class::Plain)
    }
}

const fn cell(start: usize, end: usize, marked: bool) -> Cell {
    if marked {
        Cell::Marked { start, end }
    } else {
        Cell::Plain { start, end }
    }
}

/// The length of the line end at `at`; unknown while a line feed may follow a carriage return.
fn line_end(record: &[u8], at: usize, complete: bool) -> Option<usize> {
    match (record.get(at), record.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(2),
        (Some(b'\r'), None) if !complete => None,
        (Some(_), _) => Some(1),
        (None, _) => Some(0),
    }
}
