//! The ledger of a map run: which of its children are done, and what they answered.
//!
//! It grows with the number of children that are out of order, not with the number of children: everything below
//! the low-water mark is done, and only what was finished ahead of it is listed, as spans.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Result;

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

    /// Whether the position is in it.
    pub fn contains(&self, position: u64) -> bool {
        let at = self.0.partition_point(|span| span.first <= position);
        let before = at.checked_sub(1).and_then(|index| self.0.get(index));
        before.is_some_and(|span| span.last >= position)
    }

    /// The spans in order.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Takes the span that begins at `position` away and returns what follows it: how a low-water mark rises.
    pub fn take_from(&mut self, position: u64) -> Option<u64> {
        let first = self.0.first().copied()?;
        if first.first != position {
            return None;
        }
        self.0.remove(0);
        Some(first.last.saturating_add(1))
    }
}

/// How the children, or the items, of a map run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Ended well.
    pub succeeded: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Their time was up.
    pub timed_out: u64,
    /// Were stopped.
    pub aborted: u64,
}

impl Counts {
    /// Did not end well.
    pub const fn not_succeeded(&self) -> u64 {
        self.failed + self.timed_out + self.aborted
    }

    /// All that have ended.
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.not_succeeded()
    }
}

/// Everything that a map run remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerState {
    /// Every child before this position is done.
    pub low_water: u64,
    /// Where in the source the child at the low-water mark begins: reading can start again there.
    pub source_byte: u64,
    /// Where in the source's items the child at the low-water mark begins.
    pub source_item: u64,
    /// What else the source needs to find that place again: the `ETag` it read, the file of a list. Its own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_token: Option<String>,
    /// Children that are done above the low-water mark.
    pub done: SpanSet,
    /// By children.
    pub executions: Counts,
    /// By items.
    pub items: Counts,
    /// Why the run has failed: no child is started any more, what is left is writing the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RunFailure>,
    /// Set once everything that the run leaves behind is written.
    pub closed: bool,
}

/// Why a map run has failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunFailure {
    /// Such as `States.ExceedToleratedFailureThreshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Which result file a record goes to.
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

/// Some records of one result file, as the engine wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultChunk {
    /// Which file.
    pub status: ResultStatus,
    /// JSON texts, one a line.
    pub lines: Bytes,
}

/// What a group of finished children changes: all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The whole new state.
    pub state: LedgerState,
    /// What is added to the results.
    pub results: Vec<ResultChunk>,
}

/// Which children of map runs are done.
///
/// What a method has written when it returns survives the death of the process.
#[async_trait]
pub trait Ledger: Send + Sync + fmt::Debug {
    /// The state of a map run; nothing when it has never been committed.
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>>;

    /// Replaces the state and adds results, all or none.
    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()>;

    /// The `position`-th chunk (from 0) of one status in the order of the commits; nothing after the last.
    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> Result<Option<Bytes>>;

    /// Forgets the results: they have been written elsewhere.
    async fn forget_results(&self, map_run: &MapRunArn) -> Result<()>;
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
        assert_eq!(set.take_from(1), None);
        assert_eq!(set.take_from(0), Some(1));
        assert_eq!(set.take_from(3), Some(6));
    }
}
