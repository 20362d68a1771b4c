//! Every bound of the engine, with its reason.
//!
//! Peak memory of a map run is at most
//! `concurrency × 3 × PAYLOAD_BYTES_MAX + reader + RESULT_BYTES_MAX + PAYLOAD_BYTES_MAX`:
//! the children's input, state and output, what the item reader holds, results that wait for the running commit, and the
//! collected outputs of a run without a result writer. The reader holds `2 × ITEM_BYTES_MAX` and the object store's
//! piece of the source: an item as it stands there and as JSON. A reader of Parquet holds `PARQUET_ROW_GROUP_BYTES_MAX`
//! and a page of each column, unpacked.
//!
//! Payloads are counted as their texts. Read as values they may take more: an array of one-digit numbers, at the worst,
//! 36 bytes for each of its text. What did not succeed in earlier attempts of a redriven run takes 16 bytes for each span.
//! Executions that children have started, and not waited for, take what executions take: `STARTED_MAX` of them at once.

use std::time::Duration;

/// **Bytes** of a state's, task's or execution's data. **Source**: service quotas, 256 KiB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// **Bytes** of one item in its source. **Source**: input-output-itemreader.html, 8 MB.
pub const ITEM_BYTES_MAX: usize = 8_000_000;

/// **Bytes** of a CSV's header. **Source**: input-output-itemreader.html, 10 KiB.
pub const CSV_HEADER_BYTES_MAX: usize = 10_240;

/// **Bytes** of an object that a reader asks the store for at once: large enough that a request costs nothing beside its
/// bytes, small enough that no connection idles while children run. They are received as they are needed.
pub const READ_RANGE_BYTES: u64 = 8 << 20;

/// **Bytes** of a Parquet file's footer. **Source**: input-output-itemreader.html, 5 MB.
pub const PARQUET_FOOTER_BYTES_MAX: u64 = 5_000_000;

/// **Bytes** of one row group of a Parquet file; a reader holds one. **Source**: input-output-itemreader.html, 256 MB.
pub const PARQUET_ROW_GROUP_BYTES_MAX: u64 = 256_000_000;

/// How often in a row a broken body is asked for again; each time from where it broke.
pub const READ_ATTEMPTS_MAX: u32 = 3;

/// Children of one map run at once. **Source**: state-map-distributed.html.
pub const CHILD_CONCURRENCY_MAX: u64 = 10_000;

/// Redrives of one map run. **Source**: redrive-map-run.html.
pub const MAP_RUN_REDRIVES_MAX: u32 = 1_000;

/// Executions that a map run's children have started and not waited for, while they run here: as many as children.
pub const STARTED_MAX: usize = 10_000;

/// How long an Express execution may run. **Source**: service quotas, five minutes.
pub const EXPRESS_DURATION_MAX: Duration = Duration::from_mins(5);

/// How long a Lambda function may run; a task without a time-out of its own gets it. **Source**: Lambda quotas.
pub const TASK_DURATION_MAX: Duration = Duration::from_mins(15);

/// **Bytes** of results that may wait for a commit before no further child is started: some thousand records, enough
/// to spread a commit's cost; four times as much made nothing faster and tripled the peak.
pub const RESULT_BYTES_MAX: usize = 1 << 19;

/// **Bytes** of results that are read back at once: a few rows of the records, far less than what waits for a commit.
pub const RESULT_CHUNK_BYTES: usize = 128 << 10;

/// Records of a journal that are read at once when an execution is recovered: a few hundred KiB.
pub const JOURNAL_PAGE: usize = 1_000;

/// Answers that are taken into one journal entry group: what came while the last group was being written.
pub const EVENTS_PER_APPEND_MAX: usize = 1_000;

/// **Bytes** of one file of a result set. **Source**: input-output-resultwriter.html, 5 GB.
pub const RESULT_FILE_BYTES_MAX: u64 = 5_000_000_000;

/// Messages that may wait for an execution: the sender of one more waits until the execution has taken some.
pub const MESSAGES_MAX: usize = 64;

/// How long a worker may wait for work. **Source**: `API_GetActivityTask.html`, 60 seconds.
pub const ACTIVITY_POLL_MAX: Duration = Duration::from_mins(1);

/// The interpreter whose events a journal holds; a journal of another one is refused.
pub const INTERPRETER_VERSION: u32 = 1;
