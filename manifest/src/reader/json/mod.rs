//! The elements of a JSON array, or the entries of a JSON object, somewhere in a file of any size.
//!
//! Two machines, one after the other: [`JsonSearch`] walks to what a pointer names, passing over everything else without
//! looking into it; [`JsonElements`] hands out what is there. Neither holds anything but its place.

mod elements;
mod pointer;
mod scan;
mod search;

pub use elements::{JsonElements, JsonItem};
pub use pointer::{BadPointer, JsonPointer};
pub use search::{JsonFault, JsonSearch};

/// What the items are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonShape {
    /// Elements.
    Array,
    /// Entries: `{"Key":…,"Value":…}`.
    Object,
}

/// What a machine wants to see next.
enum Seen<T> {
    Is(T),
    /// The window ends before it.
    Beyond,
}
