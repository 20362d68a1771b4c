//! The ends of records that are lines.

use super::cutter::{Cutter, Spot};
use crate::lines::LineEnd;
use crate::{Format, Layout, lines};

/// Where a scan of lines stands.
#[derive(Debug)]
pub(super) struct Scanner {
    layout: Layout,
    line_end: LineEnd,
    at: Spot,
    /// The open line's first byte that is not white space; in a CSV, where white space may be a field, its first byte.
    first: Option<u8>,
    /// A carriage return has ended the line, and a line feed may belong to it.
    returned: bool,
}

impl Scanner {
    pub(super) const fn new(format: &Format, at: Spot) -> Self {
        Self {
            layout: format.layout,
            line_end: LineEnd::of_format(format),
            at,
            first: None,
            returned: false,
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> Spot {
        self.at
    }

    pub(super) fn push(&mut self, piece: &[u8], cutter: &mut Cutter) {
        let has_returns = self.line_end == LineEnd::FeedOrReturn && memchr::memchr(b'\r', piece).is_some();
        if has_returns || self.returned {
            self.push_with_returns(piece, cutter);
            return;
        }
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', piece) {
            self.see(piece.get(from..newline).unwrap_or_default());
            self.end_line(newline + 1 - from, cutter);
            from = newline + 1;
        }
        self.see_open(piece.get(from..).unwrap_or_default());
    }

    fn push_with_returns(&mut self, piece: &[u8], cutter: &mut Cutter) {
        let mut from = 0;
        if self.returned && !piece.is_empty() {
            from = usize::from(piece.first() == Some(&b'\n'));
            self.end_line(from, cutter);
        }
        for end in memchr::memchr2_iter(b'\n', b'\r', piece) {
            if end < from {
                continue;
            }
            self.see(piece.get(from..end).unwrap_or_default());
            let is_return = piece.get(end) == Some(&b'\r');
            let next = piece.get(end + 1);
            if is_return && next.is_none() {
                self.at.byte += (end + 1 - from) as u64;
                self.returned = true;
                return;
            }
            let length = end + 1 + usize::from(is_return && next == Some(&b'\n')) - from;
            self.end_line(length, cutter);
            from += length;
        }
        self.see_open(piece.get(from..).unwrap_or_default());
    }

    pub(super) fn finish(&mut self, cutter: &mut Cutter) {
        self.end_record(cutter);
        cutter.finish(self.at);
    }

    fn see(&mut self, text: &[u8]) {
        if self.first.is_none() {
            let is_seen = |byte: &&u8| self.layout == Layout::Csv || !byte.is_ascii_whitespace();
            self.first = text.iter().find(is_seen).copied();
        }
    }

    fn see_open(&mut self, text: &[u8]) {
        self.see(text);
        self.at.byte += text.len() as u64;
    }

    /// The open line ends after so many bytes more.
    fn end_line(&mut self, bytes: usize, cutter: &mut Cutter) {
        self.at.byte += bytes as u64;
        self.at.line += 1;
        self.returned = false;
        self.end_record(cutter);
    }

    fn end_record(&mut self, cutter: &mut Cutter) {
        if lines::is_record(self.first.take(), self.layout) {
            cutter.end_record(self.at);
        } else {
            cutter.begin_record(self.at);
        }
    }
}
