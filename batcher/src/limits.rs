//! What bounds a batcher, with the reason for each value.
//!
//! Peak memory is `WINDOW_BYTES` × (`WINDOWS_AHEAD` + 1), plus a list of the batches in one window; with `strict` also
//! the open batch, at most 24 MiB.

/// **Bytes** of one ranged read. It stays in the cache while it is scanned: with 4 MiB the stage takes twice the memory
/// and a quarter more time.
pub const WINDOW_BYTES: u64 = 1024 * 1024;

/// Reads in flight while a window is scanned: three at S3's some 40 ms each fill what a Lambda's network gives, 75 MB/s.
pub const WINDOWS_AHEAD: usize = 3;

/// **Bytes** of a manifest that must hold its header: the first window.
pub const HEADER_BYTES_MAX: u64 = WINDOW_BYTES;

/// **Bytes** of a manifest that is an inline body: it is read as a whole, for it is one JSON object.
pub const INLINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// **Bytes** of the paths in one inline batch: a state's payload is at most 256 KiB, and escapes may double it.
pub const TASK_BYTES_MAX: usize = 64 * 1024;

/// **Bytes** of the tasks that an answer may carry beside the batch list: a quarter of a state's payload.
pub const TASKS_BYTES_MAX: usize = 64 * 1024;

/// How many times its size a compressed manifest may expand to: text seldom passes 20, a bomb 1,000.
pub const EXPANSION_RATIO_MAX: u64 = 100;

/// **Bytes** to which anything may expand whatever its ratio: some very repetitive manifests are small.
pub const EXPANSION_BYTES_FREE: u64 = 64 * 1024 * 1024;

/// Faults that a strict reading names before it gives up.
pub const FAULTS_TOLD_MAX: usize = 10;

/// Batches that wait to be written: a few windows' worth.
pub const LINES_AHEAD: usize = 2;
