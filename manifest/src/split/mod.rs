//! Where a manifest's records end, and so where its batches do.
//!
//! A [`Splitter`] takes the manifest's bytes window by window and hands back the batches that it has found the ends of.
//! It keeps what it must know of the bytes behind it, never the bytes: memory does not grow with the manifest.
//! Boundaries are a function of the bytes alone; how they were cut into windows leaves no trace.

mod array;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod block;
mod cutter;
mod lines;
mod quoted;
mod scan;
mod utf8;

use crate::{Format, Layout, Quote, SourcePosition};

pub use cutter::Cut;
use cutter::{Cutter, Spot};
use utf8::Seam;

/// What makes a manifest as a whole unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitErrorKind {
    /// A quoted field that never closes; the position is that of its record.
    UnclosedQuote,
    /// Bytes that are not UTF-8; the position is theirs.
    InvalidUtf8,
    /// A JSON array that does not end.
    UnclosedArray,
    /// Text after a JSON array.
    TextAfterArray,
}

/// What is wrong with a manifest as a whole, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitError {
    /// What.
    pub kind: SplitErrorKind,
    /// Where.
    pub position: SourcePosition,
}

/// What to do about an unclosed quote or invalid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSplitError {
    /// Stop with a [`SplitError`].
    Refuse,
    /// Go on: [`crate::decode`] makes a malformed item of the record.
    Keep,
}

/// How to cut.
#[derive(Debug, Clone, Copy)]
pub struct Cutting {
    /// Items in a batch, at least 1.
    pub items: u64,
    /// The line on which the first record begins, from 1.
    pub line: u64,
    /// What to do about faults.
    pub on_error: OnSplitError,
}

/// Finds the ends of batches in a manifest that comes in windows.
#[derive(Debug)]
pub struct Splitter {
    records: Records,
    cutter: Cutter,
    /// Absent when faults are kept.
    seam: Option<Seam>,
}

#[derive(Debug)]
enum Records {
    Quoted(quoted::Scanner),
    Lines(lines::Scanner),
    Array(array::Scanner),
}

impl Splitter {
    /// A splitter for the bytes from `format.data_start` on.
    ///
    /// # Panics
    /// When a batch may hold no item.
    pub fn new(format: &Format, cutting: Cutting) -> Self {
        assert!(cutting.items > 0, "a batch holds at least one item");
        let at = Spot {
            byte: format.data_start,
            line: cutting.line,
        };
        let records = match (format.layout, format.quote) {
            (Layout::Csv, Quote::Double) => Records::Quoted(quoted::Scanner::new(format.delimiter.as_byte(), at)),
            (Layout::JsonArray, _) => Records::Array(array::Scanner::new(at)),
            (Layout::Csv, Quote::None) | (Layout::UrlList | Layout::JsonLines | Layout::Remaining, _) => {
                Records::Lines(lines::Scanner::new(format, at))
            }
        };
        Self {
            records,
            cutter: Cutter::new(cutting.items, at),
            seam: (cutting.on_error == OnSplitError::Refuse).then(Seam::default),
        }
    }

    /// Takes the next window, which may come in pieces, and returns the batches whose ends are in it.
    ///
    /// # Errors
    /// A [`SplitError`], unless faults are kept. What follows it was not looked at.
    pub fn push(&mut self, window: &[&[u8]]) -> Result<Vec<Cut>, SplitError> {
        if let Records::Quoted(scanner) = &mut self.records {
            scanner.push(window, &mut self.cutter, self.seam.as_mut())?;
            return Ok(self.cutter.take());
        }
        for piece in window {
            self.push_piece(piece)?;
        }
        Ok(self.cutter.take())
    }

    /// Says that the manifest has ended, and returns the last batches.
    ///
    /// # Errors
    /// A [`SplitError`]: an open quote or array, half a character.
    pub fn finish(mut self) -> Result<Vec<Cut>, SplitError> {
        if let Some(byte) = self.seam.as_ref().and_then(Seam::open) {
            return Err(self.invalid_utf8(byte));
        }
        match &mut self.records {
            Records::Quoted(scanner) => scanner.finish(&mut self.cutter, self.seam.is_some())?,
            Records::Lines(scanner) => scanner.finish(&mut self.cutter),
            Records::Array(scanner) => scanner.finish(&mut self.cutter)?,
        }
        Ok(self.cutter.take())
    }

    /// Takes a piece of a layout without quoted line ends: up to the first byte that is not UTF-8.
    fn push_piece(&mut self, piece: &[u8]) -> Result<(), SplitError> {
        let from = self.at().byte;
        let invalid = self.seam.as_mut().and_then(|seam| seam.first_invalid(piece, from));
        let valid = invalid.and_then(|byte| piece.get(..usize::try_from(byte.saturating_sub(from)).ok()?));
        let valid = valid.unwrap_or(piece);
        match &mut self.records {
            Records::Quoted(scanner) => scanner.push(&[valid], &mut self.cutter, None)?,
            Records::Lines(scanner) => scanner.push(valid, &mut self.cutter),
            Records::Array(scanner) => scanner.push(valid, &mut self.cutter)?,
        }
        invalid.map_or(Ok(()), |byte| Err(self.invalid_utf8(byte)))
    }

    const fn at(&self) -> Spot {
        match &self.records {
            Records::Quoted(scanner) => scanner.at(),
            Records::Lines(scanner) => scanner.at(),
            Records::Array(scanner) => scanner.at(),
        }
    }

    /// The fault, at a byte on the line where the scan stands.
    fn invalid_utf8(&self, byte: u64) -> SplitError {
        self.cutter.invalid_utf8(self.at().line, byte)
    }
}
