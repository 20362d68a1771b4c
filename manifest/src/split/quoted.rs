//! The ends of a CSV's records, quoted line ends included, in parallel and exact.
//!
//! Whether a line end lies inside quotes depends on everything before it, so blocks cannot be looked at one by one. But
//! there are only two possibilities: an even or an odd number of quotes before the block. Each block is scanned once
//! for both ([`super::scan`]); then the blocks are taken in order, each with the answer for the state in which the one
//! before has left things.
//!
//! That counting quotes is the same as reading CSV holds only while every quote opens or closes a whole field, or is one
//! of a pair. A block with any other quote, or with a carriage return alone, is *irregular* for that beginning; it is
//! walked through byte by byte in the csv crate's own states, and so are those after it until the states agree again.

use rayon::prelude::*;

use super::block::Block;
use super::cutter::{Cutter, Spot};
use super::scan::Scan;
use super::utf8::{Seam, behind_character};
use super::{SplitError, SplitErrorKind};
use crate::csv::{Meaning, State};

/// **Bytes** of a block: it and its masks stay in the second-level cache, and a block that must be walked through is
/// short.
const BLOCK_BYTES: usize = 64 * 1024;

/// Blocks that a thread takes together: scanning a mebibyte takes longer than waking a thread for it.
const BLOCKS_AT_ONCE: usize = 16;

/// Where a scan of CSV stands.
#[derive(Debug)]
pub(super) struct Scanner {
    delimiter: u8,
    at: Spot,
    state: State,
    /// A carriage return has ended a record, and a line feed may belong to it.
    returned: bool,
    /// The last two bytes. A manifest begins as after a blank line.
    before: [u8; 2],
    scans: Vec<Scan>,
}

impl Scanner {
    pub(super) const fn new(delimiter: u8, at: Spot) -> Self {
        Self {
            delimiter,
            at,
            state: State::Record,
            returned: false,
            before: *b"\n\n",
            scans: Vec::new(),
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> Spot {
        self.at
    }

    pub(super) fn push(
        &mut self,
        window: &[&[u8]],
        cutter: &mut Cutter,
        mut seam: Option<&mut Seam>,
    ) -> Result<(), SplitError> {
        let mut blocks = Vec::new();
        let mut broken = None;
        let (mut before, mut byte) = (self.before, self.at.byte);
        for piece in window {
            let check = match seam.as_deref_mut().map(|seam| seam.enter(piece, byte)) {
                None => None,
                Some(Ok(range)) => Some(range),
                Some(Err(at)) => {
                    broken = Some(at);
                    break;
                }
            };
            cut_blocks(piece, check.as_ref(), &mut before, &mut blocks);
            byte += piece.len() as u64;
        }
        self.scan(&blocks);
        let scans = std::mem::take(&mut self.scans);
        for (block, scan) in blocks.iter().zip(&scans) {
            self.take(block, scan, cutter)?;
        }
        self.scans = scans;
        broken.map_or(Ok(()), |byte| Err(cutter.invalid_utf8(self.at.line, byte)))
    }

    /// An open quote is a fault of the caller's choosing.
    pub(super) fn finish(&mut self, cutter: &mut Cutter, refuse: bool) -> Result<(), SplitError> {
        if self.state == State::Quoted && refuse {
            let position = cutter.position();
            let kind = SplitErrorKind::UnclosedQuote;
            return Err(SplitError { kind, position });
        }
        if self.returned || self.state != State::Record {
            cutter.end_record(self.at);
        }
        cutter.finish(self.at);
        Ok(())
    }

    fn scan(&mut self, blocks: &[Block<'_>]) {
        if self.scans.len() < blocks.len() {
            self.scans.resize_with(blocks.len(), Scan::default);
        }
        let delimiter = self.delimiter;
        let scan = |(block, scan): (&Block<'_>, &mut Scan)| scan.read(block, delimiter);
        let scans = blocks.par_iter().zip(&mut self.scans);
        scans.with_min_len(BLOCKS_AT_ONCE).for_each(scan);
    }

    fn take(&mut self, block: &Block<'_>, scan: &Scan, cutter: &mut Cutter) -> Result<(), SplitError> {
        if let Some(invalid) = scan.invalid {
            let byte = self.at.byte + invalid as u64;
            self.walk(block.bytes.get(..invalid).unwrap_or(block.bytes), cutter);
            return Err(cutter.invalid_utf8(self.at.line, byte));
        }
        let inside = self.state == State::Quoted;
        let implied = implied_state(block.before, inside, self.delimiter);
        if implied == (self.state, self.returned) && !scan.is_irregular(inside) {
            self.leap(block, scan, cutter);
        } else {
            self.walk(block.bytes, cutter);
        }
        self.before = roll(self.before, block.bytes);
        Ok(())
    }

    /// Takes a regular block with the masks of its scan.
    fn leap(&mut self, block: &Block<'_>, scan: &Scan, cutter: &mut Cutter) {
        let inside = self.state == State::Quoted;
        let end = Spot {
            byte: self.at.byte + block.bytes.len() as u64,
            line: self.at.line + scan.lines(),
        };
        if cutter.is_near_bytes_limit(end.byte) {
            self.cut_by_bytes(scan, inside, cutter);
        } else {
            self.cut_by_items(scan, inside, cutter);
        }
        if let Some((bytes, lines)) = scan.last_line_end(inside) {
            cutter.begin_record(Spot {
                byte: self.at.byte + bytes,
                line: self.at.line + lines,
            });
        }
        self.at = end;
        let before = roll(block.before, block.bytes);
        (self.state, self.returned) = implied_state(before, inside ^ scan.is_odd(), self.delimiter);
        if (self.state, self.returned) == (State::Record, false) {
            cutter.begin_record(self.at);
        }
    }

    /// Finds the batches that their items close.
    fn cut_by_items(&self, scan: &Scan, inside: bool, cutter: &mut Cutter) {
        let mut taken = 0;
        let records = scan.ends(inside);
        while let Some(last) = cutter.missing().checked_add(taken).filter(|last| *last <= records) {
            let Some((bytes, lines)) = scan.end(inside, last) else {
                break;
            };
            cutter.add(last - taken - 1);
            cutter.end_record(Spot {
                byte: self.at.byte + bytes,
                line: self.at.line + lines,
            });
            taken = last;
        }
        cutter.add(records - taken);
    }

    /// Takes the records one by one, for any of them may close a batch.
    fn cut_by_bytes(&self, scan: &Scan, inside: bool, cutter: &mut Cutter) {
        let Spot { mut byte, mut line } = self.at;
        for word in scan.words() {
            word.each_line_end(inside, |bit, is_record| {
                let at = Spot {
                    byte: byte + u64::from(bit) + 1,
                    line: line + word.lines_through(bit),
                };
                if is_record {
                    cutter.end_record(at);
                } else {
                    cutter.begin_record(at);
                }
            });
            byte += 64;
            line += word.lines();
        }
    }

    /// Takes bytes one by one in the csv crate's states.
    fn walk(&mut self, bytes: &[u8], cutter: &mut Cutter) {
        for byte in bytes {
            let returned = std::mem::take(&mut self.returned);
            if returned && *byte != b'\n' {
                cutter.end_record(self.at);
            }
            let (next, meaning) = self.state.step(*byte, self.delimiter);
            self.at.byte += 1;
            self.at.line += u64::from(*byte == b'\n');
            if returned && *byte == b'\n' {
                cutter.end_record(self.at);
            } else if meaning == Meaning::End {
                self.returned = *byte == b'\r';
                if !self.returned {
                    cutter.end_record(self.at);
                }
            } else if next == State::Record {
                cutter.begin_record(self.at);
            }
            self.state = next;
        }
    }
}

/// The state that two bytes and the number of quotes before them imply, where quotes are regular; and whether a
/// carriage return has just ended a record.
fn implied_state(before: [u8; 2], inside: bool, delimiter: u8) -> (State, bool) {
    if inside {
        return (State::Quoted, false);
    }
    match before {
        [_, b'\n'] | [b'\n', b'\r'] => (State::Record, false),
        [_, b'\r'] => (State::Record, true),
        [_, b'"'] => (State::Quote, false),
        [_, last] if last == delimiter => (State::Field, false),
        [_, _] => (State::Plain, false),
    }
}

/// The last two bytes after these.
fn roll(before: [u8; 2], bytes: &[u8]) -> [u8; 2] {
    match *bytes {
        [] => before,
        [only] => [before[1], only],
        [.., second, last] => [second, last],
    }
}

fn cut_blocks<'a>(
    piece: &'a [u8],
    check: Option<&std::ops::Range<usize>>,
    before: &mut [u8; 2],
    blocks: &mut Vec<Block<'a>>,
) {
    let mut from = 0;
    for bytes in piece.chunks(BLOCK_BYTES) {
        let to = from + bytes.len();
        let edge = |at: usize, range: &std::ops::Range<usize>| {
            if at <= range.start || at >= range.end {
                at.clamp(range.start, range.end)
            } else {
                behind_character(piece, at).min(range.end)
            }
        };
        let check = check.map(|range| (edge(from, range), edge(to, range)));
        blocks.push(Block {
            bytes,
            before: *before,
            check: check.and_then(|(start, end)| Some((piece.get(start..end)?, start - from.min(start)))),
        });
        *before = roll(*before, bytes);
        from = to;
    }
}
