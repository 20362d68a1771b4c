//! How many items a core decodes per second: `cargo bench -p gantry-manifest`.
//!
//! Names are `read/shape/items`; throughput counts items.

#![expect(
    missing_docs,
    reason = "the macros of criterion make functions without documentation"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use manifest::Delimiter;
use manifest::reader::{CsvRows, JsonElements, JsonShape, Step};
use std::hint::black_box;

const ITEMS: u64 = 20_000;

fn csv(cell: fn(u64) -> String) -> String {
    let rows: Vec<String> = (0..ITEMS)
        .map(|n| format!("{n},{},{n}7,2026-11-22\n", cell(n)))
        .collect();
    rows.concat()
}

fn read_csv(text: &str) -> u64 {
    let names = ["id", "url", "size", "day"].map(str::to_owned);
    let mut rows = CsvRows::new(&names, &[3, 1, 0, 2], Delimiter::Comma);
    let (mut window, mut bytes) = (text.as_bytes(), 0);
    while let Ok(Step::Item { item, passed }) = rows.next(window, true) {
        window = window.get(passed..).unwrap_or_default();
        bytes += black_box(item).len() as u64;
    }
    bytes
}

fn read_json(text: &str) -> u64 {
    let mut elements = JsonElements::new(JsonShape::Array, true, false);
    let (mut window, mut items) = (text.as_bytes(), 0);
    while let Ok(Step::Item { item, passed }) = elements.next(window, true) {
        window = window.get(passed..).unwrap_or_default();
        black_box(item);
        items += 1;
    }
    items
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(ITEMS));
    let plain = csv(|n| format!("https://example.com/images/{n}.gif"));
    group.bench_function(format!("csv_plain/{ITEMS}"), |bencher| {
        bencher.iter(|| read_csv(&plain));
    });
    let quoted = csv(|n| format!("\"https://example.com/a,b/{n}.gif\""));
    group.bench_function(format!("csv_quoted/{ITEMS}"), |bencher| {
        bencher.iter(|| read_csv(&quoted));
    });
    let elements = |n| format!(r#"{{"id": {n}, "url": "https://example.com/images/{n}.gif", "size": 17}},"#);
    let elements: Vec<String> = (0..ITEMS).map(elements).collect();
    let array = format!("{}0]", elements.concat());
    group.bench_function(format!("json_array/{ITEMS}"), |bencher| {
        bencher.iter(|| read_json(&array));
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
