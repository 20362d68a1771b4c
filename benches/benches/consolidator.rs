//! `consolidate/…`: the outcomes of a round to results, report and table.
#![expect(missing_docs, reason = "criterion's macros make the functions")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use consolidator::{Config, Event, Ports};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use manifest::run_key;
use ports::{Table as _, TableSchema, Timestamp, memory};
use serde_json::json;
use tokio::runtime::Runtime;

const ITEMS: u64 = 10_000;
const BATCH_ITEMS: u64 = 100;

fn schema() -> TableSchema {
    TableSchema {
        name: "urls".to_owned(),
        hash: "url".to_owned(),
        range: None,
    }
}

/// One item in fifty has failed.
fn outcomes(batch: u64) -> String {
    let line = |index: u64| {
        let url = format!("https://example.com/{}/{index}.gif", index / 1_000);
        let outcome = if index.is_multiple_of(50) {
            json!({"index": index, "url": url, "status": "failed", "statusCode": 404, "bytes": 0, "attempts": 1,
                "milliseconds": 7, "error": {"name": "HttpNotFound", "class": "permanent", "message": "404"}})
        } else {
            json!({"index": index, "url": url, "status": "succeeded", "statusCode": 200, "bytes": 2_048, "attempts": 1,
                "milliseconds": 7, "destination": format!("s3://out/{index}.gif"), "filename": format!("{index}.gif")})
        };
        format!("{outcome}\n")
    };
    (batch * BATCH_ITEMS..(batch + 1) * BATCH_ITEMS).map(line).collect()
}

fn ports(runtime: &Runtime) -> Ports {
    let store = memory::ObjectStore::default();
    for batch in 0..ITEMS / BATCH_ITEMS {
        store.insert("state", &run_key::outcomes("run", 0, batch), outcomes(batch));
    }
    let table = memory::Table::default();
    runtime.block_on(table.ensure(&schema())).unwrap();
    Ports {
        store: Arc::new(store),
        table: Arc::new(table),
        notifier: Arc::new(memory::Notifier::default()),
        clock: Arc::new(memory::Clock::at(Timestamp::from_millis(0))),
    }
}

fn a_round(criterion: &mut Criterion) {
    // Parts are written by tasks.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (ports, table) = (ports(&runtime), Some(schema()));
    let config = Config {
        state_bucket: "state".to_owned(),
        table,
        table_url: consolidator::TableUrl::Full,
        topic: None,
        report_succeeded: true,
        margin: Duration::from_secs(20),
    };
    let event = json!({
        "phase": "consolidate", "execution": "run", "round": 0, "cursor": null,
        "batch": {
            "batches": ITEMS / BATCH_ITEMS, "items": ITEMS, "batchList": {"bucket": "state", "key": "none"},
            "maxConcurrency": 8, "lastRound": 4, "tolerate": {"count": 0, "percentage": 0.0}, "onFailure": "FAIL",
        },
    });
    let mut group = criterion.benchmark_group("consolidate");
    group.throughput(Throughput::Elements(ITEMS));
    group.bench_function(BenchmarkId::new("outcomes", ITEMS), |bencher| {
        bencher.iter(|| {
            let event: Event = serde_json::from_value(event.clone()).unwrap();
            let answer = consolidator::handle(event, &ports, &config, Timestamp::from_millis(i64::MAX));
            black_box(runtime.block_on(answer).unwrap())
        });
    });
}

criterion_group!(benches, a_round);
criterion_main!(benches);
