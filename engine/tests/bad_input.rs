//! What bad input gets, row by row, through the whole engine: a name that can be caught, a text that says where, and
//! whatever was done before it in files that `manifest.json` names.
//!
//! Names and texts of AWS are from its recordings (2023-09, 2024-03); where there is none, the text is ours. More rows
//! stand in `readers.rs`, `results.rs` and beside the readers.
#![cfg(test)]

mod bad_input {
    //! The rows by what goes wrong, and the world that they share.

    mod destination;
    mod half_way;
    mod numbers;
    mod world;

    pub(crate) use world::{World, listing, map, said};

    use serde_json::{Value, json};

    pub(crate) const READER: &str = "States.ItemReaderFailed";
    const WRITER: &str = "States.ResultWriterFailed";

    /// Seven rows, written by pyarrow.
    pub(crate) const ORDERS: &[u8] = fixtures::parquet::SNAPPY;

    pub(crate) fn lines() -> Value {
        json!({"InputType": "JSONL"})
    }

    pub(crate) fn nothing() -> Vec<(&'static str, Vec<u8>)> {
        Vec::new()
    }
}

use bad_input::{ORDERS, READER, World, lines, listing, map, nothing, said};
use ports::{ErrorKind, ExecutionStatus};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn what_is_not_there_or_is_denied_fails_under_the_readers_name() {
    let (missing, denied) = (ErrorKind::NotFound, ErrorKind::Denied);
    let nowhere = "there is no such bucket, object or version: the store refused";
    for (kind, code, map, expected) in [
        (
            missing,
            "NoSuchBucket",
            map(&lines(), &json!({})),
            format!("`s3://bucket/key`: {nowhere}: NoSuchBucket"),
        ),
        (
            missing,
            "NoSuchKey",
            map(&lines(), &json!({})),
            format!("`s3://bucket/key`: {nowhere}: NoSuchKey"),
        ),
        (
            missing,
            "NoSuchBucket",
            listing(&json!({})),
            format!("`s3://bucket/in/*`: {nowhere}: NoSuchBucket"),
        ),
        (
            denied,
            "AccessDenied",
            map(&lines(), &json!({})),
            "`s3://bucket/key`: access is denied: the store refused: AccessDenied".to_owned(),
        ),
        (
            denied,
            "AccessDenied",
            listing(&json!({})),
            "`s3://bucket/in/*`: access is denied: the store refused: AccessDenied".to_owned(),
        ),
    ] {
        let world = World::with(nothing()).refusing(move |_| Some(said(kind, code)));
        let found = world.fail(&map, &json!({})).await;
        assert_eq!(found, (READER.to_owned(), expected));
        assert_eq!(world.worked(), [] as [Value; 0]);
    }
    let (error, cause) = World::with(nothing())
        .fail(&map(&lines(), &json!({})), &json!({}))
        .await;
    assert_eq!(error, READER);
    assert!(
        cause.starts_with("`s3://bucket/key`: there is no such bucket, object or version"),
        "{cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_parquet_footer_fails_under_the_readers_name() {
    let end = ORDERS.len();
    let with_length = |length: u32| {
        let mut file = ORDERS.to_vec();
        file[end - 8..end - 4].copy_from_slice(&length.to_le_bytes());
        file
    };
    let mut garbled = ORDERS.to_vec();
    garbled[end - 60..end - 8].fill(0xff);
    let parquet = map(&json!({"InputType": "PARQUET"}), &json!({}));
    for (body, expected) in [
        (
            Vec::new(),
            "expected a Parquet footer at the end of the file, found something else",
        ),
        (
            ORDERS[..end - 1].to_vec(),
            "expected a Parquet footer at the end of the file, found something else",
        ),
        (
            with_length(u32::MAX),
            "the Parquet footer has 4294967303 bytes, over the limit of 5000000",
        ),
        (with_length(u32::try_from(end).unwrap()), "expected a Parquet footer"),
        (with_length(10), "the Parquet footer is corrupt: "),
        (garbled, "the Parquet footer is corrupt: "),
        (
            ORDERS[1_000..].to_vec(),
            "the Parquet footer is corrupt: a row group reaches over the end of the data",
        ),
    ] {
        let world = World::with([("key", body)]);
        let (error, cause) = world.fail(&parquet, &json!({})).await;
        assert_eq!(error, READER);
        assert!(
            cause.starts_with(&format!("`s3://bucket/key`: {expected}")),
            "{cause} does not say: {expected}"
        );
        assert_eq!(world.worked(), [] as [Value; 0]);
    }
}

/// As AWS recorded: missing cells are empty, cells without a header are dropped.
#[tokio::test(start_paused = true)]
async fn ragged_rows_are_items_all_the_same() {
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]});
    let world = World::with([("key", "1\n2,3,4\n,5\n")]);
    let row = world.run(&map(&given, &json!({})), &json!({})).await;
    assert_eq!(row.status, ExecutionStatus::Succeeded, "{:?}", row.cause);
    let expected = [
        json!({"a": "1", "b": ""}),
        json!({"a": "2", "b": "3"}),
        json!({"a": "", "b": "5"}),
    ];
    assert_eq!(world.named("SUCCEEDED"), expected);
}

#[tokio::test(start_paused = true)]
async fn headers_that_name_no_column_of_their_own_are_refused() {
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b", "a"]});
    let first = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    for (config, body, cause) in [
        (&given, "1,2,3\n", "CSV headers cannot contain duplicates."),
        (&first, "a,b,a\n1,2,3\n", "CSV headers cannot contain duplicates."),
        (&first, "a,b", "`s3://bucket/key` contains only CSV headers"),
        (&first, "a,b\r\n\r\n", "`s3://bucket/key` contains only CSV headers"),
        (
            &first,
            "",
            "`s3://bucket/key` is empty: expected CSV headers in its first row",
        ),
    ] {
        let world = World::with([("key", body)]);
        let found = world.fail(&map(config, &json!({})), &json!({})).await;
        assert_eq!(found, (READER.to_owned(), cause.to_owned()), "{body:?}");
        assert_eq!(world.worked(), [] as [Value; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_items_pointer_has_to_lead_to_items() {
    let deep = "{\"a\":{\"b\":[1]},\"c\":7}";
    let nothing = |pointer: &str| format!("`s3://bucket/key`: the ItemsPointer `{pointer}` points to nothing");
    for (pointer, cause) in [
        ("/x", nothing("/x")),
        ("/a/x", nothing("/a/x")),
        ("/a/b/1", nothing("/a/b/1")),
        ("/c/d", nothing("/c/d")),
        ("/c", "Attempting to map over non-iterable node.".to_owned()),
    ] {
        let config = json!({"InputType": "JSON", "ItemsPointer": pointer});
        let found = World::with([("key", deep)])
            .fail(&map(&config, &json!({})), &json!({}))
            .await;
        assert_eq!(found, (READER.to_owned(), cause), "{pointer}");
    }
}
