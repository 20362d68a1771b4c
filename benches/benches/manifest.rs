//! `decode/…`: a batch's bytes to its items.
#![expect(missing_docs, reason = "criterion's macros make the functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fixtures::generate::{self, CsvShape};
use manifest::{Batch, Body, Columns, Delimiter, Format, Layout, Source};

const ROWS: u64 = 10_000;

/// A batch of all these bytes.
fn batch(bytes: &str, layout: Layout) -> Batch {
    let format = Format {
        layout,
        delimiter: Delimiter::Comma,
        quote: manifest::Quote::Double,
        fields: (layout == Layout::Csv).then_some(4),
        columns: Columns::Url {
            name: "url".to_owned(),
            position: 1,
        },
        base_url: None,
        url_encoded_keys: false,
        data_start: 0,
    };
    let source = Source {
        bucket: "m".to_owned(),
        key: "k".to_owned(),
        etag: None,
        version: None,
        format,
    };
    Batch {
        number: 0,
        first: 0,
        items: ROWS,
        body: Body::Range {
            source,
            start: 0,
            end: bytes.len() as u64,
            line: 1,
        },
    }
}

fn items(criterion: &mut Criterion) {
    let origin = "https://example.com";
    let csv = |shape| generate::csv(1, origin, ROWS, shape).text;
    let shapes = [
        ("csv_plain", Layout::Csv, csv(CsvShape::PLAIN)),
        ("csv_quoted", Layout::Csv, csv(CsvShape::QUOTED)),
        ("url_list", Layout::UrlList, generate::url_list(1, origin, ROWS).text),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (shape, layout, text) in shapes {
        let header = if layout == Layout::Csv {
            text.split_once('\n')
        } else {
            None
        };
        let records = header.map_or(text.as_str(), |(_, records)| records);
        let batch = batch(records, layout);
        let decoded = || {
            manifest::decode(&batch, black_box(records.as_bytes()))
                .map(black_box)
                .count()
        };
        assert_eq!(decoded() as u64, ROWS, "every row is an item");
        group.throughput(Throughput::Bytes(records.len() as u64));
        group.bench_function(BenchmarkId::new(shape, ROWS), |bencher| bencher.iter(decoded));
    }
}

criterion_group!(benches, items);
criterion_main!(benches);
