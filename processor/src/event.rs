//! What the processor is asked and what it answers: the shapes that cross its boundary.

use manifest::{Batch, BatchInput, Body, Checksum, Outcome, Status, Task};
use ports::{ObjectKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{CONCURRENCY, CONCURRENCY_MAX};

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

/// A few paths, as system 001 hands them over.
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

/// What to do with the items of a batch.
///
/// ```
/// let work: processor::Work = serde_json::from_str(r#"{"action":"download","destination":{"bucket":"images"}}"#)?;
/// let processor::Work::Download(work) = work else { unreachable!() };
/// assert_eq!((work.lambda_concur, work.name.as_str()), (5, "{host}/{path}"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Work {
    /// Fetch URLs.
    Download(Download),
    /// Copy objects.
    Copy(Copy),
}

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with; a `/` is put after it unless it ends with one.
    #[serde(default)]
    pub prefix: String,
}

impl Destination {
    /// The key of a name below this destination.
    pub(crate) fn at(&self, name: &str) -> ObjectKey {
        let separator = if self.prefix.is_empty() || self.prefix.ends_with('/') {
            ""
        } else {
            "/"
        };
        ObjectKey::new(self.bucket.as_str(), [self.prefix.as_str(), separator, name].concat())
    }
}

/// Fetch URLs into one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Download {
    /// Where the files go.
    pub destination: Destination,
    /// At most so many requests in flight.
    #[serde(default = "concurrency")]
    pub lambda_concur: u32,
    /// The template of the files' names; see [`crate::Template`].
    #[serde(default = "name")]
    pub name: String,
    /// A checksum to take of every file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// **Bytes** of the largest file; the configuration's limit when absent, and never above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_object_bytes: Option<u64>,
    /// How often each file is tried; the configuration's number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The execution whose claims on names count: the first one of those that redrive each other. Absent: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_of: Option<String>,
}

/// Copy objects to every destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// Where the copies go.
    pub destinations: Vec<Destination>,
    /// At most so many copies in flight.
    #[serde(default = "concurrency")]
    pub lambda_concur: u32,
}

const fn concurrency() -> u32 {
    CONCURRENCY
}

/// The name that no other URL has: host and path.
pub(crate) fn name() -> String {
    "{host}/{path}".to_owned()
}

/// How many requests a number in an event allows: 0 is no number, and there is a ceiling.
pub(crate) fn cap(asked: u32) -> usize {
    let asked = if asked == 0 { CONCURRENCY } else { asked };
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
    /// Items (for copies: items and destinations) that were done.
    pub succeeded: u64,
    /// Given up.
    pub failed: u64,
    /// Not reached.
    pub pending: u64,
    /// Nothing to do.
    pub skipped: u64,
    /// **Bytes** written.
    pub bytes: u64,
    /// The outcome object.
    pub outcomes: Option<ObjectKey>,
}

impl Summary {
    /// The numbers of these outcomes.
    pub(crate) fn of(number: u64, outcomes: &[Outcome]) -> Self {
        let mut summary = Self {
            number,
            ..Self::default()
        };
        for outcome in outcomes {
            let count = match outcome.status {
                Status::Succeeded => &mut summary.succeeded,
                Status::Failed => &mut summary.failed,
                Status::Pending => &mut summary.pending,
                Status::Skipped => &mut summary.skipped,
            };
            *count += 1;
            summary.bytes += outcome.bytes;
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
    fn work_goes_round() {
        let text = r#"{"action":"copy","destinations":[{"bucket":"a","prefix":"p"}],"lambdaConcur":7}"#;
        let work: Work = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&work).unwrap(), text);
    }

    #[test]
    fn the_cap_has_a_default_and_a_ceiling() {
        assert_eq!([0, 1, 64, 5_000].map(cap), [5, 1, 64, 1_000]);
    }

    #[test]
    fn a_prefix_is_a_folder() {
        let key = |prefix: &str| {
            let destination = Destination {
                bucket: "b".to_owned(),
                prefix: prefix.to_owned(),
            };
            destination.at("n").key
        };
        assert_eq!([key(""), key("p"), key("p/")], ["n", "p/n", "p/n"]);
    }
}
