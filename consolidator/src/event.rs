//! What the state machines send to the consolidator, and what it answers.

use manifest::Batch;
use ports::ObjectKey;
use serde::{Deserialize, Serialize};

/// An event of either machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// The small machine asks whether all of these are 200.
    StatusCodes(Vec<i64>),
    /// The large machine asks for a phase.
    Phase(Box<PhaseEvent>),
}

/// Which phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Account for the outcomes of a round.
    Consolidate,
    /// Account for the run.
    Report,
}

/// One call of the large machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseEvent {
    /// Which phase.
    pub phase: Phase,
    /// The execution's name.
    pub execution: String,
    /// The round, from 0.
    pub round: u32,
    /// What the batcher answered.
    pub batch: Batched,
    /// What the processors were asked to do.
    pub work: Work,
    /// Where the last call left off.
    #[serde(default)]
    pub cursor: Option<Cursor>,
}

/// As much of the batcher's answer as the consolidator reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batched {
    /// How many batches the round has.
    pub batches: u64,
    /// Where their lines are; absent when there are none.
    #[serde(default)]
    pub batch_list: Option<ObjectKey>,
}

/// As much of the work as the consolidator reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// `download` or `copy`.
    pub action: String,
}

/// Where a call left off: the batches before it are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The next batch.
    pub batch: u64,
    /// How many parts have been written.
    pub part: u32,
    /// Items of this round so far.
    pub succeeded: u64,
    /// Items of this round so far.
    pub failed: u64,
    /// Items of this round so far.
    pub skipped: u64,
    /// Items of this round so far.
    pub pending: u64,
}

/// A manifest of what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestManifest {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// `rest`
    pub format: String,
}

/// What became of a round, as far as it is accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consolidated {
    /// Call again with it; absent when the round is accounted for.
    pub cursor: Option<Cursor>,
    /// Items.
    pub succeeded: u64,
    /// Items.
    pub failed: u64,
    /// Items.
    pub skipped: u64,
    /// Items that were not reached, or whose processor ended without an answer.
    pub pending: u64,
    /// Whether the round has settled anything.
    pub progress: bool,
    /// The pending items as a manifest.
    pub rest: Option<RestManifest>,
}

/// What became of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// Always absent: what is left fits one call.
    pub cursor: Option<Cursor>,
    /// Items, over all rounds.
    pub items: u64,
    /// Items.
    pub succeeded: u64,
    /// Items.
    pub failed: u64,
    /// Items.
    pub skipped: u64,
    /// **Percent** of the items.
    pub failed_percentage: f64,
    /// **Bytes** written.
    pub bytes: u64,
    /// `job-…/manifest.json`
    pub report: ObjectKey,
    /// `job-…/summary.json`
    pub summary: ObjectKey,
}

/// The answer to either machine.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To the small machine.
    AllSucceeded(bool),
    /// To [`Phase::Consolidate`].
    Consolidated(Box<Consolidated>),
    /// To [`Phase::Report`].
    Reported(Box<Reported>),
}

/// The line of a batch list that says where a batch's items are.
pub(crate) fn parse_batch(line: &[u8]) -> Result<Batch, serde_json::Error> {
    serde_json::from_slice(line)
}
