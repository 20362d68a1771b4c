//! What bounds a batch, with the reason for each value.

/// **Bytes** of one record. A URL or a key is under 8 KiB; what is larger is another column's text, and a processor
/// holds a whole batch in memory.
pub const RECORD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// **Bytes** after which a batch closes at the next end of a record, however few items it has. With
/// [`RECORD_BYTES_MAX`] it bounds what a processor reads: 24 MiB.
pub const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// Items that a machine can count: numbers in JSON are exact up to here.
pub const ITEMS_MAX: u64 = 9_007_199_254_740_991;

/// **Bytes** of a bad record that are kept to show it.
pub const EXCERPT_BYTES: usize = 200;
