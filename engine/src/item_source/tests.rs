//! Readers over a store in memory: in any pieces, from any mark, and when the store does not play along.

use std::io::Write;
use std::sync::Arc;

use asl::{ItemReader, StateError, Value};
use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt, stream};
use ports::{
    BodyStream, CopyOptions, Fault, Faults, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore,
    PutOptions, PutResult, Result, memory,
};
use serde_json::json;

use super::{ItemSource, Mark};

/// A store whose bodies come in pieces of a few bytes.
#[derive(Debug)]
struct Drip {
    inner: memory::ObjectStore,
    piece: usize,
}

#[async_trait]
impl ObjectStore for Drip {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.inner.head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let (info, body) = self.inner.get(at, options).await?;
        let piece = self.piece;
        let pieces = body.map_ok(move |bytes: Bytes| {
            let length = bytes.len();
            let cut = (0..length)
                .step_by(piece)
                .map(move |at| bytes.slice(at..length.min(at + piece)));
            stream::iter(cut.map(Ok))
        });
        Ok((info, pieces.try_flatten().boxed()))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.inner.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.inner.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.inner.delete(at).await
    }
}

/// A reader of `s3://b/k` or of what is listed in `s3://b`, with fields of `ReaderConfig`.
pub(crate) fn reader(action: &str, config: &Value) -> ItemReader {
    let text = |name: &str| config.get(name).and_then(Value::as_str).map(Into::into);
    let headers = config.get("CSVHeaders").and_then(Value::as_array).cloned();
    ItemReader {
        resource: format!("arn:aws:states:::s3:{action}").into(),
        arguments: json!({"Bucket": "b", "Key": "k", "Prefix": "in/"}),
        input_type: text("InputType"),
        transformation: text("Transformation"),
        manifest_type: text("ManifestType"),
        csv_delimiter: text("CSVDelimiter"),
        csv_header_location: text("CSVHeaderLocation"),
        csv_headers: headers
            .unwrap_or_default()
            .iter()
            .map(|name| name.as_str().unwrap().into())
            .collect(),
        max_items: config.get("MaxItems").and_then(Value::as_u64),
        items_pointer: text("ItemsPointer"),
    }
}

pub(crate) fn store(objects: &[(&str, Bytes)], piece: usize) -> Arc<dyn ObjectStore> {
    let inner = memory::ObjectStore::default();
    for (key, body) in objects {
        inner.insert("b", key, body.clone());
    }
    Arc::new(Drip { inner, piece })
}

/// Items from a mark on, each with the mark before it and the name of its source.
pub(crate) type Read = Vec<(Mark, Value, String)>;

pub(crate) fn read_from(
    store: &Arc<dyn ObjectStore>,
    reader: &ItemReader,
    from: Mark,
) -> std::result::Result<Read, StateError> {
    block_on(async {
        let mut source = ItemSource::of_reader(store, reader, from).await?;
        let mut read = Vec::new();
        loop {
            let mark = source.mark();
            let Some(item) = source.next().await? else {
                return Ok(read);
            };
            assert_eq!(item.index, mark.item);
            read.push((mark, item.content.into_value()?, source.name().to_owned()));
        }
    })
}

pub(crate) fn items(store: &Arc<dyn ObjectStore>, reader: &ItemReader) -> std::result::Result<Vec<Value>, StateError> {
    let read = read_from(store, reader, Mark::default())?;
    Ok(read.into_iter().map(|(_, item, _)| item).collect())
}

pub(crate) fn cause(store: &Arc<dyn ObjectStore>, reader: &ItemReader) -> String {
    let error = items(store, reader).unwrap_err();
    assert_eq!(error.error.as_deref(), Some("States.ItemReaderFailed"));
    error.cause.unwrap().to_string()
}

/// The same items in any pieces, and the same rest from every mark, also where the store breaks off every body.
pub(crate) fn reads(objects: &[(&str, Bytes)], reader: &ItemReader, expected: &[Value]) {
    for piece in [1, 3, 1_000_000] {
        let store = store(objects, piece);
        let read = read_from(&store, reader, Mark::default()).unwrap();
        let found: Vec<&Value> = read.iter().map(|(_, item, _)| item).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "pieces of {piece}");
        for (at, (mark, _, _)) in read.iter().enumerate() {
            let rest = read_from(&store, reader, mark.clone()).unwrap();
            assert_eq!(rest, read[at..], "from {mark:?}");
        }
    }
    let whole = store(objects, 1_000_000);
    let faults = Faults::Seeded {
        seed: 7,
        per_mille: 300,
    };
    let cut: Arc<dyn ObjectStore> = Arc::new(Fault::<dyn ObjectStore>::new(whole, faults));
    // A request that fails is the store's to repeat; a body that breaks off is ours.
    if let Ok(found) = items(&cut, reader) {
        assert_eq!(found, expected);
    }
}

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
const ORDERS: &[u8] = include_bytes!("../../../manifest/tests/data/orders-snappy.parquet");

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
fn a_failed_listing_is_an_error() {
    let inner: Arc<dyn ObjectStore> = Arc::new(memory::ObjectStore::default());
    let dead: Arc<dyn ObjectStore> = Arc::new(Fault::<dyn ObjectStore>::new(inner, Faults::DeadFrom(0)));
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
            "expected CSVHeaderLocation `FIRST_ROW` or `GIVEN`, found `none`",
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
