//! `processor/…`: a batch of downloads with an origin and a store in memory: what gantry itself costs, without sockets
//! and files.
#![expect(missing_docs, reason = "criterion's macros make the functions")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so and ends")]

use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ports::memory::{self, Reply};
use ports::{Meter, Timestamp};
use processor::{Config, Event, Ports, Response};
use serde_json::json;

const ITEMS: u64 = 1_000;
const BODY: Bytes = Bytes::from_static(&[7; 2_048]);

fn url(item: u64) -> String {
    format!("https://example.com/{item}.gif")
}

fn ports() -> Ports {
    let origin = (0..ITEMS).fold(memory::Origin::default(), |origin, item| {
        origin.with(url(item), [Reply::ok(BODY)])
    });
    Ports {
        store: Arc::new(memory::ObjectStore::default()),
        origin: Arc::new(origin),
        clock: Arc::new(adapters::local::Clock),
        meter: Arc::new(Meter::default()),
        politeness: Arc::default(),
    }
}

fn a_batch(criterion: &mut Criterion) {
    let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
    let ports = ports();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let paths: Vec<String> = (0..ITEMS).map(|item| format!("{item}.gif")).collect();
    let event = json!({
        "execution": "run", "round": 0,
        "batch": {"number": 0, "first": 0, "items": ITEMS, "resourcePaths": paths,
            "batchInput": {"baseUrl": "https://example.com", "lambdaConcur": 32}},
        "work": {"action": "download", "destination": {"bucket": "out", "prefix": ""}, "lambdaConcur": 32},
    });
    let mut group = criterion.benchmark_group("processor");
    group.throughput(Throughput::Elements(ITEMS));
    group.bench_function(BenchmarkId::new("download", ITEMS), |bencher| {
        bencher.iter(|| {
            let event: Event = serde_json::from_value(event.clone()).unwrap();
            let answer = processor::handle(event, &ports, &config, Timestamp::from_millis(i64::MAX));
            let answer = runtime.block_on(answer).unwrap();
            assert!(matches!(&answer, Response::Summary(summary) if summary.counts.succeeded == ITEMS));
            answer
        });
    });
}

criterion_group!(benches, a_batch);
criterion_main!(benches);
