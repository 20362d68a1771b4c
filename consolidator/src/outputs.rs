//! The outputs of one call: settled outcomes to results, report and table, the others to the manifest of
//! remaining items.

use std::borrow::Cow;
use std::sync::Arc;

use manifest::{Outcome, RemainingItem, Status, Subject, run_key};
use ports::{ObjectKey, ObjectStore};
use sha2::{Digest, Sha256};

use crate::error::while_doing;
use crate::object_writer::{ObjectWriter, Written, hex};
use crate::rows::Rows;
use crate::{Config, Cursor, Error, Ports, ReportFile, Tally};

/// Hexadecimal digits of a URL's hash in a report, as in the names of files.
const HASH_DIGITS: usize = 16;

/// Where the outcomes of one call go.
pub(crate) struct Outputs {
    pub(crate) tally: Tally,
    pub(crate) cursor: Cursor,
    rows: Rows,
    results: ObjectWriter,
    remaining: ObjectWriter,
    succeeded: Option<ObjectWriter>,
    failed: ObjectWriter,
    keys: RoundKeys,
    /// The call's part number.
    part: u32,
}

/// What a call's objects are called after.
#[derive(Debug, Clone)]
pub(crate) struct RoundKeys {
    pub(crate) bucket: String,
    pub(crate) execution: String,
    pub(crate) round: u32,
}

impl Outputs {
    pub(crate) fn new(ports: &Ports, config: &Config, keys: RoundKeys, cursor: Cursor) -> Self {
        let RoundKeys {
            bucket,
            execution,
            round,
        } = &keys;
        let part = cursor.part;
        let open = |key| ObjectWriter::new(&ports.store, bucket, key);
        let report = |status| {
            open(run_key::report(
                execution,
                &format!("results/{status}-{round:03}-{part:05}.csv"),
            ))
        };
        Self {
            tally: Tally::default(),
            rows: Rows::new(&ports.table, config.table.clone(), config.table_url),
            results: open(run_key::results(execution, *round, part)),
            remaining: open(run_key::remaining(execution, *round, part)),
            succeeded: config.report_succeeded.then(|| report("succeeded")),
            failed: report("failed"),
            cursor,
            keys,
            part,
        }
    }

    /// Takes one outcome, and its line as it was read.
    pub(crate) fn add(&mut self, outcome: Outcome, line: &[u8]) {
        if outcome.status == Status::Pending {
            let destination = outcome.destination.clone();
            self.leave(&RemainingItem::from_outcome(&outcome, destination));
            return;
        }
        self.tally.add(&outcome);
        self.cursor.counts.add(outcome.status, outcome.bytes);
        self.results.push(line);
        match outcome.status {
            Status::Succeeded => {
                self.report_succeeded(&outcome);
                self.rows.add(outcome);
            }
            Status::Skipped => self.report_succeeded(&outcome),
            Status::Failed | Status::Pending => write_row(self.failed.line(), &outcome, "failed"),
        }
    }

    fn report_succeeded(&mut self, outcome: &Outcome) {
        if let Some(part) = &mut self.succeeded {
            write_row(part.line(), outcome, "succeeded");
        }
    }

    /// Takes an item that is left for the next round.
    pub(crate) fn leave(&mut self, remaining: &RemainingItem) {
        self.cursor.counts.pending += 1;
        remaining.write(self.remaining.line());
    }

    /// Repeats the remaining items of an earlier call of this round: the last part holds all of them.
    pub(crate) async fn repeat_remaining(&mut self, lines: &[u8]) -> Result<(), Error> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.remaining.push(line);
        }
        self.settle().await
    }

    /// Hands on what has come together.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        self.results.settle().await?;
        self.remaining.settle().await?;
        self.failed.settle().await?;
        if let Some(part) = &mut self.succeeded {
            part.settle().await?;
        }
        self.rows.settle().await
    }

    /// Writes everything, the tally last: a part without a tally has never been.
    pub(crate) async fn finish(self, store: &Arc<dyn ObjectStore>) -> Result<Finished, Error> {
        let mut tally = self.tally;
        self.rows.finish().await?;
        tally.results = written_key(self.results.finish().await?).into_iter().collect();
        let remaining = written_key(self.remaining.finish().await?);
        let succeeded = match self.succeeded {
            Some(part) => part.finish().await?,
            None => None,
        };
        let failed = self.failed.finish().await?;
        let succeeded = succeeded.map(|written| report_file(Status::Succeeded, written));
        let failed = failed.map(|written| report_file(Status::Failed, written));
        tally.files = succeeded.into_iter().chain(failed).collect();
        let keys = &self.keys;
        let at = ObjectKey::new(&keys.bucket, run_key::tally(&keys.execution, keys.round, self.part));
        write_json(store, &at, &tally).await?;
        Ok(Finished {
            cursor: Cursor {
                part: self.part + 1,
                ..self.cursor
            },
            remaining,
        })
    }
}

/// What a call has left behind.
pub(crate) struct Finished {
    pub(crate) cursor: Cursor,
    /// The key of the manifest of remaining items, when there are any.
    pub(crate) remaining: Option<String>,
}

fn written_key(written: Option<Written>) -> Option<String> {
    written.map(|written| written.key)
}

fn report_file(status: Status, written: Written) -> ReportFile {
    ReportFile {
        status,
        key: written.key,
        md5: written.md5,
        rows: written.lines,
    }
}

pub(crate) async fn write_json<T: serde::Serialize + Sync>(
    store: &Arc<dyn ObjectStore>,
    at: &ObjectKey,
    value: &T,
) -> Result<(), Error> {
    let json = serde_json::to_vec_pretty(value).map_err(|error| Error::Malformed {
        place: at.to_string(),
        reason: error.to_string(),
    })?;
    let put = store.put(at, json.into(), ports::PutOptions::default()).await;
    put.map(|_| ()).map_err(while_doing(format!("write `{at}`")))
}

/// One row of the report: `Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage`.
fn write_row(line: &mut Vec<u8>, outcome: &Outcome, status: &str) {
    let shown = outcome.subject.shown();
    let (bucket, key, version) = match &outcome.subject {
        Subject::Object { bucket, key, version } => {
            (bucket.as_str(), key.as_str(), version.as_deref().unwrap_or_default())
        }
        Subject::Url { .. } | Subject::Record { .. } => ("", &*shown, ""),
    };
    let code = outcome.status_code.map(|code| code.to_string()).unwrap_or_default();
    let (error, message) = outcome.error.as_ref().map_or_else(
        || {
            let place = outcome.destination.as_deref().or(outcome.filename.as_deref());
            ("", place.unwrap_or_default())
        },
        |error| (error.name.as_str(), error.message.as_str()),
    );
    // A copy's failure is about one of its destinations, for which the format has no column.
    let to = outcome.destination.as_ref().filter(|_| outcome.error.is_some());
    let message = to.map_or(Cow::Borrowed(message), |to| Cow::Owned(format!("to {to}: {message}")));
    let message = match identified(outcome, &shown) {
        Some(item) => Cow::Owned(format!("{item}: {message}")),
        None => message,
    };
    let cells = [bucket, key, version, status, error, &code, &message];
    for (position, cell) in cells.iter().enumerate() {
        if position > 0 {
            line.push(b',');
        }
        write_cell(line, cell);
    }
    line.push(b'\n');
}

/// What finds an item again whose URL is not shown as it is: its position, and the hash of the URL.
fn identified(outcome: &Outcome, shown: &str) -> Option<String> {
    let Subject::Url { url } = &outcome.subject else {
        return None;
    };
    let digest = hex(&Sha256::digest(url));
    let digest = digest.get(..HASH_DIGITS).unwrap_or(&digest);
    (url != shown).then(|| format!("item {}, sha256 {digest}", outcome.index))
}

/// A cell, quoted where CSV wants it; one that a spreadsheet would run gets an apostrophe before it.
fn write_cell(line: &mut Vec<u8>, cell: &str) {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = runs || cell.contains(['"', ',', '\n', '\r']);
    if !quoted {
        line.extend_from_slice(cell.as_bytes());
        return;
    }
    line.push(b'"');
    if runs {
        line.push(b'\'');
    }
    for byte in cell.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use manifest::{ErrorClass, ItemError};

    fn failed(url: &str, message: &str) -> Outcome {
        Outcome {
            index: 0,
            subject: Subject::Url { url: url.to_owned() },
            status: Status::Failed,
            status_code: Some(404),
            error: Some(ItemError {
                name: "NotFound".to_owned(),
                class: ErrorClass::Permanent,
                message: message.to_owned(),
            }),
            bytes: 0,
            checksum: None,
            attempts: 1,
            milliseconds: 3,
            destination: None,
            filename: None,
            note: None,
            position: None,
        }
    }

    #[test]
    fn secrets_do_not_reach_the_report() {
        let mut line = Vec::new();
        let url = "https://me:word@h/a?sig=5f&x=1";
        write_row(&mut line, &failed(url, "no"), "failed");
        let line = String::from_utf8(line).unwrap();
        // The digits are the beginning of `printf '%s' "$url" | sha256sum`.
        assert_eq!(
            line,
            ",https://***@h/a?sig=***&x=1,,failed,NotFound,404,\"item 0, sha256 0bda648bee30acb8: no\"\n"
        );
        let mut tally = Tally::default();
        tally.add(&failed(url, "no"));
        assert_eq!(tally.failures[0].item, "https://***@h/a?sig=***&x=1");
    }

    #[test]
    fn rows_are_what_the_csv_crate_reads_and_no_spreadsheet_runs() {
        let mut line = Vec::new();
        let outcome = failed("=cmd|'/c calc'!A1", "said \"no\",\nand hung up");
        write_row(&mut line, &outcome, "failed");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(line.as_slice());
        let rows: Vec<Vec<String>> = reader.deserialize().collect::<Result<_, _>>().unwrap();
        let expected = [
            "",
            "'=cmd|'/c calc'!A1",
            "",
            "failed",
            "NotFound",
            "404",
            "said \"no\",\nand hung up",
        ];
        assert_eq!(rows, [expected]);
    }
}
