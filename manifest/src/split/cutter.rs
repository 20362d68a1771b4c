//! Where batches begin and end, given where records do.

use super::{SplitError, SplitErrorKind};
use crate::SourcePosition;
use crate::limits::{BATCH_BYTES, RECORD_BYTES_MAX};

/// One batch: a range of whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Its position among the batches, from 0.
    pub number: u64,
    /// The position of its first item, from 0.
    pub first: u64,
    /// How many items it holds.
    pub items: u64,
    /// Its first byte.
    pub start: u64,
    /// The byte after its last. A record over the size limit is cut off behind the limit, and ends its batch.
    pub end: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// How many lines it has: more than items where a line is blank or a field spans lines.
    pub lines: u64,
}

/// A byte and the line it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) byte: u64,
    pub(super) line: u64,
}

/// Counts records into batches. It closes one at the end of its last item, or of the first record that takes it over
/// [`BATCH_BYTES`].
#[derive(Debug)]
pub(super) struct Cutter {
    /// Items in a batch.
    limit: u64,
    /// Where the open batch begins.
    start: Spot,
    /// Items in the open batch.
    items: u64,
    /// Where the open record begins.
    record: Spot,
    number: u64,
    first: u64,
    cuts: Vec<Cut>,
}

impl Cutter {
    pub(super) const fn new(limit: u64, start: Spot) -> Self {
        Self {
            limit,
            start,
            items: 0,
            record: start,
            number: 0,
            first: 0,
            cuts: Vec::new(),
        }
    }

    /// How many records close the open batch, at least 1.
    pub(super) const fn missing(&self) -> u64 {
        self.limit - self.items
    }

    /// Whether a record that ends before this byte or at it may close the open batch by its size.
    pub(super) const fn is_near_bytes_limit(&self, byte: u64) -> bool {
        byte - self.start.byte >= BATCH_BYTES
    }

    /// So many records have ended, and the batch stays open.
    pub(super) const fn add(&mut self, records: u64) {
        self.items += records;
    }

    /// The open record begins here: only line ends stand before it.
    pub(super) const fn begin_record(&mut self, at: Spot) {
        self.record = at;
    }

    /// A record ends before this byte.
    pub(super) fn end_record(&mut self, at: Spot) {
        self.items += 1;
        let bytes = at.byte - self.record.byte;
        if self.items >= self.limit || at.byte - self.start.byte >= BATCH_BYTES || bytes > RECORD_BYTES_MAX {
            let end = at.byte.min(self.record.byte + RECORD_BYTES_MAX + 1);
            self.close(end, at);
        }
        self.record = at;
    }

    /// No record follows.
    pub(super) fn finish(&mut self, at: Spot) {
        if self.items > 0 {
            self.close(self.record.byte, at);
        }
    }

    fn close(&mut self, end: u64, next: Spot) {
        self.cuts.push(Cut {
            number: self.number,
            first: self.first,
            items: self.items,
            start: self.start.byte,
            end,
            line: self.start.line,
            lines: next.line - self.start.line,
        });
        self.number += 1;
        self.first += self.items;
        self.items = 0;
        self.start = next;
    }

    /// The position of the open record.
    pub(super) const fn position(&self) -> SourcePosition {
        SourcePosition {
            record: self.first + self.items + 1,
            line: self.record.line,
            byte: self.record.byte,
        }
    }

    /// The fault, at a byte of the open record.
    pub(super) const fn invalid_utf8(&self, line: u64, byte: u64) -> SplitError {
        SplitError {
            kind: SplitErrorKind::InvalidUtf8,
            position: SourcePosition {
                line,
                byte,
                ..self.position()
            },
        }
    }

    /// The batches that were closed since the last call.
    pub(super) fn take(&mut self) -> Vec<Cut> {
        std::mem::take(&mut self.cuts)
    }
}
