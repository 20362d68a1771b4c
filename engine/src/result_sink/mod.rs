//! What a map run leaves behind: result files through its `ResultWriter`, or an array as the state's output.
//!
//! While the run goes on, records go to the ledger in the same commit as the positions that they belong to; at the
//! end they are streamed out. Nothing is collected but the outputs of a run without a writer, up to the payload limit.

mod files;
mod record;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asl::{OutputType, ResultWriter, StateError, Value, error_name};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use manifest::result_file::{ResultFiles, ResultManifest};
use ports::{Ledger, MapRunArn, ObjectBody, ObjectKey, ObjectStore, PutOptions, ResultStatus};

use crate::batching::{ChildInputs, Dispatch};
use crate::error::while_doing;
use crate::json::to_json;
use crate::{Result, limits};

pub(crate) use record::{EndedChild, ResultBuffer, exporting};

use files::{Chunks, Destination};
use record::Positioned;

/// Inputs of children that never started, from the low-water mark on.
pub(crate) struct NeverStarted {
    pub(crate) inputs: ChildInputs,
    pub(crate) next: u64,
    /// Whether the child was never started; other children are skipped.
    pub(crate) is_left: Box<dyn FnMut(&Dispatch) -> bool + Send>,
}

impl NeverStarted {
    /// The next child that was never started; `None` where the source ends or cannot be read any further. An item that is too
    /// large for any child is skipped: it is the reason for which the run has failed.
    async fn next(&mut self) -> Option<Dispatch> {
        loop {
            let dispatch = match self.inputs.next(self.next).await {
                Ok(dispatch) => dispatch?,
                Err(error) if error.error.as_deref() == Some(error_name::DATA_LIMIT_EXCEEDED) => continue,
                Err(_unreadable) => return None,
            };
            self.next += 1;
            if (self.is_left)(&dispatch) {
                return Some(dispatch);
            }
        }
    }

    /// Passes all of them to `is_left`.
    pub(crate) async fn count(mut self) {
        while self.next().await.is_some() {}
    }
}

/// The state's output of a run whose children have all ended.
pub(crate) struct Sink {
    store: Arc<dyn ObjectStore>,
    ledger: Arc<dyn Ledger>,
    arn: MapRunArn,
    /// Whether reading the ledger has failed, whose error the store's `put` then returns.
    ledger_failed: Arc<AtomicBool>,
}

impl Sink {
    pub(crate) fn new(store: &Arc<dyn ObjectStore>, ledger: &Arc<dyn Ledger>, arn: &MapRunArn) -> Self {
        Self {
            store: Arc::clone(store),
            ledger: Arc::clone(ledger),
            arn: arn.clone(),
            ledger_failed: Arc::default(),
        }
    }

    /// Writes the result files, and last the manifest that names them.
    ///
    /// # Errors
    /// The inner error is the store's and fails the run; the outer one is the ledger's and stops the engine.
    pub(crate) async fn export(
        &self,
        writer: &ResultWriter,
        redrive: u32,
        earlier: ResultFiles,
        never_started: Option<NeverStarted>,
    ) -> Result<std::result::Result<ResultFiles, StateError>> {
        let to = match destination(writer, &self.arn, redrive) {
            Ok(to) => to,
            Err(error) => return Ok(Err(error)),
        };
        match self.write(writer, to, earlier, never_started).await {
            Ok(files) => Ok(Ok(files)),
            Err(error) if self.ledger_failed.load(Ordering::SeqCst) => {
                Err(while_doing("read the map run's results")(error))
            }
            Err(error) => Ok(Err(refused(&error))),
        }
    }

    async fn write(
        &self,
        writer: &ResultWriter,
        (bucket, prefix): (String, String),
        earlier: ResultFiles,
        never_started: Option<NeverStarted>,
    ) -> ports::Result<ResultFiles> {
        let to = |name: &str| Destination {
            store: &*self.store,
            bucket: &bucket,
            stem: format!("{prefix}/{name}"),
            output_type: writer.output_type.unwrap_or(OutputType::Json),
            bytes_max: limits::RESULT_FILE_BYTES_MAX,
        };
        let pending = never_started.map_or_else(|| stream::empty().boxed(), pending);
        let mut files = earlier;
        let failed = self.chunks(ResultStatus::Failed);
        let succeeded = self.chunks(ResultStatus::Succeeded);
        let written = async {
            to("FAILED").write(failed, &mut files.failed).await?;
            to("PENDING").write(pending, &mut files.pending).await?;
            to("SUCCEEDED").write(succeeded, &mut files.succeeded).await
        };
        let written = written.await;
        let manifest = ResultManifest {
            destination_bucket: bucket.clone(),
            map_run_arn: self.arn.0.clone(),
            result_files: files.clone(),
        };
        let at = ObjectKey::new(bucket, format!("{prefix}/manifest.json"));
        let body = ObjectBody::Bytes(to_json(&manifest).into());
        let put = self.store.put(&at, body, PutOptions::default()).await;
        // Also of a set that broke off: it names the files that are whole.
        written.and(put.map(|_| files))
    }

    /// The records of one status in the ledger.
    fn chunks(&self, status: ResultStatus) -> Chunks {
        let (ledger, arn) = (Arc::clone(&self.ledger), self.arn.clone());
        let failed = Arc::clone(&self.ledger_failed);
        let chunks = stream::unfold(0, move |position| {
            let (ledger, arn) = (Arc::clone(&ledger), arn.clone());
            async move {
                let chunk = ledger.result(&arn, status, position).await.transpose()?;
                Some((chunk, position + 1))
            }
        });
        let noticed = chunks.inspect(move |chunk| failed.store(chunk.is_err(), Ordering::SeqCst));
        noticed.boxed()
    }

    /// The children's outputs in order as a JSON array, which is the output of the state; an error when the array is larger
    /// than 256 KiB.
    pub(crate) async fn collect(&self, state: &str) -> Result<std::result::Result<String, StateError>> {
        let mut outputs: Vec<Positioned> = Vec::new();
        let mut bytes = "[]".len();
        let mut chunks = self.chunks(ResultStatus::Succeeded);
        while let Some(lines) = chunks.next().await {
            let lines = lines.map_err(while_doing("read the map run's results"))?;
            for line in lines.split(|byte| *byte == b'\n') {
                // A child whose output has no elements leaves nothing.
                let positioned: Option<Positioned> = serde_json::from_slice(line).ok();
                let Some(positioned) = positioned.filter(|positioned| !positioned.output.is_empty()) else {
                    continue;
                };
                bytes += positioned.output.len() + usize::from(!outputs.is_empty());
                outputs.push(positioned);
            }
            if bytes > limits::PAYLOAD_BYTES_MAX {
                return Ok(Err(too_large(state)));
            }
        }
        outputs.sort_by_key(|output| output.position);
        let outputs: Vec<&str> = outputs.iter().map(|output| output.output.as_str()).collect();
        Ok(Ok(format!("[{}]", outputs.join(","))))
    }
}

/// The records of children that never started.
fn pending(never_started: NeverStarted) -> Chunks {
    stream::unfold(never_started, |mut rest| async move {
        let dispatch = rest.next().await?;
        Some((Ok(Bytes::from(record::pending(dispatch.input))), rest))
    })
    .boxed()
}

fn too_large(state: &str) -> StateError {
    let cause = format!(
        "The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    StateError::new(error_name::DATA_LIMIT_EXCEEDED, cause)
}

/// The state's output of an exported run.
pub(crate) fn export_output(
    writer: &ResultWriter,
    arn: &MapRunArn,
    redrive: u32,
) -> std::result::Result<String, StateError> {
    let (bucket, prefix) = destination(writer, arn, redrive)?;
    let details = serde_json::json!({
        "MapRunArn": arn.0,
        "ResultWriterDetails": {"Bucket": bucket, "Key": format!("{prefix}/manifest.json")},
    });
    Ok(details.to_string())
}

/// The bucket and the beginning of the keys. A redrive writes to a folder of its own in the folder of the run.
fn destination(
    writer: &ResultWriter,
    arn: &MapRunArn,
    redrive: u32,
) -> std::result::Result<(String, String), StateError> {
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
    if redrive > 0 {
        write!(prefix, "/Redrive-{redrive}").unwrap_or_default();
    }
    Ok((bucket.to_owned(), prefix))
}

fn refused(error: &ports::Error) -> StateError {
    StateError::new(error_name::RESULT_WRITER_FAILED, error.chain())
}
