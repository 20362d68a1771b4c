//! The ledger of a map run: which of its children are done, and their results.
//!
//! A ledger's size follows the number of children that ended out of order: every child below the low-water mark is
//! done, and those that ended ahead of it are listed as spans.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ExecutionArn, Result, Timestamp};

/// Names a map run: `arn:aws:states:us-east-1:000000000000:mapRun:manifest-map/Map:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapRunArn(pub String);

impl fmt::Display for MapRunArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Children `first ..= last`, by their position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

/// Positions as sorted spans that neither overlap nor touch.
///
/// ```
/// use ports::SpanSet;
///
/// let mut done = SpanSet::default();
/// for position in [0, 2, 1, 7] {
///     done.insert(position);
/// }
/// assert_eq!(done.spans().len(), 2);
/// // The low-water mark rises over the span that begins at it.
/// assert_eq!(done.take_from(0), Some(3));
/// assert!(done.contains(7) && !done.contains(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpanSet(Vec<Span>);

impl SpanSet {
    /// Adds one position.
    pub fn insert(&mut self, position: u64) {
        let at = self.0.partition_point(|span| span.first <= position);
        let before = at.checked_sub(1).and_then(|index| self.0.get(index)).copied();
        let after = self.0.get(at).copied();
        let joins_before = before.is_some_and(|span| span.last.saturating_add(1) >= position);
        let joins_after = after.is_some_and(|span| position.saturating_add(1) >= span.first);
        match (before, after) {
            (Some(left), _) if left.last >= position => {}
            (Some(left), Some(right)) if joins_before && joins_after => {
                let joined = Span {
                    first: left.first,
                    last: right.last,
                };
                self.0.splice(at - 1..=at, [joined]);
            }
            (Some(left), _) if joins_before => {
                self.0.splice(
                    at - 1..at,
                    [Span {
                        first: left.first,
                        last: position,
                    }],
                );
            }
            (_, Some(right)) if joins_after => {
                self.0.splice(
                    at..=at,
                    [Span {
                        first: position,
                        last: right.last,
                    }],
                );
            }
            _ => self.0.insert(
                at,
                Span {
                    first: position,
                    last: position,
                },
            ),
        }
    }

    /// Whether the set holds the position.
    pub fn contains(&self, position: u64) -> bool {
        let at = self.0.partition_point(|span| span.first <= position);
        let before = at.checked_sub(1).and_then(|index| self.0.get(index));
        before.is_some_and(|span| span.last >= position)
    }

    /// The first position of the set that is not below `from`.
    pub fn next(&self, from: u64) -> Option<u64> {
        let at = self.0.partition_point(|span| span.last < from);
        self.0.get(at).map(|span| span.first.max(from))
    }

    /// The spans in order.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// The set of all positions below `end`.
    pub fn below(end: u64) -> Self {
        let last = end.checked_sub(1);
        Self(last.map(|last| Span { first: 0, last }).into_iter().collect())
    }

    /// The set of all positions from `first` on.
    pub fn from(first: u64) -> Self {
        Self(vec![Span { first, last: u64::MAX }])
    }

    /// Adds all positions of another set.
    pub fn insert_all(&mut self, other: &Self) {
        let mut spans: Vec<Span> = self.0.iter().chain(&other.0).copied().collect();
        spans.sort_by_key(|span| span.first);
        self.0.clear();
        for span in spans {
            match self.0.last_mut() {
                Some(before) if before.last.saturating_add(1) >= span.first => before.last = before.last.max(span.last),
                Some(_) | None => self.0.push(span),
            }
        }
    }

    /// Removes all positions of another set.
    pub fn remove_all(&mut self, other: &Self) {
        let spans = std::mem::take(&mut self.0);
        for Span { first, last } in spans {
            let mut rest = Some(first);
            let near = other.0.partition_point(|gone| gone.last < first);
            for gone in other.0.get(near..).unwrap_or_default() {
                let Some(first) = rest.filter(|_| gone.first <= last) else {
                    break;
                };
                if let Some(before) = gone.first.checked_sub(1).filter(|before| *before >= first) {
                    self.0.push(Span { first, last: before });
                }
                rest = gone.last.checked_add(1).filter(|next| *next <= last);
            }
            self.0.extend(rest.map(|first| Span { first, last }));
        }
    }

    /// Whether the set holds no position.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the span that begins at `position` and returns the position after it; `None` where no span begins there.
    pub fn take_from(&mut self, position: u64) -> Option<u64> {
        let first = self.0.first().copied()?;
        if first.first != position {
            return None;
        }
        self.0.remove(0);
        Some(first.last.saturating_add(1))
    }
}

/// Numbers of children, or of items, of a map run by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Ended with an output.
    pub succeeded: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Took longer than allowed.
    pub timed_out: u64,
    /// Were stopped.
    pub aborted: u64,
}

impl Counts {
    /// Those that ended without success.
    pub const fn not_succeeded(&self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    /// Those that have ended.
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.not_succeeded()
    }
}

/// The status of a map run, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MapRunStatus {
    /// The map run has not ended: it runs, or will run after the next start.
    #[default]
    Running,
    /// All children have ended, and no more of them without success than tolerated.
    Succeeded,
    /// The map run ended with an error.
    Failed,
    /// The execution ended before the map run did.
    Aborted,
}

/// What `UpdateMapRun` may change of a map run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MapRunSettings {
    /// Largest number of children that run at once; 0 for no limit.
    pub max_concurrency: u64,
    /// Number of failed items that is tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_count: Option<u64>,
    /// **Percent** of failed items that is tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_percentage: Option<f64>,
}

/// An attempt of a map run that has ended; the redrive after it runs what it left undone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Every child before this position was done.
    pub low_water: u64,
    /// Children that were done above the low-water mark.
    pub done: SpanSet,
}

/// How far a listing was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Number of items before this place.
    pub item: u64,
    /// What the source needs to go on from this place, in a text of its own.
    pub token: String,
}

/// A number of children, and of the items in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// Children.
    pub executions: u64,
    /// Items.
    pub items: u64,
}

impl Amount {
    /// Adds a child with so many items.
    pub const fn add_child(&mut self, items: u64) {
        self.executions += 1;
        self.items += items;
    }

    /// Removes a child with so many items.
    pub const fn take_child(&mut self, items: u64) {
        self.executions = self.executions.saturating_sub(1);
        self.items = self.items.saturating_sub(items);
    }
}

/// Everything that a map run keeps of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerState {
    /// The execution that the map run belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionArn>,
    /// The name of the Map state.
    #[serde(default)]
    pub map: String,
    /// Whether the map run has ended, and how.
    #[serde(default)]
    pub status: MapRunStatus,
    /// When the map run started.
    #[serde(default)]
    pub started: Timestamp,
    /// When the map run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
    /// How many children may run at once, and how many may fail.
    #[serde(default)]
    pub settings: MapRunSettings,
    /// The attempts before this one: one for each redrive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// When the map run was last redriven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redriven: Option<Timestamp>,
    /// Every child before this position is done.
    pub low_water: u64,
    /// What the first object of the source was read as; a redrive reads the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_start: Option<String>,
    /// Byte of the source at which the child at the low-water mark begins; a recovered run reads from there.
    pub source_byte: u64,
    /// Zero-based item of the source at which the child at the low-water mark begins.
    pub source_item: u64,
    /// What else the source needs to find that place again, such as the `ETag` that it read, in a text of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_token: Option<String>,
    /// The furthest place to which a source that is a listing was read in any attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// Children that are done above the low-water mark.
    pub done: SpanSet,
    /// How the children ended.
    pub executions: Counts,
    /// How the items ended.
    pub items: Counts,
    /// What a failed run never started; counted when the run has failed.
    #[serde(default)]
    pub pending: Amount,
    /// What ended without success in an earlier attempt and has not ended in this one.
    #[serde(default)]
    pub pending_redrive: Amount,
    /// What ended without success and cannot be redriven.
    #[serde(default)]
    pub not_redrivable: Amount,
    /// What has been written to result files.
    #[serde(default)]
    pub results_written: Amount,
    /// The result files of all attempts, as JSON that only the engine reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_files: Option<String>,
    /// Why the run is failing, from the moment at which its children are aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<RunFailure>,
    /// Why the run has failed: all children have ended, and the results are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
}

impl LedgerState {
    /// How often the map run was redriven.
    pub fn redrives(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Whether the map run has ended, with its results written.
    pub const fn is_over(&self) -> bool {
        !matches!(self.status, MapRunStatus::Running)
    }
}

/// Why a map run has failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunFailure {
    /// Such as `States.ExceedToleratedFailureThreshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What has happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// The result file that a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResultStatus {
    /// `SUCCEEDED_n.json`
    Succeeded,
    /// `FAILED_n.json`
    Failed,
    /// `PENDING_n.json`
    Pending,
}

/// Some records of one result file, in the engine's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultChunk {
    /// The file.
    pub status: ResultStatus,
    /// One JSON text per line.
    pub lines: Bytes,
}

/// What a group of ended children changes: all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The new state, which replaces the one before.
    pub state: LedgerState,
    /// Records that are added to the results.
    pub results: Vec<ResultChunk>,
    /// Lines that are added to the list of children that ended without success in this attempt; only the engine reads
    /// them.
    pub unsuccessful: Bytes,
}

/// Map runs: which of their children are done, and their results.
///
/// What a method has written when it returns survives the death of the process.
#[async_trait]
pub trait Ledger: Send + Sync + fmt::Debug {
    /// The state of a map run; `None` before its first commit.
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>>;

    /// Replaces the state and adds the results, in one transaction.
    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()>;

    /// The chunk of results of one status at a zero-based position in the order of the commits; `None` after the last.
    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> Result<Option<Bytes>>;

    /// Deletes the results of one status: they have been written to a file, or do not hold any more.
    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> Result<()>;

    /// The chunk at a zero-based position in an attempt's list of children that ended without success; `None` after the
    /// last.
    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> Result<Option<Bytes>>;

    /// At most `limit` map runs of an execution, the newest first, starting after the first `skip`.
    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(MapRunArn, LedgerState)>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_join_when_they_touch() {
        let mut set = SpanSet::default();
        for position in [5, 3, 4, 9, 0, 9] {
            set.insert(position);
        }
        let spans: Vec<_> = set.spans().iter().map(|span| (span.first, span.last)).collect();
        assert_eq!(spans, [(0, 0), (3, 5), (9, 9)]);
        assert!(set.contains(4) && !set.contains(6) && !set.contains(1));
        let nexts: Vec<_> = [0, 1, 4, 6, 10].map(|from| set.next(from)).into();
        assert_eq!(nexts, [Some(0), Some(3), Some(4), Some(9), None]);
        assert_eq!(set.take_from(1), None);
        assert_eq!(set.take_from(0), Some(1));
        assert_eq!(set.take_from(3), Some(6));
    }

    fn positions(set: &SpanSet) -> Vec<u64> {
        set.spans().iter().flat_map(|span| span.first..=span.last).collect()
    }

    fn set(positions: &[u64]) -> SpanSet {
        let mut set = SpanSet::default();
        for position in positions {
            set.insert(*position);
        }
        set
    }

    #[test]
    fn sets_are_added_and_taken_away_as_their_positions_are() {
        // All subsets of 0..6, against sets of numbers.
        let subset = |bits: u64| -> Vec<u64> { (0..6).filter(|position| bits >> position & 1 == 1).collect() };
        for (left, right) in (0..64).flat_map(|left| (0..64).map(move |right| (left, right))) {
            let mut both = set(&subset(left));
            both.insert_all(&set(&subset(right)));
            assert_eq!(both, set(&subset(left | right)), "{left:b} and {right:b}");
            let mut rest = set(&subset(left));
            rest.remove_all(&set(&subset(right)));
            assert_eq!(positions(&rest), subset(left & !right), "{left:b} without {right:b}");
        }
        let mut all = SpanSet::from(0);
        all.remove_all(&set(&[0, 1, 5]));
        all.remove_all(&SpanSet::from(8));
        all.remove_all(&SpanSet::below(0));
        all.remove_all(&SpanSet::below(2));
        assert_eq!(positions(&all), [2, 3, 4, 6, 7]);
        all.insert_all(&SpanSet::from(6));
        assert!(all.contains(u64::MAX) && !all.contains(5));
    }
}
