//! CSV exactly as the csv crate reads it: its states, one byte at a time, and the records of a range.

mod decode;
mod spans;

use crate::Quote;

pub use spans::{Span, spans};

pub(crate) use decode::{Fields, Records, reader};

/// Where a reader of CSV stands. These are the csv crate's states, as far as they differ in what they do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Before a record: line ends are skipped here, so blank lines are no records.
    Record,
    /// Before a field that is not the first.
    Field,
    /// In a field without quotes, or after the quotes of one.
    Plain,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: the closing one, or the first of two.
    Quote,
}

/// What a byte means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing to note.
    Inner,
    /// A quote where there should be none, or text after a closing quote. It is text all the same.
    Bare,
    /// The end of a record.
    End,
}

impl State {
    /// Takes one byte.
    pub(crate) const fn step(self, byte: u8, delimiter: u8) -> (Self, Meaning) {
        match (self, byte) {
            (Self::Record, b'\r' | b'\n') => (Self::Record, Meaning::Inner),
            (Self::Quoted, b'"') => (Self::Quote, Meaning::Inner),
            (Self::Quoted, _) | (Self::Record | Self::Field | Self::Quote, b'"') => (Self::Quoted, Meaning::Inner),
            (_, b'\r' | b'\n') => (Self::Record, Meaning::End),
            (_, byte) if byte == delimiter => (Self::Field, Meaning::Inner),
            (Self::Quote, _) | (Self::Plain, b'"') => (Self::Plain, Meaning::Bare),
            (Self::Record | Self::Field | Self::Plain, _) => (Self::Plain, Meaning::Inner),
        }
    }
}

/// How the bytes of one record end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a line feed.
    Feed,
    /// With a carriage return, to which a line feed may belong.
    Return,
    /// With its last field.
    Open,
    /// Inside quotes.
    Quoted,
}

/// How the bytes of one record end.
pub(crate) fn ends(record: &[u8], delimiter: u8, quote: Quote) -> Ended {
    let plain = |byte: u8| {
        if byte == b'"' && quote == Quote::None {
            b'_'
        } else {
            byte
        }
    };
    let state = record
        .iter()
        .fold(State::Record, |state, byte| state.step(plain(*byte), delimiter).0);
    match (state, record.last()) {
        (State::Quoted, _) => Ended::Quoted,
        (State::Record, Some(b'\r')) => Ended::Return,
        (State::Record, _) => Ended::Feed,
        (State::Field | State::Plain | State::Quote, _) => Ended::Open,
    }
}
