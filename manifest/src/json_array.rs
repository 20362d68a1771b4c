//! The elements of one JSON array, found without parsing them: commas at depth zero outside strings.

use crate::item::Found;
use crate::{Format, json_lines};

/// Where a scan of an array's inside stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scan {
    depth: u64,
    string: bool,
    escaped: bool,
}

/// What a byte means for the array itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// White space between elements.
    Blank,
    /// A part of an element.
    Text,
    /// The comma after an element.
    Comma,
    /// The bracket that ends the array.
    End,
}

impl Scan {
    /// Takes one byte.
    pub(crate) const fn step(&mut self, byte: u8) -> Mark {
        if self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = false,
                _ => {}
            }
            return Mark::Text;
        }
        match byte {
            b'"' => self.string = true,
            b'[' | b'{' => self.depth += 1,
            b']' if self.depth == 0 => return Mark::End,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth == 0 => return Mark::Comma,
            b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Mark::Blank,
            _ => {}
        }
        Mark::Text
    }

    /// How many bytes from here on are plain inside of a string.
    pub(crate) fn skip(self, bytes: &[u8]) -> usize {
        if !self.string || self.escaped {
            return 0;
        }
        memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len())
    }
}

/// The records of a range of whole elements.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    format: &'a Format,
}

impl<'a> Records<'a> {
    pub(crate) const fn new(bytes: &'a [u8], format: &'a Format) -> Self {
        Self { bytes, at: 0, format }
    }

    /// The next element with its start, and whether a comma or the range's end follows it.
    fn next_element(&mut self) -> Option<(usize, &'a [u8], Mark)> {
        let from = self.at;
        let mut scan = Scan::default();
        loop {
            let left = self.bytes.get(self.at..).unwrap_or_default();
            self.at += scan.skip(left);
            let Some(byte) = self.bytes.get(self.at) else {
                return Some((from, self.bytes.get(from..)?, Mark::End));
            };
            let mark = scan.step(*byte);
            self.at += 1;
            if matches!(mark, Mark::Comma | Mark::End) {
                return Some((from, self.bytes.get(from..self.at - 1)?, mark));
            }
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let (from, element, mark) = self.next_element()?;
        let text = element.trim_ascii();
        if text.is_empty() && mark == Mark::End {
            return None;
        }
        Some(Found {
            at: from + (element.len() - element.trim_ascii_start().len()),
            text,
            subject: json_lines::subject(text, self.format),
            note: None,
            remaining: None,
        })
    }
}
