//! Every bound of the engine, with its reason.
//!
//! Peak memory of a map run is at most
//! `concurrency × 3 × PAYLOAD_BYTES_MAX + ITEM_BYTES_MAX + window + RESULT_BYTES_MAX + PAYLOAD_BYTES_MAX`:
//! the children's input, state and output, one item being read, the object store's piece of the source, results that
//! wait for the running commit, and the collected outputs of a run without a result writer.

use std::time::Duration;

/// **Bytes** of a state's, task's or execution's data. **Source**: service quotas, 256 KiB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// **Bytes** of one item in its source. **Source**: input-output-itemreader.html, 8 MB.
pub const ITEM_BYTES_MAX: usize = 8_000_000;

/// Children of one map run at once. **Source**: state-map-distributed.html.
pub const CHILD_CONCURRENCY_MAX: u64 = 10_000;

/// How long an Express execution may run. **Source**: service quotas, five minutes.
pub const EXPRESS_DURATION_MAX: Duration = Duration::from_mins(5);

/// How long a Lambda function may run; a task without a time-out of its own gets it. **Source**: Lambda quotas.
pub const TASK_DURATION_MAX: Duration = Duration::from_mins(15);

/// **Bytes** of results that may wait for a commit before no further child is started: two commits of a usual size.
pub const RESULT_BYTES_MAX: usize = 4 << 20;

/// Records of a journal that are read at once when an execution is recovered: a few hundred KiB.
pub const JOURNAL_PAGE: usize = 1_000;

/// Answers that are taken into one journal entry group: what came while the last group was being written.
pub const EVENTS_PER_APPEND_MAX: usize = 1_000;

/// **Bytes** of one file of a result set. **Source**: input-output-resultwriter.html, 5 GB.
pub const RESULT_FILE_BYTES_MAX: u64 = 5_000_000_000;

/// The interpreter whose events a journal holds; a journal of another one is refused.
pub const INTERPRETER_VERSION: u32 = 1;
