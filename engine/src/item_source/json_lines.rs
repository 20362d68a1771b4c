//! Reads `JSONL`: one JSON value in each line; blank lines are skipped.

use std::sync::Arc;

use asl::{StateError, Value};
use ports::ObjectStore;

use super::content::ObjectPosition;
use super::failure::of_record;
use super::window::{Object, Window};

/// The lines of one object.
pub(crate) struct JsonLines {
    window: Window,
    /// Bytes of the window that are known to hold no line feed.
    scanned: usize,
    count: u64,
}

impl JsonLines {
    /// Opens an object at its beginning, or at a byte that an earlier reader has reported.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        position: ObjectPosition,
    ) -> Result<Self, StateError> {
        let mut window = Window::open(store, object, position.byte).await?;
        if position.byte == 0 {
            window.pass_byte_order_mark().await?;
        }
        Ok(Self {
            window,
            scanned: 0,
            count: position.count,
        })
    }

    pub(crate) const fn window(&self) -> &Window {
        &self.window
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Value>, StateError> {
        while let Some(length) = self.line().await? {
            let line = self.window.bytes().get(..length).unwrap_or_default();
            let blank = line.iter().all(u8::is_ascii_whitespace);
            let value = if blank { None } else { Some(self.read(line)?) };
            self.window.pass_item(length)?;
            self.scanned = 0;
            if value.is_some() {
                self.count += 1;
                return Ok(value);
            }
        }
        Ok(None)
    }

    /// **Bytes** of the next line, including its line feed.
    async fn line(&mut self) -> Result<Option<usize>, StateError> {
        loop {
            let bytes = self.window.bytes();
            let fresh = bytes.get(self.scanned..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                return Ok(Some(self.scanned + at + 1));
            }
            self.scanned = bytes.len();
            if self.window.is_complete() {
                return Ok(Some(self.scanned).filter(|length| *length > 0));
            }
            self.window.grow().await?;
        }
    }

    fn read(&self, line: &[u8]) -> Result<Value, StateError> {
        serde_json::from_slice(line).map_err(|error| {
            let message = format!("the line is no JSON: {error}");
            of_record(&self.window.object().at, self.count, self.window.position(), &message)
        })
    }
}
