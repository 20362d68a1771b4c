//! What a map run leaves behind: result files through its `ResultWriter`, or an array as the state's output.
//!
//! While the run goes on, records go to the ledger in the same commit as the positions that they belong to; at the
//! end they are streamed out. Nothing is collected but the outputs of a run without a writer, up to the payload limit.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use asl::{MapRunRequest, ResultWriter, StateError, Value, error_name};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use manifest::result_file::{Included, ResultFile, ResultFiles, ResultManifest, ResultRecord};
use ports::{Ledger, MapRunArn, ObjectBody, ObjectKey, ObjectStore, PutOptions, ResultChunk, ResultStatus, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::while_doing;
use crate::execution::to_json;
use crate::{Result, limits};

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChildEnding {
    Succeeded { output: String },
    Failed(StateError),
    TimedOut(StateError),
    Aborted(StateError),
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct EndedChild {
    pub(crate) position: u64,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) state_machine_arn: String,
    pub(crate) input: String,
    pub(crate) started: Timestamp,
    pub(crate) stopped: Timestamp,
    pub(crate) ending: ChildEnding,
}

/// Results on their way to the ledger.
#[derive(Debug, Default)]
pub(crate) struct ResultBuffer {
    succeeded: BytesMut,
    failed: BytesMut,
}

/// One output of a run without a writer.
#[derive(Debug, Serialize, Deserialize)]
struct Positioned {
    position: u64,
    output: String,
}

impl ResultBuffer {
    /// Adds what the run's writer, or its output, will want to know of the child.
    pub(crate) fn add(&mut self, child: EndedChild, exported: bool) {
        let status = status_of(&child.ending);
        let line = if exported {
            to_json(&record_of(child))
        } else if let ChildEnding::Succeeded { output } = child.ending {
            to_json(&Positioned {
                position: child.position,
                output,
            })
        } else {
            return;
        };
        let buffer = match status {
            ResultStatus::Succeeded => &mut self.succeeded,
            ResultStatus::Failed | ResultStatus::Pending => &mut self.failed,
        };
        buffer.extend_from_slice(line.as_bytes());
        buffer.extend_from_slice(b"\n");
    }

    /// **Bytes** that wait.
    pub(crate) fn len(&self) -> usize {
        self.succeeded.len() + self.failed.len()
    }

    /// What waits, for a commit.
    pub(crate) fn take(&mut self) -> Vec<ResultChunk> {
        let parts = [
            (ResultStatus::Succeeded, self.succeeded.split().freeze()),
            (ResultStatus::Failed, self.failed.split().freeze()),
        ];
        let filled = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
        filled.map(|(status, lines)| ResultChunk { status, lines }).collect()
    }
}

const fn status_of(ending: &ChildEnding) -> ResultStatus {
    match ending {
        ChildEnding::Succeeded { .. } => ResultStatus::Succeeded,
        ChildEnding::Failed(_) | ChildEnding::TimedOut(_) | ChildEnding::Aborted(_) => ResultStatus::Failed,
    }
}

fn record_of(child: EndedChild) -> ResultRecord {
    let (status, output, error) = match child.ending {
        ChildEnding::Succeeded { output } => ("SUCCEEDED", Some(output), StateError::default()),
        ChildEnding::Failed(error) => ("FAILED", None, error),
        ChildEnding::TimedOut(error) => ("TIMED_OUT", None, error),
        ChildEnding::Aborted(error) => ("ABORTED", None, error),
    };
    let included = Included { included: true };
    let done = output.is_some();
    ResultRecord {
        cause: error.cause.map(|cause| cause.to_string()),
        error: error.error.map(|error| error.to_string()),
        execution_arn: Some(child.arn),
        input: child.input,
        input_details: included,
        name: Some(child.name),
        output_details: output.is_some().then_some(included),
        output,
        redrive_count: Some(0),
        redrive_status: Some(
            if done {
                "NOT_REDRIVABLE"
            } else {
                "REDRIVABLE_BY_MAP_RUN"
            }
            .to_owned(),
        ),
        redrive_status_reason: done.then(|| "Execution is SUCCEEDED and cannot be redriven".to_owned()),
        start_date: Some(child.started.to_string()),
        state_machine_arn: Some(child.state_machine_arn),
        status: status.to_owned(),
        stop_date: Some(child.stopped.to_string()),
    }
}

/// Whether the run's results are written to files.
pub(crate) fn is_exported(request: &MapRunRequest) -> bool {
    request.writer.as_ref().is_some_and(|writer| writer.resource.is_some())
}

/// The state's output of a run whose children have all ended.
pub(crate) struct Sink {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) arn: MapRunArn,
}

impl Sink {
    /// Writes the result files. What the writer refuses fails the run; what the ledger refuses stops the engine.
    pub(crate) async fn export(&self, writer: &ResultWriter) -> Result<std::result::Result<(), StateError>> {
        let (bucket, prefix) = match destination(writer, &self.arn) {
            Ok(destination) => destination,
            Err(error) => return Ok(Err(error)),
        };
        let mut files = ResultFiles::default();
        for (status, name, list) in [
            (ResultStatus::Succeeded, "SUCCEEDED_0.json", &mut files.succeeded),
            (ResultStatus::Failed, "FAILED_0.json", &mut files.failed),
        ] {
            let at = ObjectKey::new(&bucket, format!("{prefix}/{name}"));
            match self.write_file(&at, status).await? {
                Ok(size) if size > 0 => list.push(ResultFile { key: at.key, size }),
                Ok(_) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        let manifest = ResultManifest {
            destination_bucket: bucket.clone(),
            map_run_arn: self.arn.0.clone(),
            result_files: files,
        };
        let at = ObjectKey::new(bucket, format!("{prefix}/manifest.json"));
        let body = ObjectBody::Bytes(to_json(&manifest).into());
        let put = self.store.put(&at, body, PutOptions::default()).await;
        Ok(put.map(|_| ()).map_err(|error| refused(&error)))
    }

    /// One file, as a JSON array; no file for no records. Returns its size.
    async fn write_file(&self, at: &ObjectKey, status: ResultStatus) -> Result<std::result::Result<u64, StateError>> {
        let first = self.ledger.result(&self.arn, status, 0).await;
        let Some(first) = first.map_err(while_doing("read the map run's results"))? else {
            return Ok(Ok(0));
        };
        let size = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = Arc::clone(&size);
        let body = self.array(first, status).inspect(move |piece| {
            let bytes = piece.as_ref().map_or(0, Bytes::len) as u64;
            counted.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        });
        let put = self
            .store
            .put(at, ObjectBody::Stream(Box::pin(body)), PutOptions::default())
            .await;
        Ok(put
            .map(|_| size.load(std::sync::atomic::Ordering::Relaxed))
            .map_err(|error| refused(&error)))
    }

    /// The chunks of a status as one JSON array, piece by piece.
    fn array(
        &self,
        first: Bytes,
        status: ResultStatus,
    ) -> Pin<Box<dyn stream::Stream<Item = ports::Result<Bytes>> + Send>> {
        let (ledger, arn) = (Arc::clone(&self.ledger), self.arn.clone());
        let rest = stream::unfold(1, move |position| {
            let (ledger, arn) = (Arc::clone(&ledger), arn.clone());
            async move {
                let chunk = ledger.result(&arn, status, position).await.transpose()?;
                Some((chunk, position + 1))
            }
        });
        let mut opening = Some(b'[');
        let chunks = stream::once(async { Ok(first) }).chain(rest);
        let elements = chunks.map(move |chunk| chunk.map(|lines| elements_of(&lines, opening.take().unwrap_or(b','))));
        Box::pin(elements.chain(stream::once(async { Ok(Bytes::from_static(b"]")) })))
    }

    /// The children's outputs in order, as a JSON array.
    pub(crate) async fn collect(&self) -> Result<std::result::Result<String, StateError>> {
        let mut outputs = Vec::new();
        let mut bytes = 2;
        for chunk in 0.. {
            let lines = self.ledger.result(&self.arn, ResultStatus::Succeeded, chunk).await;
            let Some(lines) = lines.map_err(while_doing("read the map run's results"))? else {
                break;
            };
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let Ok(positioned) = serde_json::from_slice::<Positioned>(line) else {
                    continue;
                };
                bytes += positioned.output.len() + 1;
                outputs.push(positioned);
            }
            if bytes > limits::PAYLOAD_BYTES_MAX {
                return Ok(Err(too_large()));
            }
        }
        outputs.sort_by_key(|output| output.position);
        let outputs: Vec<&str> = outputs.iter().map(|output| output.output.as_str()).collect();
        Ok(Ok(format!("[{}]", outputs.join(","))))
    }
}

fn too_large() -> StateError {
    StateError::new(
        error_name::DATA_LIMIT_EXCEEDED,
        "The state/task 'Map' returned a result with a size exceeding the maximum number of bytes service limit.",
    )
}

/// The lines as elements of an array, each after `opening` or a comma.
fn elements_of(lines: &Bytes, opening: u8) -> Bytes {
    let mut elements = BytesMut::with_capacity(lines.len() + 1);
    let mut before = opening;
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        elements.extend_from_slice(&[before]);
        elements.extend_from_slice(line);
        before = b',';
    }
    elements.freeze()
}

/// The state's output of an exported run.
pub(crate) fn export_output(writer: &ResultWriter, arn: &MapRunArn) -> std::result::Result<String, StateError> {
    let (bucket, prefix) = destination(writer, arn)?;
    let details = serde_json::json!({
        "MapRunArn": arn.0,
        "ResultWriterDetails": {"Bucket": bucket, "Key": format!("{prefix}/manifest.json")},
    });
    Ok(details.to_string())
}

fn destination(writer: &ResultWriter, arn: &MapRunArn) -> std::result::Result<(String, String), StateError> {
    let text = |name: &str| writer.arguments.get(name).and_then(Value::as_str);
    let Some(bucket) = text("Bucket") else {
        return Err(StateError::new(
            error_name::RESULT_WRITER_FAILED,
            "the ResultWriter needs a text in `Bucket`",
        ));
    };
    let id = arn.0.rsplit(':').next().unwrap_or_default();
    let mut prefix = text("Prefix").unwrap_or_default().trim_end_matches('/').to_owned();
    let separator = if prefix.is_empty() { "" } else { "/" };
    // Writing to a String cannot fail.
    write!(prefix, "{separator}{id}").unwrap_or_default();
    Ok((bucket.to_owned(), prefix))
}

fn refused(error: &ports::Error) -> StateError {
    StateError::new(error_name::RESULT_WRITER_FAILED, error.chain())
}
