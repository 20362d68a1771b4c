//! The ends of a JSON array's elements.

use super::cutter::{Cutter, Spot};
use super::{SplitError, SplitErrorKind};
use crate::json_array::{Mark, Scan};

/// Where a scan of an array stands. It begins behind the opening bracket.
#[derive(Debug)]
pub(super) struct Scanner {
    at: Spot,
    scan: Scan,
    /// Whether the open element has a byte that is not white space.
    begun: bool,
    closed: bool,
}

impl Scanner {
    pub(super) fn new(at: Spot) -> Self {
        Self {
            at,
            scan: Scan::default(),
            begun: false,
            closed: false,
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> Spot {
        self.at
    }

    pub(super) fn push(&mut self, piece: &[u8], cutter: &mut Cutter) -> Result<(), SplitError> {
        let mut rest = piece;
        while let Some(byte) = rest.first() {
            let skipped = self.scan.skip(rest);
            if skipped > 0 {
                self.pass(rest.get(..skipped).unwrap_or_default());
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            self.step(*byte, cutter)?;
            rest = rest.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// An unfinished array is a fault.
    pub(super) fn finish(&mut self, cutter: &mut Cutter) -> Result<(), SplitError> {
        if self.closed {
            cutter.finish(self.at);
            return Ok(());
        }
        Err(SplitError {
            kind: SplitErrorKind::UnclosedArray,
            position: cutter.position(),
        })
    }

    fn pass(&mut self, text: &[u8]) {
        self.at.byte += text.len() as u64;
        self.at.line += memchr::memchr_iter(b'\n', text).count() as u64;
    }

    fn step(&mut self, byte: u8, cutter: &mut Cutter) -> Result<(), SplitError> {
        if self.closed {
            return self.after_end(byte, cutter);
        }
        let before = self.at;
        let mark = self.scan.step(byte);
        self.pass(&[byte]);
        match mark {
            Mark::Blank if !self.begun => cutter.begin_record(self.at),
            Mark::Blank => {}
            Mark::Text => self.begun = true,
            Mark::Comma => {
                cutter.end_record(self.at);
                self.begun = false;
            }
            Mark::End => {
                self.closed = true;
                if self.begun {
                    cutter.end_record(before);
                }
            }
        }
        Ok(())
    }

    fn after_end(&mut self, byte: u8, cutter: &Cutter) -> Result<(), SplitError> {
        if byte.is_ascii_whitespace() {
            self.pass(&[byte]);
            return Ok(());
        }
        Err(SplitError {
            kind: SplitErrorKind::TextAfterArray,
            position: crate::SourcePosition {
                byte: self.at.byte,
                line: self.at.line,
                ..cutter.position()
            },
        })
    }
}
