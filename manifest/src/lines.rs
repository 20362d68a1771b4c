//! Records that are lines: a URL, a JSON text or a remaining item each. Blank lines are no records; neither are a URL
//! list's comments.

use crate::item::Found;
use crate::{Format, Layout, json_lines, remaining, url_list};

/// The records of a range of whole lines.
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

    fn next_line(&mut self) -> Option<(usize, &'a [u8])> {
        let left = self.bytes.get(self.at..).filter(|left| !left.is_empty())?;
        let length = memchr::memchr(b'\n', left).map_or(left.len(), |newline| newline + 1);
        let at = self.at;
        self.at += length;
        Some((at, left.get(..length)?))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        loop {
            let (at, line) = self.next_line()?;
            let text = line.trim_ascii();
            if is_record(text.first().copied(), self.format.layout) {
                let at = at + (line.len() - line.trim_ascii_start().len());
                return Some(read(at, text, self.format));
            }
        }
    }
}

/// Whether a line whose first byte after white space is this one is a record.
pub(crate) fn is_record(first: Option<u8>, layout: Layout) -> bool {
    first.is_some_and(|first| first != b'#' || layout != Layout::UrlList)
}

fn read<'a>(at: usize, text: &'a [u8], format: &Format) -> Found<'a> {
    let subject = match format.layout {
        Layout::Remaining => return remaining::read(at, text),
        Layout::UrlList | Layout::Csv => json_lines::utf8(text).and_then(|text| url_list::subject(text, format)),
        Layout::JsonLines | Layout::JsonArray => json_lines::subject(text, format),
    };
    Found {
        at,
        text,
        subject,
        remaining: None,
    }
}
