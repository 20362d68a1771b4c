//! The ends of records that are lines.

use super::cutter::{Cutter, Spot};
use crate::{Layout, lines};

/// Where a scan of lines stands.
#[derive(Debug)]
pub(super) struct Scanner {
    layout: Layout,
    at: Spot,
    /// The open line's first byte that is not white space.
    first: Option<u8>,
}

impl Scanner {
    pub(super) const fn new(layout: Layout, at: Spot) -> Self {
        Self {
            layout,
            at,
            first: None,
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> Spot {
        self.at
    }

    pub(super) fn push(&mut self, piece: &[u8], cutter: &mut Cutter) {
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', piece) {
            self.see(piece.get(from..newline).unwrap_or_default());
            self.at.byte += (newline + 1 - from) as u64;
            self.at.line += 1;
            self.end_line(cutter);
            from = newline + 1;
        }
        let rest = piece.get(from..).unwrap_or_default();
        self.see(rest);
        self.at.byte += rest.len() as u64;
    }

    pub(super) fn finish(&mut self, cutter: &mut Cutter) {
        self.end_line(cutter);
        cutter.finish(self.at);
    }

    fn see(&mut self, text: &[u8]) {
        if self.first.is_none() {
            self.first = text.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        }
    }

    fn end_line(&mut self, cutter: &mut Cutter) {
        if lines::is_record(self.first.take(), self.layout) {
            cutter.end_record(self.at);
        } else {
            cutter.begin_record(self.at);
        }
    }
}
