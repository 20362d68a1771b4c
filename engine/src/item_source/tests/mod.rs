//! Readers over a store in memory: in any pieces, from any mark, and when the store does not play along.

mod support;

use std::io::Write;
use std::sync::Arc;

use asl::{ItemReader, Value};
use bytes::Bytes;
use futures::executor::block_on;
use ports::{FaultInjector, Faults, ObjectStore, memory};
use proptest::prelude::*;
use serde_json::json;

use super::{ItemSource, Mark};
use support::{Stuck, cause, items, read_from, reader, reads, store};

fn one(body: &str) -> [(&'static str, Bytes); 1] {
    [("k", Bytes::copy_from_slice(body.as_bytes()))]
}

const CSV: &str = r#"{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}"#;

const JSON: &str = r#"{"InputType":"JSON","ItemsPointer":"/items"}"#;

fn csv() -> ItemReader {
    reader("getObject", &serde_json::from_str(CSV).unwrap())
}

#[test]
fn rows_are_read_from_any_mark() {
    let body = "\u{feff}id,url\r\n1,\"a\nb\"\r\n\r\n2\r\n3,c,d\r\n";
    let expected = [
        json!({"id": "1", "url": "a\nb"}),
        json!({"id": "2", "url": ""}),
        json!({"id": "3", "url": "c"}),
    ];
    reads(&one(body), &csv(), &expected);
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "CSVDelimiter": "PIPE"});
    reads(
        &one("1|2\n3"),
        &reader("getObject", &given),
        &[json!({"a": "1"}), json!({"a": "3"})],
    );
}

#[test]
fn lines_are_read_from_any_mark() {
    let lines = reader("getObject", &json!({"InputType": "JSONL"}));
    let expected = [json!({"n": 1}), json!([2]), json!("three")];
    reads(&one("{\"n\":1}\n \n[2]\r\n\"three\""), &lines, &expected);
    reads(&one(""), &lines, &[]);
}

#[test]
fn json_items_are_read_from_any_mark() {
    let json = |pointer: &str| reader("getObject", &json!({"InputType": "JSON", "ItemsPointer": pointer}));
    let whole = reader("getObject", &json!({"InputType": "JSON"}));
    let expected = [json!({"n": 1}), json!([2]), json!("three"), Value::Null];
    reads(
        &one("\u{feff} [{\"n\": 1}, [2] ,\n\"three\",null ]\n"),
        &whole,
        &expected,
    );
    reads(&one("[]"), &whole, &[]);
    let entries = [json!({"Key": "a", "Value": 1}), json!({"Key": "b", "Value": {"c": []}})];
    reads(&one("{\"a\": 1, \"b\": {\"c\": []}}"), &whole, &entries);
    let nested = one("{\"x\": [{\"y\": 0}, {\"y/z\": [1, 2]}], \"w\": 1}");
    reads(&nested, &json("/x/1/y~1z"), &[json!(1), json!(2)]);
    let flatten = json!({"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"});
    let files = [
        ("in/1", Bytes::from_static(b"[1,2]")),
        ("in/2", Bytes::from_static(b"{\"k\":3}")),
    ];
    let expected = [json!(1), json!(2), json!({"Key": "k", "Value": 3})];
    reads(&files, &reader("listObjectsV2", &flatten), &expected);
}

fn gzip(text: &str) -> Bytes {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap().into()
}

/// As storage-inventory-location.html shows it.
fn inventory(files: &[(&str, Bytes)]) -> Bytes {
    let files: Vec<Value> = files
        .iter()
        .map(|(key, body)| json!({"key": key, "size": body.len(), "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}))
        .collect();
    let manifest = json!({
        "sourceBucket": "amzn-s3-demo-source-bucket", "destinationBucket": "arn:aws:s3:::b", "version": "2016-11-30",
        "creationTimestamp": "1514944800000", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size", "files": files,
    });
    manifest.to_string().into()
}

#[test]
fn an_inventory_is_read_from_any_mark() {
    let row = |key: &str, size: u64| format!("\"source\",\"{key}\",\"v1\",\"true\",\"false\",\"{size}\"\n");
    let item = |key: &str, size: &str| json!({"Bucket": "source", "Key": key, "VersionId": "v1", "IsLatest": "true", "IsDeleteMarker": "false", "Size": size});
    let files = [
        ("data/1.csv.gz", gzip(&(row("a%2Fb", 1) + &row("c", 2)))),
        ("data/2.csv.gz", gzip("")),
        ("data/3.csv.gz", gzip(&row("d", 3))),
    ];
    let mut objects = files.to_vec();
    objects.push(("k", inventory(&files)));
    let expected = [item("a%2Fb", "1"), item("c", "2"), item("d", "3")];
    for config in [
        json!({"InputType": "MANIFEST"}),
        json!({"ManifestType": "S3_INVENTORY"}),
    ] {
        reads(&objects, &reader("getObject", &config), &expected);
    }
}

#[test]
fn a_truncated_gzip_is_an_error() {
    let text: String = (0..10_000).map(|n| n.to_string() + "\n").collect();
    let whole = gzip(&text);
    for length in [0, 5, 100, whole.len() - 4] {
        let files = [("data/1.csv.gz", whole.slice(..length))];
        let objects = [files[0].clone(), ("k", inventory(&files))];
        for piece in [7, 1_000_000] {
            let found = cause(
                &store(&objects, piece),
                &reader("getObject", &json!({"InputType": "MANIFEST"})),
            );
            assert!(
                found.starts_with("`s3://b/data/1.csv.gz` is no whole gzip file"),
                "{length}: {found}"
            );
        }
    }
}

#[test]
fn a_gzip_bomb_is_an_item_that_is_too_long() {
    let files = [("data/1.csv.gz", gzip(&"0".repeat(12_000_000)))];
    assert!(files[0].1.len() < 200_000);
    let objects = [files[0].clone(), ("k", inventory(&files))];
    let found = cause(
        &store(&objects, 1_000_000),
        &reader("getObject", &json!({"InputType": "MANIFEST"})),
    );
    assert_eq!(
        found,
        "`s3://b/data/1.csv.gz`: the item at byte 0 is longer than 8000000 bytes"
    );
}

#[test]
fn an_athena_manifest_is_read_from_any_mark() {
    let objects = [
        ("k", Bytes::from_static(b"s3://b/data/1.gz\ns3://b/data/2\n")),
        ("data/1.gz", gzip("{\"n\":1}\n{\"n\":2}\n")),
        ("data/2", Bytes::from_static(b"{\"n\":3}\n")),
    ];
    let config = json!({"InputType": "JSONL", "ManifestType": "ATHENA_DATA"});
    let athena = reader("getObject", &config);
    reads(&objects, &athena, &[json!({"n": 1}), json!({"n": 2}), json!({"n": 3})]);
    let read = read_from(&store(&objects, 10), &athena, Mark::default()).unwrap();
    assert_eq!(read[2].2, "S3://b/data/2");
    // A file that the manifest names is missing.
    let found = cause(&store(&objects[..2], 10), &athena);
    assert!(
        found.starts_with("`s3://b/data/2`: there is no such bucket, object or version"),
        "{found}"
    );
}

#[test]
fn a_manifest_that_changes_is_an_error_for_the_run_that_goes_on() {
    let objects = [
        ("k", Bytes::from_static(b"s3://b/1\n")),
        ("1", Bytes::from_static(b"1\n2\n")),
    ];
    let athena = reader(
        "getObject",
        &json!({"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}),
    );
    let read = read_from(&store(&objects, 10), &athena, Mark::default()).unwrap();
    let other = [
        ("k", Bytes::from_static(b"s3://b/2\n")),
        ("2", Bytes::from_static(b"3\n")),
    ];
    let error = read_from(&store(&other, 10), &athena, read[1].0.clone()).unwrap_err();
    let cause = error.cause.unwrap();
    assert!(cause.contains("`s3://b/k`: the object has changed"), "{cause}");
}

/// Seven rows in row groups of three, written by pyarrow.
const ORDERS: &[u8] = fixtures::parquet::SNAPPY;

#[test]
fn parquet_rows_are_read_from_any_mark() {
    let parquet = reader("getObject", &json!({"InputType": "PARQUET"}));
    let objects = [("k", Bytes::from_static(ORDERS))];
    let rows = items(&store(&objects, 1_000), &parquet).unwrap();
    let ids: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6]);
    reads(&objects, &parquet, &rows);
    let two = [
        ("k", Bytes::from_static(b"s3://b/1\ns3://b/2")),
        ("1", Bytes::from_static(ORDERS)),
        ("2", Bytes::from_static(ORDERS)),
    ];
    let athena = reader(
        "getObject",
        &json!({"InputType": "PARQUET", "ManifestType": "ATHENA_DATA"}),
    );
    reads(&two, &athena, &[rows.clone(), rows].concat());
}

#[test]
fn a_broken_parquet_file_is_an_error() {
    let parquet = reader("getObject", &json!({"InputType": "PARQUET"}));
    let mut no_pages = ORDERS.to_vec();
    no_pages[4..2_000].fill(0);
    let mut huge = ORDERS.to_vec();
    let end = huge.len();
    huge[end - 8..end - 4].copy_from_slice(&6_000_000_u32.to_le_bytes());
    for (body, expected) in [
        (
            Vec::new(),
            "`s3://b/k`: expected a Parquet footer at the end of the file, found something else",
        ),
        (b"id,url\n1,2\n".to_vec(), "expected a Parquet footer"),
        (ORDERS[..end - 3].to_vec(), "expected a Parquet footer"),
        (
            ORDERS[1_000..].to_vec(),
            "the Parquet footer is corrupt: a row group reaches over the end of the data",
        ),
        (no_pages, "`s3://b/k`: the row group 0 is corrupt"),
        (
            huge,
            "`s3://b/k`: the Parquet footer has 6000008 bytes, over the limit of 5000000",
        ),
    ] {
        let found = cause(&store(&[("k", body.into())], 100), &parquet);
        assert!(found.contains(expected), "{found} does not say: {expected}");
    }
}

#[test]
fn no_more_items_are_read_than_asked_for() {
    let mut lines = reader("getObject", &json!({"InputType": "JSONL"}));
    lines.max_items = Some(2);
    reads(&one("1\n2\nno JSON"), &lines, &[json!(1), json!(2)]);
}

#[test]
fn an_item_knows_its_source() {
    let read = read_from(&store(&one("id\n1"), 10), &csv(), Mark::default()).unwrap();
    assert_eq!(read[0].2, "S3://b/k");
}

#[test]
fn all_pages_of_a_listing_are_read_from_any_mark() {
    let keys: Vec<String> = (0..2_345).map(|n| format!("in/{n:05}")).collect();
    let mut objects: Vec<(&str, Bytes)> = keys
        .iter()
        .map(|key| (key.as_str(), Bytes::from_static(b"xy")))
        .collect();
    objects.push(("other", Bytes::new()));
    let store = store(&objects, 10);
    let listing = reader("listObjectsV2", &json!({}));
    let read = read_from(&store, &listing, Mark::default()).unwrap();
    let found: Vec<&str> = read.iter().map(|(_, item, _)| item["Key"].as_str().unwrap()).collect();
    assert_eq!(found, keys);
    assert_eq!(read[0].1["Size"], 2);
    assert_eq!(read[0].2, "S3://b");
    for at in [0, 1, 999, 1_000, 1_001, 2_000, 2_344] {
        let rest = read_from(&store, &listing, read[at].0.clone()).unwrap();
        assert_eq!(rest, read[at..], "from {at}");
    }
}

#[test]
fn a_body_that_breaks_off_is_read_on_from_where_it_broke() {
    let lines: Vec<String> = (0..10_000).map(|n| format!("{n}\n")).collect();
    let expected: Vec<Value> = (0..10_000).map(Value::from).collect();
    let objects = one(&lines.concat());
    let lines = reader("getObject", &json!({"InputType": "JSONL"}));
    let mut mended = 0;
    for seed in 0..40 {
        let faults = Faults::Seeded { seed, per_mille: 400 };
        let broken = Arc::new(FaultInjector::<dyn ObjectStore>::new(store(&objects, 5_000), faults));
        let store: Arc<dyn ObjectStore> = broken.clone();
        // A request that fails has been repeated by the store already.
        if let Ok(found) = items(&store, &lines) {
            assert_eq!(found, expected);
            mended += u32::from(broken.calls() > 1);
        }
    }
    assert!(mended >= 3, "{mended} broken bodies were read to their end");
}

#[test]
fn a_body_that_never_goes_on_is_an_error() {
    let store: Arc<dyn ObjectStore> = Arc::new(Stuck(memory::ObjectStore::default()));
    let found = cause(&store, &reader("getObject", &json!({"InputType": "JSONL"})));
    assert!(
        found.contains("the store gave none of the bytes it was asked for"),
        "{found}"
    );
}

#[test]
fn a_version_can_be_asked_for() {
    let versions = memory::ObjectStore::with_versions();
    versions.insert("b", "k", "1");
    versions.insert("b", "k", "2");
    let store: Arc<dyn ObjectStore> = Arc::new(versions);
    let mut lines = reader("getObject", &json!({"InputType": "JSONL"}));
    assert_eq!(items(&store, &lines).unwrap(), [json!(2)]);
    lines.arguments["VersionId"] = "v1".into();
    assert_eq!(items(&store, &lines).unwrap(), [json!(1)]);
    lines.arguments["VersionId"] = "v3".into();
    assert!(cause(&store, &lines).contains("there is no such bucket, object or version"));
}

#[test]
fn headers_of_listed_objects_are_read_each() {
    let config = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "Transformation": "LOAD_AND_FLATTEN"});
    let objects = [
        ("in/1", Bytes::from_static(b"a,b\n1,2\n3,4\n")),
        ("in/2", Bytes::from_static(b"a,b\n")),
        ("in/3", Bytes::from_static(b"b,c\n5,6")),
    ];
    let expected = [
        json!({"a": "1", "b": "2"}),
        json!({"a": "3", "b": "4"}),
        json!({"b": "5", "c": "6"}),
    ];
    reads(&objects, &reader("listObjectsV2", &config), &expected);
}

#[test]
fn a_window_holds_an_item_and_a_piece() {
    let row = format!("{},2\n", "x".repeat(1_000));
    let skipped = format!("{{\"skipped\":[{}0],\"items\":[", "[1,\"]\"],".repeat(300_000));
    for (config, body) in [
        (CSV, format!("a,b\n{}", row.repeat(5_000))),
        (JSON, format!("{skipped}{}0]}}", "{\"a\":1},".repeat(100_000))),
        (r#"{"InputType":"JSONL"}"#, "1\n".repeat(500_000)),
    ] {
        let reader = reader("getObject", &serde_json::from_str(config).unwrap());
        let store = store(&one(&body), 64 * 1_024);
        block_on(async {
            let mut source = ItemSource::of_reader(&store, &reader, Mark::default()).await.unwrap();
            while source.next().await.unwrap().is_some() {
                let held = source.held();
                assert!(held <= 64 * 1_024 + 2_000, "{config}: {held} bytes");
            }
        });
    }
}

#[test]
fn a_failed_listing_is_an_error() {
    let inner: Arc<dyn ObjectStore> = Arc::new(memory::ObjectStore::default());
    let dead: Arc<dyn ObjectStore> = Arc::new(FaultInjector::<dyn ObjectStore>::new(inner, Faults::DeadFrom(0)));
    let found = cause(&dead, &reader("listObjectsV2", &json!({})));
    assert!(found.contains("`s3://b/in/*`"), "{found}");
}

#[test]
fn contents_of_listed_objects_are_one_stream() {
    let objects = [
        ("in/", Bytes::new()),
        ("in/1", Bytes::from_static(b"1\n2\n")),
        ("in/2", Bytes::new()),
        ("in/3", Bytes::from_static(b"3")),
        ("out/4", Bytes::from_static(b"4")),
    ];
    let config = json!({"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"});
    let flatten = reader("listObjectsV2", &config);
    reads(&objects, &flatten, &[json!(1), json!(2), json!(3)]);
    let read = read_from(&store(&objects, 10), &flatten, Mark::default()).unwrap();
    let names: Vec<&str> = read.iter().map(|(_, _, name)| name.as_str()).collect();
    assert_eq!(names, ["S3://b/in/1", "S3://b/in/1", "S3://b/in/3"]);
}

#[test]
fn an_object_that_changes_under_the_reader_is_an_error() {
    let inner = Arc::new(memory::ObjectStore::default());
    let line = format!("\"{}\"\n", "x".repeat(999));
    inner.insert("b", "k", line.repeat(9_000));
    let store: Arc<dyn ObjectStore> = inner.clone();
    let lines = reader("getObject", &json!({"InputType": "JSONL"}));
    let (mark, error) = block_on(async {
        let mut source = ItemSource::of_reader(&store, &lines, Mark::default()).await.unwrap();
        source.next().await.unwrap();
        let mark = source.mark();
        inner.insert("b", "k", line.repeat(9_001));
        let error = loop {
            if let Err(error) = source.next().await {
                break error;
            }
        };
        (mark, error.cause.unwrap().to_string())
    });
    assert!(
        error.contains("`s3://b/k`: the object has changed since it was first read"),
        "{error}"
    );
    // A run that was interrupted notices as well.
    let error = read_from(&store, &lines, mark).unwrap_err().cause.unwrap();
    assert!(error.contains("has changed"), "{error}");
}

#[test]
fn what_cannot_be_read_says_why_and_where() {
    let long = format!("1\n\"{}\"\n2\n", "x".repeat(8_000_000));
    let wide = format!("{}\n1", "h,".repeat(6_000));
    for (config, body, expected) in [
        (CSV, "a,b,a\n1", "CSV headers cannot contain duplicates."),
        (CSV, "a,b\n\n", "contains only CSV headers"),
        (CSV, "a,b", "contains only CSV headers"),
        (CSV, "", "`s3://b/k` is empty: expected CSV headers in its first row"),
        (CSV, &wide, "the CSV headers are longer than 10240 bytes"),
        (
            CSV,
            "a,b\n1,2\n3,\"4",
            "`s3://b/k`, item 1 (from 0), byte 10: expected a closing quote",
        ),
        (
            r#"{"InputType":"JSONL"}"#,
            "1\n{\"a\":\n",
            "`s3://b/k`, item 1 (from 0), byte 2: the line is no JSON",
        ),
        (
            r#"{"InputType":"JSONL"}"#,
            &long,
            "`s3://b/k`: the item at byte 2 is longer than 8000000 bytes",
        ),
        (
            JSON,
            "{\"a\":1}",
            "`s3://b/k`: the ItemsPointer `/items` points to nothing",
        ),
        (JSON, "{\"items\":7}", "Attempting to map over non-iterable node."),
        (
            JSON,
            "{\"items\":[1,{]}",
            "`s3://b/k`, item 1 (from 0), byte 12: expected JSON",
        ),
        (
            JSON,
            "{\"items\":[1",
            "`s3://b/k`, item 1 (from 0), byte 11: expected more JSON, found the end",
        ),
        (
            JSON,
            "",
            "`s3://b/k`, byte 0: expected more JSON, found the end of the file",
        ),
        (
            r#"{"InputType":"JSON","ItemsPointer":"items"}"#,
            "[]",
            "the ItemsPointer `items` cannot be followed",
        ),
        (
            r#"{"InputType":"JSON"}"#,
            "\"text\"",
            "Attempting to map over non-iterable node.",
        ),
        (
            r#"{"InputType":"CSV"}"#,
            "a",
            "expected CSVHeaderLocation `FIRST_ROW` or `GIVEN`, found none",
        ),
        (
            r#"{"InputType":"CSV","CSVHeaderLocation":"GIVEN"}"#,
            "a",
            "expected at least one name in CSVHeaders",
        ),
        (
            r#"{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a","a"]}"#,
            "1",
            "CSV headers cannot contain duplicates.",
        ),
    ] {
        let reader = reader("getObject", &serde_json::from_str(config).unwrap());
        let found = cause(&store(&one(body), 1_000_000), &reader);
        assert!(found.contains(expected), "{found} does not say: {expected}");
    }
    let found = cause(&store(&[], 10), &csv());
    assert!(
        found.starts_with("`s3://b/k`: there is no such bucket, object or version"),
        "{found}"
    );
}

proptest! {
    #[test]
    fn hostile_objects_do_no_harm(
        bytes in prop::collection::vec(prop::sample::select(b"\x1f\x8b\x08PAR1[]{}\",:\\\n\r a1s3/\x00\xff".to_vec()), 0..80),
        config in prop::sample::select(vec![
            CSV, JSON, r#"{"InputType":"JSON"}"#, r#"{"InputType":"JSONL"}"#, r#"{"InputType":"PARQUET"}"#,
            r#"{"InputType":"MANIFEST"}"#, r#"{"InputType":"JSONL","ManifestType":"ATHENA_DATA"}"#,
        ]),
        token in prop::option::of("[{}\":a-z0-9,]{0,20}"),
        item in 0_u64..3,
        byte in 0_u64..100,
    ) {
        let reader = reader("getObject", &serde_json::from_str(config).unwrap());
        let from = Mark { item, byte, token: token.map(Into::into) };
        let objects = [("k", Bytes::from(bytes.clone())), ("data/1.csv.gz", bytes.into())];
        match read_from(&store(&objects, 7), &reader, from) {
            Ok(read) => prop_assert!(read.len() <= 80),
            Err(error) => prop_assert_eq!(error.error.as_deref(), Some("States.ItemReaderFailed")),
        }
    }
}
