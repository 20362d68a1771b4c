//! Manifests: bytes to items to batches, and the outcomes that come back.
//!
//! Pure: no I/O, no clock, no `async`. Whoever holds the bytes feeds them in; what comes out says where it stood.
//! The types of this crate are the ones that cross process boundaries: a [`request::Request`] is an execution's input,
//! a [`Batch`] is a line of the batch list, an [`Outcome`] is a line of an outcome object, [`result_file`] holds what a map run's `ResultWriter` leaves behind.

pub mod error_name;
pub mod limits;
pub mod reader;
pub mod request;
pub mod result_file;
pub mod run_key;
pub mod work;

mod batch;
mod batch_list;
mod counts;
mod csv;
mod decode;
mod header;
mod item;
mod json_array;
mod json_lines;
mod lines;
mod outcome;
mod redact;
mod remaining;
mod split;
mod url_list;

pub use batch::{Batch, BatchInput, Body, Columns, Compression, Delimiter, Format, Layout, Source, Task};
pub use batch_list::BatchLines;
pub use counts::Counts;
pub use decode::{Items, decode};
pub use header::{BYTE_ORDER_MARK, HeaderRow, NoHeader};
pub use item::{Item, Malformed, SourcePosition, Subject};
pub use outcome::{Checksum, ErrorClass, ItemError, Outcome, Status};
pub use redact::{redact, show_parameters};
pub use remaining::RemainingItem;
pub use split::{Cut, Cutting, OnSplitError, SplitError, SplitErrorKind, Splitter};
