//! A body line by line, in bounded memory: batch lists, outcomes, lists of remaining items.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::{BodyStream, Error, ErrorKind, Result};

/// The lines of a body. Holds one line and one piece of the body.
///
/// ```
/// use futures::{StreamExt, stream};
/// use ports::Lines;
///
/// # futures::executor::block_on(async {
/// let pieces: [ports::Result<bytes::Bytes>; 2] = [Ok("one\ntw".into()), Ok("o\n".into())];
/// let body = stream::iter(pieces).boxed();
/// let mut lines = Lines::new(body, 0, 1_024);
/// assert_eq!(lines.next().await?, Some((0, "one".into())));
/// assert_eq!(lines.next().await?, Some((4, "two".into())));
/// assert_eq!(lines.next().await?, None);
/// # Ok::<(), ports::Error>(())
/// # }).unwrap();
/// ```
pub struct Lines {
    /// `None` once the body has ended.
    body: Option<BodyStream>,
    buffer: BytesMut,
    /// How many bytes of the buffer hold no line feed for certain.
    scanned: usize,
    /// The byte of the object at which the buffer begins.
    position: u64,
    line_bytes_max: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// The lines of a body that begins at byte `position` of its object.
    pub fn new(body: BodyStream, position: u64, line_bytes_max: usize) -> Self {
        Self {
            body: Some(body),
            buffer: BytesMut::new(),
            scanned: 0,
            position,
            line_bytes_max,
        }
    }

    /// Where the next line begins.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next line that is not blank, without its line feed, and the byte at which it begins.
    ///
    /// # Errors
    /// The error that the body ended with, or [`ErrorKind::Malformed`] for a line over the limit.
    pub async fn next(&mut self) -> Result<Option<(u64, Bytes)>> {
        while let Some(length) = self.line_length().await? {
            let start = self.position;
            let line = self.buffer.split_to(length).freeze();
            self.position += length as u64;
            self.scanned = 0;
            let line = line
                .strip_suffix(b"\n")
                .map_or_else(|| line.clone(), |text| line.slice_ref(text));
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((start, line)));
            }
        }
        Ok(None)
    }

    /// The length of the next line with its line feed; `None` at the end.
    async fn line_length(&mut self) -> Result<Option<usize>> {
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.scanned + at + 1));
            }
            self.scanned = self.buffer.len();
            if self.scanned > self.line_bytes_max {
                let limit = self.line_bytes_max;
                let text = format!("the line at byte {} is longer than {limit} bytes", self.position);
                return Err(Error::new(ErrorKind::Malformed, text));
            }
            if !self.fill().await? {
                return Ok(Some(self.buffer.len()).filter(|length| *length > 0));
            }
        }
    }

    async fn fill(&mut self) -> Result<bool> {
        let Some(body) = &mut self.body else {
            return Ok(false);
        };
        match body.next().await {
            Some(piece) => self.buffer.extend_from_slice(&piece?),
            None => self.body = None,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};

    fn lines(pieces: &[&'static str], line_bytes_max: usize) -> Result<Vec<(u64, String)>> {
        let pieces: Vec<Result<Bytes>> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
            .collect();
        let mut lines = Lines::new(Box::pin(stream::iter(pieces)), 100, line_bytes_max);
        let mut found = Vec::new();
        while let Some((start, line)) = lines.next().now_or_never().unwrap()? {
            found.push((start, String::from_utf8(line.to_vec()).unwrap()));
        }
        Ok(found)
    }

    #[test]
    fn pieces_do_not_show_in_the_lines() {
        let expected = [
            (100, "one".to_owned()),
            (104, "two".to_owned()),
            (109, "three".to_owned()),
        ];
        for pieces in [
            &["one\ntwo\n\nthree"][..],
            &["o", "ne\nt", "wo\n", "\nthree"],
            &["one\n", "two\n", "\n", "three\n"],
        ] {
            assert_eq!(lines(pieces, 10).unwrap(), expected);
        }
    }

    #[test]
    fn a_line_over_the_limit_is_refused_where_it_begins() {
        let error = lines(&["one\n", "0123456789", "0123456789"], 12).unwrap_err();
        assert!(error.to_string().contains("byte 104"), "{error}");
    }
}
