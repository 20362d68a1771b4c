//! Sources that break when children have run already: what was done is kept, and `manifest.json` names it.

use std::io::Write;

use bytes::Bytes;
use ports::ErrorKind;
use serde_json::{Value, json};

use super::world::{Request, World, listing, map, said};
use super::{ORDERS, READER, lines, nothing};

/// An inventory whose only data file is `data.csv.gz`.
fn inventory() -> Bytes {
    let manifest = json!({
        "sourceBucket": "source", "destinationBucket": "arn:aws:s3:::bucket", "version": "2016-11-30",
        "fileFormat": "CSV", "fileSchema": "Bucket, Key",
        "files": [{"key": "data.csv.gz", "size": 1, "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}],
    });
    manifest.to_string().into()
}

/// Rows of an inventory that do not pack well, without their last packed bytes.
fn truncated_gzip() -> Bytes {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for n in 0..300_u64 {
        writeln!(packed, "source,{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
    }
    let packed = packed.finish().unwrap();
    Bytes::from(packed).slice(..2_500)
}

fn keys(rows: u64) -> Vec<Value> {
    let key = |n: u64| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..rows).map(|n| json!({"Bucket": "source", "Key": key(n)})).collect()
}

/// So many items of 200,000 bytes: a range that is asked for at once holds 41 of them.
fn large_items(items: usize) -> (Vec<Value>, String) {
    let item = |n: usize| json!(format!("{n}{}", "x".repeat(200_000)));
    let items: Vec<Value> = (0..items).map(item).collect();
    let text = items
        .iter()
        .flat_map(|item| [item.to_string(), "\n".to_owned()])
        .collect();
    (items, text)
}

/// Rows that were read before the source broke were worked on, each once, and the manifest names them.
async fn breaks_half_way(world: World, map: &Value, expected: &[Value], at_least: usize) -> (String, String) {
    let found = world.fail(map, &json!({})).await;
    let worked = world.worked();
    assert!(worked.len() >= at_least, "{} children before {found:?}", worked.len());
    assert_eq!(worked, expected[..worked.len()], "in order, each once, none skipped");
    assert_eq!(world.named("SUCCEEDED"), worked);
    assert_eq!(world.named("FAILED"), [] as [Value; 0]);
    found
}

#[tokio::test(start_paused = true)]
async fn access_that_is_lost_half_way_keeps_what_was_done() {
    let (items, text) = large_items(45);
    let world = World::with([("key", text)])
        .refusing(|request| matches!(request, Request::Get(_, 1..)).then(|| said(ErrorKind::Denied, "ExpiredToken")));
    let found = breaks_half_way(world, &map(&lines(), &json!({})), &items, 41).await;
    let expected = "`s3://bucket/key`: access is denied: the store refused: ExpiredToken";
    assert_eq!(found, (READER.to_owned(), expected.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_replaced_under_the_run_keeps_what_was_done() {
    let (items, text) = large_items(45);
    let world = World::with([("key", text)]).working(|store, before| {
        if before == 3 {
            store.insert("bucket", "key", large_items(46).1);
        }
        Ok(())
    });
    let (error, cause) = breaks_half_way(world, &map(&lines(), &json!({})), &items, 41).await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/key`: the object has changed since it was first read: "),
        "{cause}"
    );
    assert!(cause.contains("ETag") && cause.contains("expected"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_truncated_gzip_keeps_the_rows_before_its_end() {
    let world = World::with([("key", inventory()), ("data.csv.gz", truncated_gzip())]);
    let map = map(&json!({"InputType": "MANIFEST"}), &json!({}));
    let (error, cause) = breaks_half_way(world, &map, &keys(300), 100).await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/data.csv.gz` is no whole gzip file: "),
        "{cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_denied_half_way_keeps_what_was_done() {
    let world = World::with(nothing());
    let keys: Vec<String> = (0..1_001).map(|n| format!("in/{n:04}")).collect();
    for key in &keys {
        world.store.insert("bucket", key, "x");
    }
    let world = world.refusing(|request| {
        matches!(request, Request::List { first: false }).then(|| said(ErrorKind::Denied, "AccessDenied"))
    });
    let (error, cause) = world.fail(&listing(&json!({})), &json!({})).await;
    let expected = "`s3://bucket/in/*`: access is denied: the store refused: AccessDenied";
    assert_eq!((error.as_str(), cause.as_str()), (READER, expected));
    let named: Vec<String> = world
        .named("SUCCEEDED")
        .iter()
        .map(|item| item["Key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(named, keys[..1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_listed_object_that_is_gone_when_its_turn_comes_keeps_what_was_done() {
    let flatten = json!({"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"});
    let objects = [("in/1", "1\n2\n"), ("in/2", "3\n"), ("in/3", "4\n")];
    let world = World::with(objects).refusing(|request| match request {
        Request::Get(at, _) if at.key == "in/2" => Some(said(ErrorKind::NotFound, "NoSuchKey")),
        Request::Get(..) | Request::List { .. } | Request::Put(_) => None,
    });
    let (error, cause) = breaks_half_way(world, &listing(&flatten), &[json!(1), json!(2)], 2).await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/in/2`: there is no such bucket, object or version"),
        "{cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_one_keeps_those_before_it() {
    let long = format!("1\n2\n\"{}\"\n4\n", "x".repeat(9_000_000));
    let large = format!("1\n2\n\"{}\"\n4\n", "x".repeat(262_143));
    let selector = json!({"ItemSelector": {"a.$": "$$.Map.Item.Value", "b.$": "$$.Map.Item.Value"}});
    let half = format!("\"{}\"\n", "x".repeat(150_000));
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let two = [json!(1), json!(2)];
    let rows = [json!({"a": "1", "b": "2"}), json!({"a": "3", "b": "4"})];
    for (map, body, expected, error, cause) in [
        (
            map(&lines(), &json!({})),
            long,
            &two[..],
            READER,
            "`s3://bucket/key`: the item at byte 4 is longer than 8000000 bytes",
        ),
        (
            map(&lines(), &json!({})),
            large,
            &two,
            "States.DataLimitExceeded",
            "item 2 (from 0) of `S3://bucket/key` makes a child's input of 262145 bytes, over the limit of 262144 bytes",
        ),
        (
            map(&lines(), &json!({})),
            "1\n2\n{\"a\":\n4\n".to_owned(),
            &two,
            READER,
            "`s3://bucket/key`, item 2 (from 0), byte 4: the line is no JSON",
        ),
        (
            map(&json!({"InputType": "JSON", "ItemsPointer": "/items"}), &json!({})),
            "{\"items\":[1,2,{]}".to_owned(),
            &two,
            READER,
            "`s3://bucket/key`, item 2 (from 0), byte 14: expected JSON",
        ),
        (
            map(&csv, &json!({})),
            "a,b\n1,2\n3,4\n5,\"6\n7,8\n".to_owned(),
            &rows,
            READER,
            "`s3://bucket/key`, item 2 (from 0), byte 14: expected a closing quote",
        ),
    ] {
        let found = breaks_half_way(World::with([("key", body)]), &map, expected, 2).await;
        assert_eq!(found.0, error, "{}", found.1);
        assert!(found.1.starts_with(cause), "{} does not begin with: {cause}", found.1);
    }
    // An item becomes too large by what a selector makes of it.
    let selected = map(&lines(), &selector);
    let (error, cause) = World::with([("key", half)]).fail(&selected, &json!({})).await;
    // {"a":"…","b":"…"}: twice 150,002 bytes and 11.
    let expected =
        "item 0 (from 0) of `S3://bucket/key` makes a child's input of 300015 bytes, over the limit of 262144 bytes";
    assert_eq!((error.as_str(), cause.as_str()), ("States.DataLimitExceeded", expected));
}

#[tokio::test(start_paused = true)]
async fn what_follows_an_item_that_is_too_large_is_pending() {
    let large = format!("1\n\"{}\"\n3\n4\n", "x".repeat(262_143));
    let world = World::with([("key", large)]);
    let (error, _) = world.fail(&map(&lines(), &json!({})), &json!({})).await;
    assert_eq!(error, "States.DataLimitExceeded");
    assert_eq!(world.named("SUCCEEDED"), [1]);
    assert_eq!(world.named("PENDING"), [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_parquet_file_among_others_keeps_the_rows_before_it() {
    let athena = json!({"InputType": "PARQUET", "ManifestType": "ATHENA_DATA"});
    let bad = Bytes::from_static(&ORDERS[1_000..]);
    let (list, good) = (
        Bytes::from_static(b"s3://bucket/1\ns3://bucket/2\n"),
        Bytes::from_static(ORDERS),
    );
    let world = World::with([("key", list), ("1", good), ("2", bad)]);
    let (error, cause) = world.fail(&map(&athena, &json!({})), &json!({})).await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/2`: the Parquet footer is corrupt: "),
        "{cause}"
    );
    let ids: Vec<Value> = world.named("SUCCEEDED").iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6]);
}

/// Children that run when the source breaks are aborted, and are named as such.
#[tokio::test(start_paused = true)]
async fn children_that_run_when_the_source_breaks_are_named_as_aborted() {
    let world = World::with([("key", "1\n2\n3\nno JSON\n5\n")]);
    let mut map = map(&lines(), &json!({"MaxConcurrency": 10}));
    map["ItemProcessor"]["States"]["Work"] = json!({"Type": "Wait", "Seconds": 1, "End": true});
    let (error, cause) = world.fail(&map, &json!({})).await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/key`, item 3 (from 0), byte 6: the line is no JSON"),
        "{cause}"
    );
    assert_eq!(world.named("ABORTED"), [1, 2, 3]);
    assert_eq!(world.named("SUCCEEDED"), [] as [Value; 0]);
}
