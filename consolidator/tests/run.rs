//! A run's end over the in-memory ports: every item accounted for, whatever the processors have left.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use consolidator::{Config, Consolidated, Event, Ports, Reported, Response, Summary, TableUrl, handle};
use manifest::run_key;
use ports::{AttributeValue, Table as _, TableSchema, Timestamp, memory};
use serde_json::{Value, json};

const STATE: &str = "state";

struct World {
    store: Arc<memory::ObjectStore>,
    table: Arc<memory::Table>,
    notifier: Arc<memory::Notifier>,
    clock: Arc<memory::Clock>,
    config: Config,
}

impl World {
    async fn new() -> Self {
        let schema = TableSchema {
            name: "urls".to_owned(),
            hash: "url".to_owned(),
            range: None,
        };
        let table = Arc::new(memory::Table::default());
        table.ensure(&schema).await.unwrap();
        Self {
            store: Arc::new(memory::ObjectStore::default()),
            table,
            notifier: Arc::new(memory::Notifier::default()),
            clock: Arc::new(memory::Clock::at(Timestamp::from_millis(0))),
            config: Config {
                state_bucket: STATE.to_owned(),
                table: Some(schema),
                table_url: TableUrl::Full,
                topic: Some("arn:aws:sns:us-east-1:000000000000:failures".to_owned()),
                report_succeeded: true,
                margin: Duration::from_secs(20),
            },
        }
    }

    fn ports(&self) -> Ports {
        Ports {
            store: Arc::clone(&self.store) as _,
            table: Arc::clone(&self.table) as _,
            notifier: Arc::clone(&self.notifier) as _,
            clock: Arc::clone(&self.clock) as _,
        }
    }

    fn outcomes(&self, round: u32, batch: u64, lines: &[String]) {
        let key = run_key::outcomes("run", round, batch);
        self.store.insert(STATE, &key, lines.concat());
    }

    async fn consolidate(&self, round: u32, batches: u64, cursor: Value, deadline: i64) -> Consolidated {
        let event = json!({
            "phase": "consolidate", "execution": "run", "round": round, "cursor": cursor,
            "batch": batched(round, batches), "work": {"action": "download"},
        });
        let answer = self.call(event, deadline).await;
        let Response::Consolidated(answer) = answer else {
            panic!("{answer:?}")
        };
        *answer
    }

    async fn report(&self, round: u32) -> Reported {
        let event = json!({
            "phase": "report", "execution": "run", "round": round, "cursor": null,
            "batch": batched(round, 0), "work": {"action": "download"},
        });
        let answer = self.call(event, i64::MAX).await;
        let Response::Reported(answer) = answer else {
            panic!("{answer:?}")
        };
        *answer
    }

    async fn call(&self, event: Value, deadline: i64) -> Response {
        let event: Event = serde_json::from_value(event).unwrap();
        let deadline = Timestamp::from_millis(deadline);
        handle(event, &self.ports(), &self.config, deadline).await.unwrap()
    }

    fn text(&self, key: &str) -> String {
        let bytes = self
            .store
            .bytes(STATE, key)
            .unwrap_or_else(|| panic!("no object `{key}`"));
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

/// What the batcher has answered.
fn batched(round: u32, batches: u64) -> Value {
    json!({
        "batches": batches, "items": 1, "batchList": {"bucket": STATE, "key": run_key::batch_list("run", round)},
        "maxConcurrency": 8, "lastRound": 4, "tolerate": {"count": 0, "percentage": 0.0}, "onFailure": "FAIL",
    })
}

fn succeeded(index: u64) -> String {
    let name = format!("example.com/{index}.gif");
    let outcome = json!({
        "index": index, "url": format!("https://{name}"), "status": "succeeded", "statusCode": 200, "bytes": 10,
        "attempts": 1, "milliseconds": index, "destination": format!("s3://out/{name}"), "filename": name,
    });
    format!("{outcome}\n")
}

fn unsettled(index: u64, status: &str, error: &str) -> String {
    let url = format!("https://example.com/{index}.gif");
    let outcome = json!({
        "index": index, "url": url, "status": status, "attempts": 1, "milliseconds": 5,
        "error": {"name": error, "class": "permanent", "message": format!("Could not find: {url}")},
    });
    format!("{outcome}\n")
}

/// The key is `printf '%s' https://example.com/0.gif | sha256sum`.
#[tokio::test]
async fn a_table_may_hold_the_hashes_of_urls() {
    let mut world = World::new().await;
    world.config.table_url = TableUrl::Hash;
    world.outcomes(0, 0, &[succeeded(0)]);
    world.consolidate(0, 1, Value::Null, i64::MAX).await;
    let row = world.table.rows("urls").remove(0);
    let expected = "d46729cf6bc68202716838a41b2c5b33b5dbd8e2225f1044273287804042a7bb";
    assert_eq!(row.get("url"), Some(&AttributeValue::S(expected.to_owned())));
}

#[tokio::test]
async fn each_outcome_has_its_place() {
    let world = World::new().await;
    world.outcomes(0, 0, &[succeeded(0), unsettled(1, "failed", "NotFound"), succeeded(2)]);
    world.outcomes(0, 1, &[unsettled(3, "pending", "NotReached"), succeeded(4)]);

    let answer = world.consolidate(0, 2, Value::Null, i64::MAX).await;
    assert_eq!(
        (
            answer.counts.succeeded,
            answer.counts.failed,
            answer.counts.pending,
            answer.progress
        ),
        (3, 1, 1, true)
    );
    assert_eq!(answer.cursor, None);
    let remaining = answer.remaining.unwrap();
    assert_eq!(
        world.text(&remaining.key),
        "{\"index\":3,\"url\":\"https://example.com/3.gif\",\"reason\":\"Could not find: https://example.com/3.gif\"}\n"
    );
    assert_eq!(world.table.count("urls").await.unwrap(), 3);
    let row = world.table.rows("urls").remove(0);
    assert_eq!(
        row.get("filename"),
        Some(&AttributeValue::S("example.com/0.gif".to_owned()))
    );

    let reported = world.report(0).await;
    assert_eq!(
        (reported.items, reported.counts.succeeded, reported.counts.failed),
        (5, 3, 2)
    );
    assert!((reported.failed_percentage - 40.0).abs() < 1e-9);
    let results: Vec<Value> = [run_key::results("run", 0, 0), run_key::results("run", 0, 99_999)]
        .iter()
        .flat_map(|key| {
            world
                .text(key)
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect::<Vec<Value>>()
        })
        .collect();
    let indexes: Vec<u64> = results
        .iter()
        .map(|outcome| outcome["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, [0, 1, 2, 4, 3], "every item has exactly one settled outcome");
}

#[tokio::test]
async fn the_report_is_in_the_format_that_auditors_know() {
    let world = World::new().await;
    world.outcomes(0, 0, &[succeeded(0), unsettled(1, "failed", "NotFound")]);
    world.consolidate(0, 1, Value::Null, i64::MAX).await;
    let reported = world.report(0).await;

    let manifest: Value = serde_json::from_str(&world.text(&reported.report.key)).unwrap();
    assert_eq!(manifest["Format"], "Report_CSV_20180820");
    let results = manifest["Results"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["TaskExecutionStatus"]).collect();
    assert_eq!(statuses, ["succeeded", "failed"]);
    let failed = world.text(results[1]["Key"].as_str().unwrap());
    let url = "https://example.com/1.gif";
    assert_eq!(failed, format!(",{url},,failed,NotFound,,Could not find: {url}\n"));
    let summary: Summary = serde_json::from_str(&world.text(&reported.summary.key)).unwrap();
    assert_eq!(summary.errors["NotFound"].count, 1);
    assert_eq!(summary.worst_hosts, [("example.com".to_owned(), 1)]);
}

#[tokio::test]
async fn one_notification_tells_all_failures() {
    let world = World::new().await;
    world.outcomes(
        0,
        0,
        &[unsettled(0, "failed", "NotFound"), unsettled(1, "failed", "NotFound")],
    );
    world.consolidate(0, 1, Value::Null, i64::MAX).await;
    world.report(0).await;

    let published = world.notifier.published();
    assert_eq!(published.len(), 1);
    let message: Value = serde_json::from_str(&published[0].message).unwrap();
    assert_eq!(message["messages"].as_array().unwrap().len(), 2);
    assert_eq!(message["messages"][0], "Could not find: https://example.com/0.gif");
    assert!(published[0].check().is_ok(), "SNS would take it");
}

#[tokio::test]
async fn a_run_without_failures_notifies_nobody() {
    let world = World::new().await;
    world.outcomes(0, 0, &[succeeded(0)]);
    world.consolidate(0, 1, Value::Null, i64::MAX).await;
    let reported = world.report(0).await;
    assert_eq!((reported.counts.failed, world.notifier.published().len()), (0, 0));
}

#[tokio::test]
async fn items_of_a_batch_without_outcomes_remain() {
    let world = World::new().await;
    let urls = "https://example.com/0.gif\nhttps://example.com/1.gif\nhttps://example.com/2.gif\n";
    let etag = world.store.insert("manifests", "urls.txt", urls);
    let line = |number: u64, first: u64, start: u64, end: u64| {
        let batch = json!({
            "number": number, "first": first, "items": 1, "start": start, "end": end, "line": first + 1,
            "source": {
                "bucket": "manifests", "key": "urls.txt", "etag": etag,
                "format": {"layout": "urlList", "columns": {"url": {"name": "url", "position": 0}}},
            },
        });
        format!("{batch}\n")
    };
    let list = [line(0, 0, 0, 26), line(1, 1, 26, 52), line(2, 2, 52, 78)].concat();
    world.store.insert(STATE, &run_key::batch_list("run", 0), list);
    world.outcomes(0, 0, &[succeeded(0)]);
    // As a map run writes it down, of which the second record is beyond what is read.
    let cause = json!({"errorMessage": "no bucket at https://me:word@h/", "errorType": "Gantry.StorageNotFound"});
    let failed = json!({
        "Error": "Gantry.StorageNotFound", "Cause": cause.to_string(), "Status": "FAILED",
        "Input": json!({"execution": "run", "batch": {"number": 1}}).to_string(),
    });
    let file = format!("[{failed},{{\"Error\":");
    let key = format!("{}/0a1b/FAILED_0.json", run_key::map_results("run", 0));
    world.store.insert(STATE, &key, file);

    let answer = world.consolidate(0, 3, Value::Null, i64::MAX).await;
    assert_eq!((answer.counts.succeeded, answer.counts.pending), (1, 2));
    let remaining = world.text(&answer.remaining.unwrap().key);
    let reason = "its processor failed with Gantry.StorageNotFound: no bucket at https://***@h/";
    assert_eq!(
        remaining,
        format!(
            "{{\"index\":1,\"url\":\"https://example.com/1.gif\",\"reason\":\"{reason}\"}}\n\
             {{\"index\":2,\"url\":\"https://example.com/2.gif\"}}\n"
        )
    );
    world.report(0).await;
    let results = world.text(&run_key::results("run", 0, 99_999));
    let messages: Vec<Value> = results
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"]["message"].take())
        .collect();
    assert_eq!(
        messages,
        [
            format!("not reached within 1 round: {reason}").into(),
            Value::from("not reached within 1 round")
        ]
    );
}

#[tokio::test]
async fn a_near_deadline_leaves_a_cursor_and_nothing_is_counted_twice() {
    let world = World::new().await;
    for batch in 0..4 {
        world.outcomes(
            0,
            batch,
            &[succeeded(batch * 2), unsettled(batch * 2 + 1, "pending", "NotReached")],
        );
    }
    // The deadline has passed before the first batch: each call still gets one batch done.
    let mut cursor = Value::Null;
    let mut calls = 0;
    let last = loop {
        let answer = world.consolidate(0, 4, cursor, 0).await;
        calls += 1;
        match answer.cursor {
            Some(next) => cursor = serde_json::to_value(next).unwrap(),
            None => break answer,
        }
    };
    assert_eq!((calls, last.counts.succeeded, last.counts.pending), (4, 4, 4));
    let remaining = world.text(&last.remaining.unwrap().key);
    assert_eq!(
        remaining.lines().count(),
        4,
        "the last part of the remaining items holds all of it"
    );
    let reported = world.report(0).await;
    assert_eq!(
        (reported.items, reported.counts.succeeded, reported.counts.failed),
        (8, 4, 4)
    );
}

#[tokio::test]
async fn the_same_event_again_changes_nothing() {
    let world = World::new().await;
    world.outcomes(0, 0, &[succeeded(0), succeeded(0), unsettled(1, "failed", "NotFound")]);
    for _ in 0..2 {
        world.consolidate(0, 1, Value::Null, i64::MAX).await;
    }
    let first = world.report(0).await;
    assert_eq!(world.report(0).await, first);
    assert_eq!((first.items, world.table.count("urls").await.unwrap()), (3, 1));
}

#[tokio::test]
async fn no_batches_are_no_items() {
    let world = World::new().await;
    let answer = world.consolidate(0, 0, Value::Null, i64::MAX).await;
    assert_eq!((answer.progress, answer.cursor, answer.remaining), (false, None, None));
    let reported = world.report(0).await;
    assert_eq!((reported.items, reported.failed_percentage.to_bits()), (0, 0));
}

#[tokio::test]
async fn the_small_machine_asks_whether_all_are_200() {
    let world = World::new().await;
    for (codes, expected) in [
        (json!([200, 200]), "true"),
        (json!([200, 404]), "false"),
        (json!([]), "true"),
    ] {
        let answer = world.call(codes, i64::MAX).await;
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
    }
}
