//! What the processor is asked and what it answers: the shapes that cross its boundary.

use manifest::request::ObjectRef;
use manifest::work::{LAMBDA_CONCUR, Work};
use manifest::{Batch, BatchInput, Body, Counts, Outcome, Task};
use ports::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::CONCURRENCY_MAX;

/// One call of the processor.
///
/// ```
/// let event: processor::Event = serde_json::from_str(
///     r#"{"execution":"e","round":0,"startedAt":"2026-11-22T00:33:49.120Z",
///         "batch":{"number":3,"first":0,"items":1,"resourcePaths":["a.gif"],"batchInput":{"baseUrl":"https://example.com","lambdaConcur":5}},
///         "work":{"action":"download","destination":{"bucket":"images","prefix":""}}}"#,
/// )?;
/// assert!(matches!(event, processor::Event::Batch(_)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Wire")]
pub enum Event {
    /// A batch of `manifest-map`.
    Batch(Box<BatchRequest>),
    /// A task of `image-download`.
    Task(TaskRequest),
}

/// A batch of a run's round.
#[derive(Debug, Clone)]
pub struct BatchRequest {
    /// The execution's name.
    pub execution: String,
    /// The round, from 0.
    pub round: u32,
    /// The batch.
    pub batch: Batch,
    /// What to do with its items.
    pub work: Work,
    /// When the child execution started; it has five minutes.
    pub started_at: Option<Timestamp>,
}

/// A few paths, as `image-download` hands them over.
#[derive(Debug, Clone)]
pub struct TaskRequest {
    /// The execution's name; with it, outcomes are written as well.
    pub execution: Option<String>,
    /// The task's position among the tasks.
    pub number: u64,
    /// The paths.
    pub task: Task,
}

impl TaskRequest {
    /// The task as a batch whose first item is `first`.
    pub(crate) fn into_batch(self, first: u64) -> Batch {
        Batch {
            number: self.number,
            first,
            items: self.task.resource_paths.len() as u64,
            body: Body::Inline(self.task),
        }
    }
}

/// How many requests a number in an event allows: 0 is no number, and there is a ceiling.
pub(crate) fn cap(asked: u32) -> usize {
    let asked = if asked == 0 { LAMBDA_CONCUR } else { asked };
    asked.min(CONCURRENCY_MAX) as usize
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To a batch.
    Summary(Summary),
    /// To a task, in the order of its paths.
    Results(Vec<TaskResult>),
}

/// What became of a batch's items, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The batch.
    pub number: u64,
    /// Its items.
    #[serde(flatten)]
    pub counts: Counts,
    /// The outcome object.
    pub outcomes: Option<ObjectRef>,
}

impl Summary {
    /// The numbers of these outcomes.
    pub(crate) fn new(number: u64, outcomes: &[Outcome]) -> Self {
        let mut summary = Self {
            number,
            ..Self::default()
        };
        for outcome in outcomes {
            summary.counts.add(outcome.status, outcome.bytes);
        }
        summary
    }
}

/// What became of one path of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    /// The URL.
    pub url: String,
    /// 200 when the file was stored; the answer's status, or 400 when there was none.
    pub status_code: u16,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// All members of both forms; the request decides which of them must be there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    execution: Option<String>,
    round: Option<u32>,
    batch: Option<Batch>,
    work: Option<Work>,
    started_at: Option<String>,
    number: Option<u64>,
    resource_paths: Option<Vec<String>>,
    batch_input: Option<BatchInput>,
}

impl TryFrom<Wire> for Event {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        Ok(match wire.resource_paths {
            Some(_) => Self::Task(wire.into_task()?),
            None => Self::Batch(Box::new(wire.into_batch()?)),
        })
    }
}

impl Wire {
    fn into_task(self) -> Result<TaskRequest, String> {
        let task = Task {
            resource_paths: self.resource_paths.unwrap_or_default(),
            batch_input: self.batch_input.ok_or("`batchInput` is missing")?,
        };
        Ok(TaskRequest {
            execution: self.execution,
            number: self.number.unwrap_or(0),
            task,
        })
    }

    fn into_batch(self) -> Result<BatchRequest, String> {
        let started_at = self.started_at.as_deref().map(|text| {
            Timestamp::from_rfc3339(text).ok_or_else(|| format!("`startedAt` is `{text}`, expected RFC 3339"))
        });
        Ok(BatchRequest {
            execution: self.execution.ok_or("`execution` is missing")?,
            round: self.round.unwrap_or(0),
            batch: self.batch.ok_or("`batch` and `resourcePaths` are both missing")?,
            work: self.work.ok_or("`work` is missing")?,
            started_at: started_at.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let error = serde_json::from_str::<Event>("{}").unwrap_err().to_string();
        assert!(error.contains("`execution` is missing"), "{error}");
        let error = serde_json::from_str::<Event>(r#"{"resourcePaths":["a"]}"#).unwrap_err();
        assert!(error.to_string().contains("`batchInput` is missing"));
    }

    #[test]
    fn a_task_may_come_without_an_execution() {
        let text = r#"{"resourcePaths":["a"],"batchInput":{"baseUrl":"http://h","lambdaConcur":2},"more":1}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        let Event::Task(task) = event else { panic!("a task") };
        assert_eq!((task.number, task.execution), (0, None));
    }

    #[test]
    fn the_cap_has_a_default_and_a_ceiling() {
        assert_eq!([0, 1, 64, 5_000].map(cap), [5, 1, 64, 1_000]);
    }
}
