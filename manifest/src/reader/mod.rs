//! What a map's `ItemReader` reads: bytes to items as JSON, exactly as Step Functions makes them.
//!
//! Decoders are shown a window of a file, beginning where the last step said. They say whether an item stands there
//! and how many bytes of the window are done with; the caller owns the bytes and fetches more of them. Whatever the
//! pieces in which the bytes come, the items are the same.
//!
//! Batches have decoders of their own ([`crate::decode`]): a bad record is an item there, and an error here, and
//! Step Functions escapes with backslashes, which RFC 4180 does not know.

mod csv;
mod json;
mod list;
mod parquet;

pub use csv::{CsvHeader, CsvRows};
pub use json::{BadPointer, JsonElements, JsonFault, JsonItem, JsonPointer, JsonSearch, JsonShape};
pub use list::{BadList, Inventory, athena_files};
pub use parquet::{BadParquet, ParquetFooter, ParquetRows};

/// What a decoder found at the beginning of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// It takes more bytes to tell. The first `passed` of the window need not be shown again.
    More {
        /// **Bytes** that are done with.
        passed: usize,
    },
    /// An item.
    Item {
        /// What it is.
        item: T,
        /// **Bytes** that are done with: the item's, and what stood before it.
        passed: usize,
    },
    /// There are no more items.
    End,
}

/// A record that cannot be read. Reads after "the record at byte …: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// The byte of the window at which the trouble is.
    pub at: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl BadRecord {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }

    fn unexpected(expected: &str, found: u8) -> Self {
        Self::new(0, format!("expected {expected}, found `{}`", found.escape_ascii()))
    }

    fn moved(self, by: usize) -> Self {
        Self {
            at: self.at + by,
            ..self
        }
    }
}

/// Bytes that a JSON string cannot hold as they are.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends bytes as the inside of a JSON string.
fn push_escaped(text: &mut Vec<u8>, mut bytes: &[u8]) {
    while let Some(at) = bytes.iter().position(|byte| needs_escape(*byte)) {
        let (clean, rest) = bytes.split_at(at);
        text.extend_from_slice(clean);
        let Some((special, rest)) = rest.split_first() else {
            return;
        };
        push_special(text, *special);
        bytes = rest;
    }
    text.extend_from_slice(bytes);
}

fn push_special(text: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |number: u8| if number < 10 { b'0' + number } else { b'a' + number - 10 };
            text.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    };
    text.extend_from_slice(&[b'\\', short]);
}
