//! The end of a run: what is left has failed, the report is written, one notification goes out.

use futures::TryStreamExt;
use manifest::request::ObjectRef;
use manifest::{ErrorClass, ItemError, Outcome, RemainingItem, Status, error_name, run_key};
use ports::{GetOptions, ObjectKey};
use serde_json::json;

use crate::error::while_doing;
use crate::outputs::{Outputs, RoundKeys, write_json};
use crate::read::{list, read_lines, while_reading};
use crate::tally::Summary;
use crate::{Config, Cursor, Error, PhaseEvent, Ports, Reported, Tally, notice};

/// The part number of what the report itself settles: after every part that a round may have.
const REPORT_PART: u32 = 99_999;
/// **Bytes** of one tally: its lists are bounded, see there.
const TALLY_BYTES_MAX: usize = 16 << 20;

/// The whole report.
pub(crate) async fn run(event: &PhaseEvent, ports: &Ports, config: &Config) -> Result<Reported, Error> {
    fail_remaining(event, ports, config).await?;
    let tally = sum(event, ports, config).await?;
    let report = ObjectKey::new(&config.state_bucket, run_key::report(&event.execution, "manifest.json"));
    let summary = ObjectKey::new(&config.state_bucket, run_key::report(&event.execution, "summary.json"));
    write_json(&ports.store, &report, &completion_report(&tally, ports, config)).await?;
    if let Some(topic) = config.topic.as_deref().filter(|_| tally.counts.failed > 0) {
        let notification = notice::new(topic, &event.execution, &tally, &report);
        let published = ports.notifier.publish(notification).await;
        published.map_err(while_doing(format!("publish to `{topic}`")))?;
    }
    let reported = Reported {
        cursor: None,
        items: tally.counts.items(),
        counts: tally.counts,
        failed_percentage: tally.counts.failed_percentage(),
        report: reference(&report),
        summary: reference(&summary),
    };
    let summed = Summary::new(&event.execution, event.round + 1, tally);
    write_json(&ports.store, &summary, &summed).await?;
    Ok(reported)
}

fn reference(at: &ObjectKey) -> ObjectRef {
    ObjectRef {
        bucket: at.bucket.clone(),
        key: at.key.clone(),
    }
}

/// What the last round has left was not reached, and will not be.
async fn fail_remaining(event: &PhaseEvent, ports: &Ports, config: &Config) -> Result<(), Error> {
    let Some(at) = last_remaining(event, ports, config).await? else {
        return Ok(());
    };
    let keys = RoundKeys {
        bucket: config.state_bucket.clone(),
        execution: event.execution.clone(),
        round: event.round,
    };
    let cursor = Cursor {
        part: REPORT_PART,
        ..Cursor::default()
    };
    let mut outputs = Outputs::new(ports, config, keys, cursor);
    let mut lines = read_lines(&*ports.store, &at).await?;
    while let Some((_, line)) = lines.next().await.map_err(while_reading(&at))? {
        let outcome = given_up(&line, event.round + 1, &at)?;
        let line = serde_json::to_vec(&outcome).map_err(|error| malformed(&at, &error))?;
        outputs.add(outcome, &line);
        outputs.settle().await?;
    }
    outputs.finish(&ports.store).await.map(|_finished| ())
}

fn malformed(at: &ObjectKey, error: &serde_json::Error) -> Error {
    Error::Malformed {
        place: at.to_string(),
        reason: error.to_string(),
    }
}

/// The key of the items that the last round has left: the last part holds all of them.
async fn last_remaining(event: &PhaseEvent, ports: &Ports, config: &Config) -> Result<Option<ObjectKey>, Error> {
    let prefix = run_key::remaining(&event.execution, event.round, 0);
    let prefix = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let found = list(ports, &config.state_bucket, &format!("{prefix}/")).await?;
    Ok(found.into_iter().next_back())
}

fn given_up(line: &[u8], rounds: u32, at: &ObjectKey) -> Result<Outcome, Error> {
    let remaining: RemainingItem = serde_json::from_slice(line).map_err(|error| malformed(at, &error))?;
    let error = remaining.malformed.map_or_else(
        || ItemError {
            name: error_name::NOT_REACHED.to_owned(),
            class: ErrorClass::Timeout,
            message: not_reached(rounds, remaining.reason.as_deref()),
        },
        |malformed| ItemError {
            name: malformed.error,
            class: ErrorClass::Permanent,
            message: malformed.message,
        },
    );
    Ok(Outcome {
        index: remaining.index,
        subject: remaining.subject,
        status: Status::Failed,
        status_code: None,
        error: Some(error),
        bytes: 0,
        checksum: None,
        attempts: 0,
        milliseconds: 0,
        destination: remaining.destination,
        filename: None,
        note: None,
        position: remaining.position,
    })
}

fn not_reached(rounds: u32, reason: Option<&str>) -> String {
    let rounds = if rounds == 1 {
        "1 round".to_owned()
    } else {
        format!("{rounds} rounds")
    };
    match reason {
        Some(reason) => format!("not reached within {rounds}: {reason}"),
        None => format!("not reached within {rounds}"),
    }
}

/// The tallies of all calls of all rounds.
async fn sum(event: &PhaseEvent, ports: &Ports, config: &Config) -> Result<Tally, Error> {
    let mut sum = Tally::default();
    for round in 0..=event.round {
        let prefix = run_key::tally(&event.execution, round, 0);
        let prefix = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        for at in list(ports, &config.state_bucket, &format!("{prefix}/")).await? {
            sum.merge(read_tally(ports, &at).await?);
        }
    }
    Ok(sum)
}

async fn read_tally(ports: &Ports, at: &ObjectKey) -> Result<Tally, Error> {
    let got = ports.store.get(at, GetOptions::default()).await;
    let (_, mut body) = got.map_err(while_reading(at))?;
    let mut json = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(while_reading(at))? {
        json.extend_from_slice(&piece);
        if json.len() > TALLY_BYTES_MAX {
            break;
        }
    }
    serde_json::from_slice(&json).map_err(|error| malformed(at, &error))
}

/// `manifest.json` of the report, in the format of S3 Batch Operations' completion reports.
///
/// **Source**: batch-ops-examples-reports.html of the S3 user guide, format `Report_CSV_20180820`.
fn completion_report(tally: &Tally, ports: &Ports, config: &Config) -> serde_json::Value {
    let results: Vec<serde_json::Value> = tally
        .files
        .iter()
        .map(|file| {
            json!({
                "TaskExecutionStatus": file.status,
                "Bucket": config.state_bucket,
                "MD5Checksum": file.md5,
                "Key": file.key,
            })
        })
        .collect();
    json!({
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": ports.clock.now().to_string(),
        "Results": results,
        "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage",
    })
}
