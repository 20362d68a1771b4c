//! Records of children, which wait in the ledger until the run ends: lines in the form that the run's writer writes.

use std::sync::Arc;

use asl::{MapRunRequest, ResultWriter, StateError, WriterTransformation};
use bytes::{BufMut, Bytes, BytesMut};
use manifest::result_file::{Included, ResultRecord};
use ports::{ResultChunk, ResultStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::child_ending::ChildEnding;
use crate::json::to_json;
use crate::limits;

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct EndedChild {
    pub(crate) position: u64,
    pub(crate) arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) input: Arc<str>,
    pub(crate) started: Timestamp,
    pub(crate) stopped: Timestamp,
    pub(crate) redrive_count: u32,
    /// Whether the child's history has room for a redrive.
    pub(crate) redrivable: bool,
    pub(crate) ending: ChildEnding,
}

/// Which part of a child's result is kept, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    exported: bool,
    transformation: WriterTransformation,
}

impl Shape {
    fn new(request: &MapRunRequest) -> Self {
        let exported = exporting(request).is_some();
        let named = request.writer.as_ref().and_then(|writer| writer.transformation);
        let fallback = if exported {
            WriterTransformation::None
        } else {
            WriterTransformation::Compact
        };
        Self {
            exported,
            transformation: named.unwrap_or(fallback),
        }
    }
}

/// The writer, if it writes files.
pub(crate) fn exporting(request: &MapRunRequest) -> Option<&ResultWriter> {
    request.writer.as_ref().filter(|writer| writer.resource.is_some())
}

/// Results on their way to the ledger.
#[derive(Debug)]
pub(crate) struct ResultBuffer {
    shape: Shape,
    succeeded: BytesMut,
    failed: BytesMut,
}

/// One output of a run without files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Positioned {
    pub(super) position: u64,
    /// JSON texts with commas between.
    pub(super) output: String,
}

impl ResultBuffer {
    pub(crate) fn new(request: &MapRunRequest) -> Self {
        Self {
            shape: Shape::new(request),
            succeeded: BytesMut::new(),
            failed: BytesMut::new(),
        }
    }

    /// Adds the record of a child.
    pub(crate) fn add(&mut self, child: EndedChild) {
        let Shape {
            exported,
            transformation,
        } = self.shape;
        let position = child.position;
        let texts = match (child.ending.status(), transformation) {
            (ResultStatus::Succeeded, WriterTransformation::None) if exported => {
                return push_json(&mut self.succeeded, &record_of(child));
            }
            (ResultStatus::Succeeded, WriterTransformation::None) => vec![to_json(&record_of(child))],
            (ResultStatus::Succeeded, WriterTransformation::Compact) => vec![output_of(child)],
            (ResultStatus::Succeeded, WriterTransformation::Flatten) => elements_of(&output_of(child)),
            (ResultStatus::Failed | ResultStatus::Pending, _) if exported => {
                return push_json(&mut self.failed, &record_of(child));
            }
            (ResultStatus::Failed | ResultStatus::Pending, _) => return,
        };
        if exported {
            for text in &texts {
                push(&mut self.succeeded, text);
            }
        } else {
            let output = texts.join(",");
            push_json(&mut self.succeeded, &Positioned { position, output });
        }
    }

    /// **Bytes** of the records that wait for a commit.
    pub(crate) fn len(&self) -> usize {
        self.succeeded.len() + self.failed.len()
    }

    /// Takes the records that wait, for a commit.
    pub(crate) fn take(&mut self) -> Vec<ResultChunk> {
        let parts = [
            (ResultStatus::Succeeded, self.succeeded.split().freeze()),
            (ResultStatus::Failed, self.failed.split().freeze()),
        ];
        let chunks = parts.into_iter().flat_map(|(status, lines)| {
            let pieces = pieces(lines);
            pieces.map(move |lines| ResultChunk { status, lines })
        });
        chunks.collect()
    }
}

/// Splits lines into pieces that are read back one at a time: whole lines of [`limits::RESULT_CHUNK_BYTES`] or a little
/// more.
fn pieces(mut lines: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let near = lines.len().min(limits::RESULT_CHUNK_BYTES);
        let rest = lines.get(near.saturating_sub(1)..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(lines.len(), |found| near + found);
        (!lines.is_empty()).then(|| lines.split_to(end))
    })
}

/// Adds one line of compact JSON, which has no line break in it.
fn push_json<T: Serialize>(lines: &mut BytesMut, value: &T) {
    // Maps with text keys, texts and numbers: nothing that JSON cannot say, and memory does not refuse bytes.
    serde_json::to_writer((&mut *lines).writer(), value).unwrap_or_default();
    lines.extend_from_slice(b"\n");
}

/// Adds one line; line breaks between the tokens of JSON become spaces.
fn push(lines: &mut BytesMut, text: &str) {
    let start = lines.len();
    lines.extend_from_slice(text.as_bytes());
    let added = lines.get_mut(start..).unwrap_or_default();
    for byte in added.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    lines.extend_from_slice(b"\n");
}

fn output_of(child: EndedChild) -> String {
    match child.ending {
        ChildEnding::Succeeded { output } => output,
        ChildEnding::Failed(_) | ChildEnding::TimedOut(_) | ChildEnding::Aborted(_) => String::new(),
    }
}

/// The elements of an array, or the whole text of any other value.
fn elements_of(output: &str) -> Vec<String> {
    match serde_json::from_str::<Vec<&RawValue>>(output) {
        Ok(elements) => elements.into_iter().map(|element| element.get().to_owned()).collect(),
        Err(_no_array) => vec![output.to_owned()],
    }
}

const INCLUDED: Included = Included { included: true };

fn record_of(child: EndedChild) -> ResultRecord {
    let status = child.ending.name();
    let (output, error) = match child.ending {
        ChildEnding::Succeeded { output } => (Some(output), StateError::default()),
        ChildEnding::Failed(error) | ChildEnding::TimedOut(error) | ChildEnding::Aborted(error) => (None, error),
    };
    let (redrive_status, reason) = match (output.is_some(), child.redrivable) {
        (true, _) => ("NOT_REDRIVABLE", Some("Execution is SUCCEEDED and cannot be redriven")),
        (false, false) => ("NOT_REDRIVABLE", Some("Execution history event limit exceeded")),
        (false, true) => ("REDRIVABLE_BY_MAP_RUN", None),
    };
    ResultRecord {
        cause: error.cause.map(|cause| cause.to_string()),
        error: error.error.map(|error| error.to_string()),
        execution_arn: Some(child.arn.to_string()),
        input: child.input.to_string(),
        input_details: INCLUDED,
        name: Some(child.name.to_string()),
        output_details: output.is_some().then_some(INCLUDED),
        output,
        redrive_count: Some(u64::from(child.redrive_count)),
        redrive_status: Some(redrive_status.to_owned()),
        redrive_status_reason: reason.map(str::to_owned),
        start_date: Some(child.started.to_string()),
        state_machine_arn: Some(child.state_machine_arn.to_string()),
        status: status.to_owned(),
        stop_date: Some(child.stopped.to_string()),
    }
}

/// The line of a child that never started.
pub(super) fn pending(input: String) -> String {
    let record = ResultRecord {
        cause: None,
        error: None,
        execution_arn: None,
        input,
        input_details: INCLUDED,
        name: None,
        output: None,
        output_details: None,
        redrive_count: None,
        redrive_status: None,
        redrive_status_reason: None,
        start_date: None,
        state_machine_arn: None,
        status: "PENDING".to_owned(),
        stop_date: None,
    };
    to_json(&record) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_together_the_same() {
        let max = limits::RESULT_CHUNK_BYTES;
        for lengths in [
            vec![],
            vec![0],
            vec![max - 1],
            vec![max],
            vec![max - 2, 5],
            vec![10; 3 * max / 11],
            vec![3 * max, 1, 2 * max, 0],
        ] {
            let lines: String = lengths.iter().map(|length| "x".repeat(*length) + "\n").collect();
            let found: Vec<Bytes> = pieces(Bytes::from(lines.clone())).collect();
            assert_eq!(found.concat(), lines.as_bytes());
            for piece in found {
                assert!(piece.ends_with(b"\n"));
                let before_the_last = memchr::memrchr(b'\n', &piece[..piece.len() - 1]).map_or(0, |at| at + 1);
                assert!(before_the_last < max, "a piece ends with the line that fills it");
            }
        }
    }
}
