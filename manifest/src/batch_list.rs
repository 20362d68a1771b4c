//! Writing a batch list: one line for each batch, all about the same object.

use std::io::Write;

use crate::{Cut, Source};

/// Writes the lines of a batch list. The object is the same on every line, so it is serialised once.
///
/// ```
/// use manifest::{Batch, BatchLines, Cut};
/// let line = r#"{"number":3,"first":300,"items":2,"source":{"bucket":"m","key":"urls.txt","format":{"layout":"urlList","delimiter":"COMMA","columns":{"url":{"name":"url","position":0}},"dataStart":0}},"start":7,"end":77,"line":2}"#;
/// let batch: Batch = serde_json::from_str(line)?;
/// let manifest::Body::Range { source, .. } = &batch.body else { unreachable!() };
/// let mut written = Vec::new();
/// BatchLines::new(source)?.write(&Cut { number: 3, first: 300, items: 2, start: 7, end: 77, line: 2, lines: 2 }, &mut written);
/// assert_eq!(written, [line.as_bytes(), b"\n"].concat());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchLines {
    source: String,
}

impl BatchLines {
    /// For the ranges of this object.
    ///
    /// # Errors
    /// None that is known: names and numbers serialise.
    pub fn new(source: &Source) -> Result<Self, serde_json::Error> {
        let source = serde_json::to_string(source)?;
        Ok(Self { source })
    }

    /// Appends the line of one batch, as [`crate::Batch`] serialises.
    ///
    /// # Panics
    /// Never: a vector takes every byte.
    pub fn write(&self, cut: &Cut, lines: &mut Vec<u8>) {
        let Cut {
            number,
            first,
            items,
            start,
            end,
            line,
            lines: _,
        } = cut;
        let source = &self.source;
        let written = writeln!(
            lines,
            r#"{{"number":{number},"first":{first},"items":{items},"source":{source},"start":{start},"end":{end},"line":{line}}}"#
        );
        assert!(written.is_ok(), "a vector takes every byte");
    }
}
