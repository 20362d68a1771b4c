//! What a table promises.

use std::collections::BTreeMap;

use super::assert_kind;
use crate::{AttributeValue, ErrorKind, Result, Row, Table, TableSchema};

/// Every check, in tables whose names begin with `prefix` and which do not exist yet, or exist as [`schemas`] says
/// and are empty.
pub async fn all(table: &dyn Table, prefix: &str) -> Result<()> {
    let [simple, sorted] = schemas(prefix);
    table.ensure(&simple).await?;
    table.ensure(&simple).await?;
    table.ensure(&sorted).await?;
    a_row_replaces_the_row_with_its_key(table, &simple.name).await?;
    every_type_comes_back(table, &simple.name).await?;
    writing_a_batch_twice_is_the_same_as_once(table, &simple.name).await?;
    rows_without_their_key_are_refused(table, &simple.name).await?;
    a_sort_key_keeps_rows_apart(table, &sorted.name).await?;
    a_table_that_is_not_there_is_not_found(table, &format!("{prefix}-missing")).await
}

/// The tables that the checks use.
pub fn schemas(prefix: &str) -> [TableSchema; 2] {
    let simple = TableSchema {
        name: format!("{prefix}-simple"),
        hash: "url".to_owned(),
        range: None,
    };
    let sorted = TableSchema {
        name: format!("{prefix}-sorted"),
        hash: "object".to_owned(),
        range: Some("destination".to_owned()),
    };
    [simple, sorted]
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn row<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Row {
    attributes.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A put, and a put over it.
pub async fn a_row_replaces_the_row_with_its_key(table: &dyn Table, name: &str) -> Result<()> {
    let key = row([("url", text("https://example.com/replaced"))]);
    assert_eq!(table.get(name, key.clone()).await?, None);
    let first = row([("url", text("https://example.com/replaced")), ("old", number(1))]);
    table.put(name, first.clone()).await?;
    assert_eq!(table.get(name, key.clone()).await?, Some(first));
    let second = row([("url", text("https://example.com/replaced")), ("new", number(2))]);
    table.put(name, second.clone()).await?;
    assert_eq!(
        table.get(name, key.clone()).await?,
        Some(second),
        "nothing of the old row is left"
    );
    let third = row([("url", text("https://example.com/replaced")), ("newer", number(3))]);
    table.batch_write(name, vec![third.clone()]).await?;
    assert_eq!(table.get(name, key).await?, Some(third), "a batch replaces too");
    Ok(())
}

/// A row with a value of every type.
pub async fn every_type_comes_back(table: &dyn Table, name: &str) -> Result<()> {
    let inner = row([("deep", AttributeValue::L(vec![text(""), AttributeValue::Bool(false)]))]);
    let all = row([
        ("url", text("https://example.com/types?ünïcødé=日本語")),
        ("number", AttributeValue::N("-12.5".to_owned())),
        ("truth", AttributeValue::Bool(true)),
        ("nothing", AttributeValue::Null(true)),
        (
            "list",
            AttributeValue::L(vec![number(1), text("two"), AttributeValue::Null(true)]),
        ),
        ("map", AttributeValue::M(inner)),
        ("texts", AttributeValue::TextSet(vec!["one".to_owned()])),
        ("numbers", AttributeValue::NumberSet(vec!["1".to_owned()])),
        ("bytes", AttributeValue::B("AP8=".to_owned())),
        ("empty", AttributeValue::M(BTreeMap::new())),
    ]);
    let key = row([("url", text("https://example.com/types?ünïcødé=日本語"))]);
    for batch in [false, true] {
        if batch {
            table.batch_write(name, vec![all.clone()]).await?;
        } else {
            table.put(name, all.clone()).await?;
        }
        assert_eq!(table.get(name, key.clone()).await?, Some(all.clone()), "batch: {batch}");
    }
    Ok(())
}

/// More rows than `DynamoDB` takes in one request, twice; and no rows.
pub async fn writing_a_batch_twice_is_the_same_as_once(table: &dyn Table, name: &str) -> Result<()> {
    let before = table.count(name).await?;
    let rows = |bytes: u64| -> Vec<Row> {
        let urls = (0..63).map(|index| format!("https://example.com/batch/{index}"));
        urls.map(|url| row([("url", text(&url)), ("bytes", number(bytes))]))
            .collect()
    };
    table.batch_write(name, Vec::new()).await?;
    table.batch_write(name, rows(1)).await?;
    table.batch_write(name, rows(2)).await?;
    assert_eq!(table.count(name).await?, before + 63);
    for index in [0, 24, 25, 62] {
        let key = row([("url", text(&format!("https://example.com/batch/{index}")))]);
        let found = table.get(name, key).await?;
        assert_eq!(
            found.and_then(|row| row.get("bytes").cloned()),
            Some(number(2)),
            "row {index}"
        );
    }
    Ok(())
}

/// No key, a key of another type, an empty key, and one key twice in one call.
pub async fn rows_without_their_key_are_refused(table: &dyn Table, name: &str) -> Result<()> {
    let before = table.count(name).await?;
    let refused = [
        row([("other", text("x"))]),
        row([("url", number(1))]),
        row([("url", text(""))]),
    ];
    for bad in refused {
        assert_kind(table.put(name, bad.clone()).await, ErrorKind::Malformed, "put");
        assert_kind(
            table.batch_write(name, vec![bad]).await,
            ErrorKind::Malformed,
            "batch write",
        );
    }
    let twice = row([("url", text("https://example.com/twice"))]);
    let answer = table.batch_write(name, vec![twice.clone(), twice]).await;
    assert_kind(answer, ErrorKind::Malformed, "one key twice");
    assert_eq!(table.count(name).await?, before);
    Ok(())
}

/// Rows that share the partition key.
pub async fn a_sort_key_keeps_rows_apart(table: &dyn Table, name: &str) -> Result<()> {
    let rows = ["s3://a/1", "s3://b/1"].map(|to| {
        row([
            ("object", text("s3://from/1")),
            ("destination", text(to)),
            ("note", text(to)),
        ])
    });
    table.batch_write(name, rows.to_vec()).await?;
    table.batch_write(name, rows.to_vec()).await?;
    assert_eq!(table.count(name).await?, 2);
    let key = row([("object", text("s3://from/1")), ("destination", text("s3://b/1"))]);
    let found = table.get(name, key).await?;
    assert_eq!(found.and_then(|row| row.get("note").cloned()), Some(text("s3://b/1")));
    Ok(())
}

/// Every operation on a table that does not exist.
pub async fn a_table_that_is_not_there_is_not_found(table: &dyn Table, name: &str) -> Result<()> {
    let one = row([("url", text("https://example.com/"))]);
    assert_kind(table.put(name, one.clone()).await, ErrorKind::NotFound, "put");
    assert_kind(table.get(name, one.clone()).await, ErrorKind::NotFound, "get");
    assert_kind(
        table.batch_write(name, vec![one]).await,
        ErrorKind::NotFound,
        "batch write",
    );
    assert_kind(table.count(name).await, ErrorKind::NotFound, "count");
    Ok(())
}
