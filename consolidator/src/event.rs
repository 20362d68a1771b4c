//! What the state machines send to the consolidator, and what it answers.

use manifest::request::{Batched, ManifestObject, ObjectRef};
use manifest::{Batch, Counts};
use serde::{Deserialize, Serialize};

/// An event of either machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// `image-download` asks whether all of these are 200.
    StatusCodes(Vec<i64>),
    /// `manifest-map` asks for a phase.
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

/// One call of `manifest-map`.
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
    /// Where the last call left off.
    #[serde(default)]
    pub cursor: Option<Cursor>,
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
    #[serde(flatten)]
    pub counts: Counts,
}

/// What became of a round, as far as it is accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consolidated {
    /// Call again with it; absent when the round is accounted for.
    pub cursor: Option<Cursor>,
    /// Items; those are pending that were not reached, or whose processor ended without an answer.
    #[serde(flatten)]
    pub counts: Counts,
    /// Whether the round has settled anything.
    pub progress: bool,
    /// The pending items as a manifest.
    pub remaining: Option<ManifestObject>,
}

/// What became of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// Always absent: what is left fits one call.
    pub cursor: Option<Cursor>,
    /// Items, over all rounds.
    pub items: u64,
    /// Items by how they ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// **Percent** of the items.
    pub failed_percentage: f64,
    /// `job-…/manifest.json`
    pub report: ObjectRef,
    /// `job-…/summary.json`
    pub summary: ObjectRef,
}

/// The answer to either machine.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To `image-download`.
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
