//! Records that are lines: a URL, a JSON text or a remaining item each. Blank lines are no records; neither are a URL
//! list's comments.

use crate::item::Found;
use crate::{Format, Layout, Quote, json_lines, remaining, url_list};

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
        let length = length(left, LineEnd::of_format(self.format));
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

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// A line feed.
    Feed,
    /// A line feed, or a carriage return with or without one.
    FeedOrReturn,
}

impl LineEnd {
    /// A carriage return may stand inside of JSON. Nothing else that is a line can hold one.
    pub(crate) const fn of_format(format: &Format) -> Self {
        match (format.layout, format.quote) {
            (Layout::UrlList, _) | (Layout::Csv, Quote::None) => Self::FeedOrReturn,
            (Layout::Csv | Layout::JsonLines | Layout::JsonArray | Layout::Remaining, _) => Self::Feed,
        }
    }
}

/// How long the first line of some bytes is, its end included.
fn length(bytes: &[u8], line_end: LineEnd) -> usize {
    let end = match line_end {
        LineEnd::Feed => memchr::memchr(b'\n', bytes),
        LineEnd::FeedOrReturn => memchr::memchr2(b'\n', b'\r', bytes),
    };
    let Some(end) = end else { return bytes.len() };
    let is_pair = bytes.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
    end + 1 + usize::from(is_pair)
}

/// How many lines end in some bytes.
pub(crate) fn count(bytes: &[u8], line_end: LineEnd) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let is_lone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    let returns = match line_end {
        LineEnd::Feed => 0,
        LineEnd::FeedOrReturn => memchr::memchr_iter(b'\r', bytes).filter(is_lone).count(),
    };
    (feeds + returns) as u64
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
        note: None,
        remaining: None,
    }
}
