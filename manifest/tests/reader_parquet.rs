//! Rows of Parquet files that pyarrow wrote, and what becomes of broken ones.
//!
//! [`fixtures::parquet::ORDERS`] holds one file for each codec. Row `i` has the members that [`order`] gives.
#![cfg(test)]

use bytes::Bytes;
use manifest::reader::{BadParquet, ParquetFooter};
use proptest::prelude::*;
use serde_json::{Value, json};

fn file(codec: &str) -> Bytes {
    let (_, bytes) = fixtures::parquet::ORDERS
        .into_iter()
        .find(|(name, _)| *name == codec)
        .unwrap();
    Bytes::from_static(bytes)
}

fn footer(bytes: &Bytes) -> Result<ParquetFooter, BadParquet> {
    let tail = bytes.len().saturating_sub(ParquetFooter::TAIL_BYTES);
    let length = usize::try_from(ParquetFooter::length(&bytes[tail..])?).unwrap();
    let start = bytes.len().checked_sub(length).ok_or(BadParquet::NoFooter)?;
    ParquetFooter::read(&bytes[start..], bytes.len() as u64)
}

/// All rows, each row group from nothing but its own bytes.
fn rows(bytes: &Bytes) -> Result<Vec<Value>, BadParquet> {
    let footer = footer(bytes)?;
    let mut found = Vec::new();
    for group in 0..footer.groups() {
        let range = footer.range(group);
        let piece = bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        for row in footer.rows(group, piece)?.take(10_000) {
            found.push(row?);
        }
    }
    Ok(found)
}

/// By hand, after the script that wrote the files.
fn order(i: u8) -> Value {
    let tags = [
        json!([]),
        json!(["x"]),
        json!([]),
        json!([]),
        json!(["x"]),
        json!(["x", "x"]),
        json!([]),
    ];
    let nested = match i {
        3 => Value::Null,
        4 => json!({"a": 4, "b": null}),
        _ => json!({"a": i, "b": "b"}),
    };
    let raw = ["AP8=", "Af8=", "Av8=", "A/8=", "BP8=", "Bf8=", "Bv8="];
    json!({
        "id": i, "name": if i == 1 { Value::Null } else { format!("näme {i}").into() }, "price": f64::from(i) + 0.5,
        "ok": i.is_multiple_of(2), "tags": tags[usize::from(i)], "at": format!("2026-01-02 03:04:{:02}.000 +00:00", 5 + i),
        "day": format!("2026-01-0{}", 1 + i), "nested": nested, "attrs": {"k": i}, "amount": format!("{i}.25"),
        "raw": raw[usize::from(i)],
    })
}

#[test]
fn rows_are_what_pyarrow_wrote() {
    for codec in ["none", "snappy", "gzip", "zstd", "lz4"] {
        let found = rows(&file(codec)).unwrap();
        let expected: Vec<Value> = (0..7).map(order).collect();
        assert_eq!(found, expected, "{codec}");
    }
}

#[test]
fn a_footer_tells_the_row_groups() {
    let footer = footer(&file("snappy")).unwrap();
    assert_eq!(
        (0..footer.groups())
            .map(|group| footer.rows_in(group))
            .collect::<Vec<_>>(),
        [3, 3, 1]
    );
    assert!(footer.range(0).end <= footer.range(1).start);
    assert_eq!(footer.range(3), 0..0);
}

#[test]
fn a_corrupt_file_says_what_is_wrong() {
    let whole = file("snappy");
    assert_eq!(rows(&Bytes::new()), Err(BadParquet::NoFooter));
    assert_eq!(rows(&whole.slice(..whole.len() - 1)), Err(BadParquet::NoFooter));
    let mut encrypted = whole.to_vec();
    let end = encrypted.len();
    encrypted[end - 4..].copy_from_slice(b"PARE");
    assert_eq!(rows(&encrypted.into()), Err(BadParquet::Encrypted));
    let mut longer = whole.to_vec();
    longer[end - 8..end - 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
    assert_eq!(rows(&longer.into()), Err(BadParquet::NoFooter));
    let mut scrambled = whole.to_vec();
    let start = end - usize::try_from(ParquetFooter::length(&whole[end - 8..]).unwrap()).unwrap();
    scrambled[start..end - 8].fill(0xff);
    assert!(matches!(rows(&scrambled.into()), Err(BadParquet::Footer(_))));
    let mut pages = whole.to_vec();
    pages[4..start].fill(0);
    assert!(matches!(
        rows(&pages.into()),
        Err(BadParquet::RowGroup { group: 0, .. })
    ));
}

proptest! {
    #[test]
    fn broken_bytes_do_no_harm(
        codec in prop::sample::select(vec!["none", "snappy", "zstd"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file(codec).to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // Whatever comes of it: rows or an error, and no more rows than asked for.
        if let Ok(found) = rows(&bytes.into()) {
            prop_assert!(found.len() <= 100_000);
        }
    }
}
