//! What bounds a processor, with the reason for each value.
//!
//! Peak memory of one call: the batch's bytes and items, plus for each request in flight what is collected before
//! a body is streamed ([`collect_bytes`]) and one piece of it.

use std::time::Duration;

/// Requests in flight at most: a process has 1,024 file descriptors unless somebody raised it.
pub const CONCURRENCY_MAX: u32 = 1_000;

/// Redirects that are followed for one file; browsers follow 20, curl 50, and what needs more than 10 is a loop.
pub const REDIRECTS_MAX: usize = 10;

/// How often a file is tried when the work does not say.
pub const ATTEMPTS: u32 = 4;

/// How often a file is tried at most, whatever the work says.
pub const ATTEMPTS_MAX: u32 = 20;

/// The first back-off is a random part of this; it doubles with each attempt.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);

/// A back-off is never longer.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// A `Retry-After` counts at most so much: the child execution has five minutes.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// From the start of a connection to its end: half of what a response's head gets, so that a second address can be tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// From the start of a connection to the response's head: the limit of `image-download`'s downloader.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// From one piece of a body to the next.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// From the start of a connection to the end of the body.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(280);

/// **Bytes per second** that a body must bring on average, after [`SPEED_GRACE`].
pub const BYTES_PER_SECOND_MIN: u64 = 1_024;

/// How long a body may be slower than [`BYTES_PER_SECOND_MIN`].
pub const SPEED_GRACE: Duration = Duration::from_secs(10);

/// **Bytes** of one file, decoded: the largest object that S3 takes in one request.
pub const OBJECT_BYTES_MAX: u64 = 5 * 1_024 * 1_024 * 1_024;

/// How many times a body may grow when it is decoded. Text packs 10 to 50 times; gzip can reach 1,032.
pub const DECOMPRESSION_RATIO_MAX: u64 = 200;

/// **Bytes** that a body may grow to whatever its ratio.
pub const DECOMPRESSION_FREE: u64 = 1_024 * 1_024;

/// An Express child has five minutes; ten seconds of them are for its start, its answer and the clock's error.
/// **Source**: service-quotas.html of the Step Functions developer guide, read 2026-11-21.
pub const CHILD_TIME: Duration = Duration::from_secs(290);

/// What is kept of the time for writing the outcomes.
pub const DEADLINE_MARGIN: Duration = Duration::from_secs(5);

/// How soon a host that others keep busy is asked again.
pub const HOST_RECHECK: Duration = Duration::from_millis(25);

/// How long what a host has said counts when nobody asks it any more.
pub const HOST_MEMORY: Duration = Duration::from_mins(5);

/// So many hosts may be remembered before those are looked for that nobody asks any more: a few hundred kilobytes.
pub const HOSTS_UNSWEPT: usize = 1_024;

/// **Bytes** of a batch's range: four times what a batcher puts into one.
pub const BATCH_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Paths that the batcher puts into one task; makes item numbers of task numbers.
pub const TASK_ITEMS: u64 = 5;

/// Bodies up to this many **bytes** are collected and written in one step; larger ones are streamed.
pub fn collect_bytes(concurrency: usize) -> usize {
    const TOGETHER: usize = 64 * 1_024 * 1_024;
    (TOGETHER / concurrency.max(1)).clamp(64 * 1_024, 1_024 * 1_024)
}
