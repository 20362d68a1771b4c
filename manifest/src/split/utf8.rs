//! Whether bytes that come in pieces are UTF-8, without looking at any of them twice.

use std::ops::Range;

/// The character at the seam between two pieces.
#[derive(Debug, Default)]
pub(super) struct Seam {
    /// What has come of it.
    begun: Vec<u8>,
    /// The byte at which it begins.
    byte: u64,
}

impl Seam {
    /// Takes the bytes of a piece that belong to characters which do not lie wholly in it, and returns the range that
    /// is left to be checked, or the byte at which the character at the seam begins that is none.
    pub(super) fn enter(&mut self, piece: &[u8], byte: u64) -> Result<Range<usize>, u64> {
        let mut from = 0;
        while let Some(next) = piece.get(from).filter(|_| !self.begun.is_empty()) {
            self.begun.push(*next);
            from += 1;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_invalid) => return Err(self.byte),
            }
        }
        let rest = piece.get(from..).unwrap_or_default();
        let to = piece.len() - begun_at_the_end(rest);
        if to < piece.len() {
            self.begun.extend_from_slice(piece.get(to..).unwrap_or_default());
            self.byte = byte + to as u64;
        }
        Ok(from..to)
    }

    /// Takes a piece and checks all of it: the byte at which it, or the character before it, stops being UTF-8.
    pub(super) fn first_invalid(&mut self, piece: &[u8], byte: u64) -> Option<u64> {
        match self.enter(piece, byte) {
            Ok(range) => {
                let from = byte + range.start as u64;
                let invalid = first_invalid(piece.get(range).unwrap_or_default());
                invalid.map(|at| from + at as u64)
            }
            Err(at) => Some(at),
        }
    }

    /// Where a character begins that never ended.
    pub(super) fn open(&self) -> Option<u64> {
        (!self.begun.is_empty()).then_some(self.byte)
    }
}

/// How many bytes at the end are the beginning of a character.
fn begun_at_the_end(bytes: &[u8]) -> usize {
    for (before, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if length > before + 1 { before + 1 } else { 0 };
    }
    0
}

/// Moves a place between two blocks of one piece behind the character that lies across it.
pub(super) fn behind_character(bytes: &[u8], at: usize) -> usize {
    let after = bytes.get(at..).unwrap_or_default();
    at + after
        .iter()
        .take(3)
        .take_while(|byte| matches!(byte, 0x80..=0xBF))
        .count()
}

/// Where bytes stop being UTF-8, from their beginning.
pub(super) fn first_invalid(bytes: &[u8]) -> Option<usize> {
    let checked = simdutf8::compat::from_utf8(bytes);
    checked.err().map(|error| error.valid_up_to())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole has to say, and what pieces of this length say.
    fn invalid_at(bytes: &[u8], length: usize) -> Option<u64> {
        let mut seam = Seam::default();
        for (number, piece) in bytes.chunks(length).enumerate() {
            let byte = (number * length) as u64;
            let invalid = seam.first_invalid(piece, byte);
            if invalid.is_some() {
                return invalid;
            }
        }
        seam.open()
    }

    #[test]
    fn pieces_say_what_the_whole_says() {
        let cases: [&[u8]; 9] = [
            "aä€🦀z".as_bytes(),
            b"a\xffb",
            b"a\x80b",
            b"a\xe2\x82",
            b"a\xe2\x82b",
            b"\xed\xa0\x80",
            b"\xf0\x9f\xa6\x80\x80",
            b"\xf4\x90\x80\x80",
            b"\xc3\xa4\xc3",
        ];
        for bytes in cases {
            let whole = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to() as u64);
            for length in 1..=bytes.len() {
                assert_eq!(invalid_at(bytes, length), whole, "{bytes:x?} by {length}");
            }
        }
    }
}
