//! `batcher/…`: a manifest in memory to its batch list.
#![expect(missing_docs, reason = "criterion's macros make the functions")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::sync::Arc;

use batcher::{Config, Event, Ports};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fixtures::generate::{self, CsvShape};
use ports::{Timestamp, memory};
use serde_json::json;

const ROWS: u64 = 100_000;

fn ports(manifest: String) -> Ports {
    let store = memory::ObjectStore::default();
    store.insert("m", "k", manifest);
    Ports {
        store: Arc::new(store),
        clock: Arc::new(memory::Clock::at(Timestamp::from_millis(0))),
    }
}

fn split(ports: &Ports, config: &Config, format: &str) {
    let event: Event = serde_json::from_value(json!({
        "execution": "bench", "round": 0, "manifest": {"bucket": "m", "key": "k", "format": format},
        "request": {"manifest": {"bucket": "m", "key": "k"}, "work": {"action": "download", "destination": {"bucket": "images"}}},
    }))
    .unwrap();
    let answer = batcher::handle(event, ports, config, Timestamp::from_millis(i64::MAX));
    black_box(futures::executor::block_on(answer).unwrap());
}

fn batch_lists(criterion: &mut Criterion) {
    let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
    let origin = "https://example.com";
    let manifests = [
        ("csv_plain", "csv", generate::csv(1, origin, ROWS, CsvShape::PLAIN)),
        ("csv_quoted", "csv", generate::csv(1, origin, ROWS, CsvShape::QUOTED)),
        ("url_list", "urlList", generate::url_list(1, origin, ROWS)),
    ];
    let mut group = criterion.benchmark_group("batcher");
    for (shape, format, manifest) in manifests {
        group.throughput(Throughput::Bytes(manifest.text.len() as u64));
        let ports = ports(manifest.text);
        group.bench_function(BenchmarkId::new(shape, ROWS), |bencher| {
            bencher.iter(|| split(&ports, &config, format));
        });
    }
}

criterion_group!(benches, batch_lists);
criterion_main!(benches);
