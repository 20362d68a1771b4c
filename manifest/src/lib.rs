//! Manifests: bytes to items to batches, and the outcomes that come back.
//!
//! Pure: no I/O, no clock, no `async`. Whoever holds the bytes feeds them in; what comes out says where it stood.
//! The types of this crate are the ones that cross process boundaries: a [`request::Request`] is an execution's input,
//! a [`Batch`] is a line of the batch list, an [`Outcome`] is a line of an outcome object, [`result_file`] holds what a
//! map run's `ResultWriter` leaves behind.
//!
//! ```
//! use manifest::{Batch, Body, Cutting, Format, OnSplitError, Source, Splitter};
//!
//! // Where the batches of a manifest are …
//! let text = b"https://example.com/a\nhttps://example.com/b\n# no item\nhttps://example.com/c\n";
//! let format: Format = serde_json::from_str(r#"{"layout":"urlList","columns":{"url":{"name":"url","position":0}}}"#)?;
//! let cutting = Cutting { items: 2, line: 1, on_error: OnSplitError::Refuse };
//! let mut splitter = Splitter::new(&format, cutting);
//! let mut cuts = splitter.push(&[text.as_slice()]).expect("UTF-8");
//! cuts.extend(splitter.finish().expect("whole lines"));
//! assert_eq!(cuts.iter().map(|cut| cut.items).collect::<Vec<_>>(), [2, 1]);
//!
//! // … and what is in one of them, from its bytes alone.
//! let last = cuts[1];
//! let source = Source { bucket: "m".into(), key: "urls.txt".into(), etag: None, version: None, format };
//! let body = Body::Range { source, start: last.start, end: last.end, line: last.line };
//! let batch = Batch { number: last.number, first: last.first, items: last.items, body };
//! let bytes = &text[last.start as usize..last.end as usize];
//! let items: Vec<_> = manifest::decode(&batch, bytes).collect();
//! assert_eq!((items[0].index, items[0].position.line), (2, 4));
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod error_name;
pub mod limits;
pub mod reader;
pub mod request;
pub mod result_file;
pub mod run_key;
pub mod work;

mod batch;
mod batch_list;
mod copy_name;
mod counts;
mod csv;
mod decode;
mod header;
mod item;
mod json_array;
mod json_lines;
mod lines;
mod name_rule;
mod outcome;
mod redact;
mod remaining;
mod split;
mod url_list;

pub use batch::{Batch, BatchInput, Body, Columns, Compression, Delimiter, Format, Layout, Quote, Source, Task};
pub use batch_list::BatchLines;
pub use copy_name::{CopySource, CopyTemplate};
pub use counts::Counts;
pub use csv::{Span, spans};
pub use decode::{Items, decode};
pub use header::{BYTE_ORDER_MARK, HeaderRow, NoHeader};
pub use item::{Item, Malformed, Note, SourcePosition, Subject};
pub use name_rule::{NameRule, Sources};
pub use outcome::{Checksum, ErrorClass, ItemError, Outcome, Status};
pub use redact::{redact, show_parameters};
pub use remaining::RemainingItem;
pub use split::{Cut, Cutting, OnSplitError, SplitError, SplitErrorKind, Splitter};
