//! The splitter against the csv crate, and against itself in other windows.
#![cfg(test)]

use manifest::{
    Columns, Cut, Cutting, Delimiter, Format, Layout, OnSplitError, SourcePosition, SplitError, SplitErrorKind,
    Splitter,
};
use proptest::prelude::*;

fn format(layout: Layout) -> Format {
    Format {
        layout,
        delimiter: Delimiter::Comma,
        quote: manifest::Quote::Double,
        fields: None,
        columns: Columns::Url {
            name: "url".into(),
            position: 0,
        },
        base_url: None,
        url_encoded_keys: false,
        data_start: 0,
    }
}

fn split(layout: Layout, bytes: &[u8], items: u64, window: usize, piece: usize) -> Result<Vec<Cut>, SplitError> {
    split_with(layout, bytes, items, window, piece, OnSplitError::Refuse)
}

fn split_with(
    layout: Layout,
    bytes: &[u8],
    items: u64,
    window: usize,
    piece: usize,
    on_error: OnSplitError,
) -> Result<Vec<Cut>, SplitError> {
    let cutting = Cutting {
        items,
        line: 1,
        on_error,
    };
    let mut splitter = Splitter::new(&format(layout), cutting);
    let mut cuts = Vec::new();
    for window in bytes.chunks(window) {
        let pieces: Vec<_> = window.chunks(piece).collect();
        cuts.extend(splitter.push(&pieces)?);
    }
    cuts.extend(splitter.finish()?);
    Ok(cuts)
}

fn whole(layout: Layout, bytes: &[u8], items: u64) -> Result<Vec<Cut>, SplitError> {
    split(layout, bytes, items, bytes.len().max(1), bytes.len().max(1))
}

/// The records of some bytes as the csv crate sees them.
fn records(bytes: &[u8]) -> Vec<csv::ByteRecord> {
    // A line end before the first byte keeps the crate from taking a byte order mark away.
    let text = [b"\n", bytes].concat();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_slice());
    reader
        .byte_records()
        .map(|record| record.expect("memory does not fail"))
        .collect()
}

fn range(bytes: &[u8], cut: &Cut) -> Vec<u8> {
    let at = |byte: u64| usize::try_from(byte).expect("in memory");
    bytes[at(cut.start)..at(cut.end)].to_vec()
}

/// What every list of batches must be like.
fn check_cuts(bytes: &[u8], cuts: &[Cut], items: u64) {
    let mut end = 0;
    let mut first = 0;
    for (number, cut) in cuts.iter().enumerate() {
        assert_eq!((cut.number, cut.first, cut.start), (number as u64, first, end));
        assert!(cut.items > 0 && cut.items <= items);
        assert!(
            cut.items == items || number + 1 == cuts.len(),
            "only the last may be short"
        );
        let lines = bytes[..usize::try_from(cut.start).unwrap()]
            .split(|byte| *byte == b'\n')
            .count();
        assert_eq!(cut.line, lines as u64);
        first += cut.items;
        end = cut.end;
    }
    let left = &bytes[usize::try_from(end).unwrap()..];
    assert!(
        left.iter().all(|byte| b"\r\n".contains(byte)),
        "only line ends are left over"
    );
}

/// Batch by batch the csv crate reads what it reads from the whole.
fn check_csv(bytes: &[u8], cuts: &[Cut], items: u64) {
    check_cuts(bytes, cuts, items);
    let batches: Vec<_> = cuts.iter().map(|cut| records(&range(bytes, cut))).collect();
    for (cut, batch) in cuts.iter().zip(&batches) {
        assert_eq!(cut.items, batch.len() as u64);
    }
    assert_eq!(batches.concat(), records(bytes));
}

/// CSV-like bytes, dense in everything that could go wrong.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(b"\"".to_vec()),
        3 => Just(b",".to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        2 => Just(b"\"\"".to_vec()),
        2 => Just(b"a".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        1 => Just(vec![b'x'; 70]),
    ];
    prop::collection::vec(part, 0..400).prop_map(|parts| parts.concat())
}

/// Proper CSV whose cells may hold whole CSV files.
fn proper() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        Just(String::new()),
        "[a-z]{1,8}",
        "[a-zä€ ,\"\n\r]{0,40}",
        Just("id,url\r\n1,\"https://a/\"\"x\"\"\"\r\n2,\"b\nc\"\r\n".repeat(3)),
    ];
    let row = prop::collection::vec(cell, 3);
    prop::collection::vec(row, 0..60).prop_map(|rows| {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(&row).expect("memory does not fail");
        }
        writer.into_inner().expect("memory does not fail")
    })
}

fn repeated(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes
        .iter()
        .copied()
        .cycle()
        .take(if bytes.is_empty() { 0 } else { length })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn wild_bytes_split_as_the_csv_crate_reads_them(bytes in wild(), items in 1_u64..9) {
        let cuts = split_with(Layout::Csv, &bytes, items, usize::MAX, usize::MAX, OnSplitError::Keep).unwrap();
        check_csv(&bytes, &cuts, items);
    }

    #[test]
    fn proper_csv_splits_as_the_csv_crate_reads_it(bytes in proper(), items in 1_u64..9) {
        let cuts = whole(Layout::Csv, &bytes, items).unwrap();
        check_csv(&bytes, &cuts, items);
    }

    #[test]
    fn items_are_what_the_csv_crate_reads(bytes in proper(), items in 1_u64..9) {
        let cuts = whole(Layout::Csv, &bytes, items).unwrap();
        let expected: Vec<_> = records(&bytes).iter().map(|record| {
            let cell = String::from_utf8(record.get(0).unwrap().to_vec()).unwrap();
            if cell.trim().is_empty() { Err("EmptyCell".to_owned()) } else { Ok(cell) }
        }).collect();
        let found: Vec<_> = cuts.iter().flat_map(|cut| decode(Layout::Csv, &bytes, cut)).map(|item| match (item.subject, item.malformed) {
            (manifest::Subject::Url { url }, None) => Ok(url),
            (_, Some(malformed)) => Err(malformed.error),
            (other, None) => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn windows_leave_no_trace(bytes in wild(), items in 1_u64..9, window in 1_usize..200, piece in 1_usize..90) {
        for layout in [Layout::Csv, Layout::UrlList, Layout::JsonArray] {
            let once = whole(layout, &bytes, items);
            prop_assert_eq!(split(layout, &bytes, items, window, piece), once);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Long enough for several blocks of 64 KiB.
    #[test]
    fn blocks_leave_no_trace(bytes in wild(), length in 100_000_usize..300_000, items in 1_u64..2_000, piece in 40_000_usize..90_000) {
        let bytes = repeated(&bytes, length);
        let cuts = split_with(Layout::Csv, &bytes, items, usize::MAX, usize::MAX, OnSplitError::Keep).unwrap();
        check_csv(&bytes, &cuts, items);
        let pieces = split_with(Layout::Csv, &bytes, items, 150_000, piece, OnSplitError::Keep).unwrap();
        prop_assert_eq!(pieces, cuts);
    }

    #[test]
    fn long_proper_csv_splits_as_the_csv_crate_reads_it(bytes in proper(), times in 1_usize..200, items in 1_u64..2_000) {
        let bytes = bytes.repeat(times);
        let cuts = whole(Layout::Csv, &bytes, items).unwrap();
        check_csv(&bytes, &cuts, items);
    }
}

fn fault(layout: Layout, bytes: &[u8]) -> Vec<SplitError> {
    let faults = [1, 2, 3, 7, 64, 1_000_000].map(|window| split(layout, bytes, 2, window, window).unwrap_err());
    assert!(faults.iter().all(|fault| fault == &faults[0]), "{faults:?}");
    vec![faults[0]]
}

fn told(kind: SplitErrorKind, record: u64, line: u64, byte: u64) -> Vec<SplitError> {
    let position = SourcePosition { record, line, byte };
    vec![SplitError { kind, position }]
}

#[test]
fn an_unclosed_quote_is_told_with_its_record() {
    let text = b"a,b\r\n\"c\nd\",e\n\n1,\"open\nf,g\n";
    assert_eq!(fault(Layout::Csv, text), told(SplitErrorKind::UnclosedQuote, 3, 5, 14));
}

#[test]
fn a_record_begins_behind_a_lone_carriage_return() {
    assert_eq!(
        fault(Layout::Csv, b"a\n\r\"b"),
        told(SplitErrorKind::UnclosedQuote, 2, 2, 3)
    );
}

#[test]
fn invalid_utf8_is_told_with_its_byte() {
    let text = b"a,\xc3\xa4\n\"\n\n\",b\xe2\x82\nc,d\n";
    assert_eq!(fault(Layout::Csv, text), told(SplitErrorKind::InvalidUtf8, 2, 4, 11));
    assert_eq!(
        fault(Layout::UrlList, b"# \n\nhttps://a/\xff"),
        told(SplitErrorKind::InvalidUtf8, 1, 3, 14)
    );
    assert_eq!(
        fault(Layout::Csv, b"a\nb\xf0\x9f"),
        told(SplitErrorKind::InvalidUtf8, 2, 2, 3)
    );
}

#[test]
fn invalid_utf8_is_found_wherever_a_block_ends() {
    for before in 65_530..65_540 {
        let good = ["x".repeat(before), "\u{1f980}\n".repeat(3)].concat();
        assert!(whole(Layout::Csv, good.as_bytes(), 1).is_ok());
        let mut bad = good.into_bytes();
        bad[before + 2] = b'x';
        let fault = whole(Layout::Csv, &bad, 1).unwrap_err();
        assert_eq!(fault.position.byte, before as u64, "{fault:?}");
        let stray = ["x".repeat(before).as_bytes(), b"\x80\n"].concat();
        assert_eq!(whole(Layout::Csv, &stray, 1).unwrap_err().position.byte, before as u64);
    }
}

#[test]
fn an_array_must_end_and_nothing_may_follow_it() {
    assert_eq!(
        fault(Layout::JsonArray, b"1,\n2"),
        told(SplitErrorKind::UnclosedArray, 2, 2, 3)
    );
    assert_eq!(
        fault(Layout::JsonArray, b"1]\n ]"),
        told(SplitErrorKind::TextAfterArray, 2, 2, 4)
    );
}

#[test]
fn array_batches_hold_whole_elements() {
    let text = br#" {"a":[1,2]}, "x,]", 3 ] "#;
    let cuts = whole(Layout::JsonArray, text, 2).unwrap();
    let ranges: Vec<_> = cuts
        .iter()
        .map(|cut| String::from_utf8(range(text, cut)).unwrap())
        .collect();
    assert_eq!(ranges, [r#" {"a":[1,2]}, "x,]","#, " 3 "]);
    assert!(whole(Layout::JsonArray, b" ]\n", 2).unwrap().is_empty());
}

#[test]
fn lines_without_a_record_are_not_counted() {
    let text = b"\n# a\nu\n \t\n  v\r\nw";
    let cuts = whole(Layout::UrlList, text, 2).unwrap();
    let told: Vec<_> = cuts
        .iter()
        .map(|cut| (cut.items, cut.start, cut.end, cut.line))
        .collect();
    assert_eq!(told, [(2, 0, 15, 1), (1, 15, 16, 6)]);
    let cuts = whole(Layout::JsonLines, b"# a\n\n1", 9).unwrap();
    assert_eq!(cuts[0].items, 2);
}

#[test]
fn empty_and_blank_manifests_have_no_batch() {
    for text in ["", "\n", "\r\n\r\n", "\r"] {
        assert!(whole(Layout::Csv, text.as_bytes(), 5).unwrap().is_empty(), "{text:?}");
    }
}

#[test]
fn a_batch_closes_when_its_bytes_are_many() {
    let record = [vec![b'x'; 3_000_000], b",\"\n\"\n".to_vec()].concat();
    let text = record.repeat(7);
    let cuts = whole(Layout::Csv, &text, 100).unwrap();
    let items: Vec<_> = cuts.iter().map(|cut| cut.items).collect();
    assert_eq!(items, [3, 3, 1]);
    assert_eq!(cuts[1].start, 3 * record.len() as u64);
}

#[test]
fn a_record_over_the_limit_is_cut_off_and_fails_alone() {
    let limit = usize::try_from(manifest::limits::RECORD_BYTES_MAX).unwrap();
    let text = [b"a\n\"".to_vec(), vec![b'\n'; limit + 10], b"\"\nb\n".to_vec()].concat();
    for (layout, long) in [
        (Layout::Csv, text.clone()),
        (
            Layout::UrlList,
            [b"a\n".to_vec(), vec![b'x'; limit + 10], b"\nb\n".to_vec()].concat(),
        ),
    ] {
        let cuts = whole(layout, &long, 5).unwrap();
        let told: Vec<_> = cuts.iter().map(|cut| (cut.items, cut.start, cut.end)).collect();
        let total = long.len() as u64;
        assert_eq!(told, [(2, 0, limit as u64 + 3), (1, total - 2, total)]);
        let names: Vec<_> = decoded(layout, &long, &cuts);
        assert_eq!(names, [None, Some("RecordTooLong".to_owned()), None], "{layout:?}");
    }
}

fn decoded(layout: Layout, bytes: &[u8], cuts: &[Cut]) -> Vec<Option<String>> {
    let items = cuts.iter().flat_map(|cut| decode(layout, bytes, cut));
    items
        .map(|item| item.malformed.map(|malformed| malformed.error))
        .collect()
}

fn decode(layout: Layout, bytes: &[u8], cut: &Cut) -> Vec<manifest::Item> {
    let batch = manifest::Batch {
        number: cut.number,
        first: cut.first,
        items: cut.items,
        body: manifest::Body::Range {
            source: manifest::Source {
                bucket: "b".into(),
                key: "k".into(),
                etag: None,
                version: None,
                format: format(layout),
            },
            start: cut.start,
            end: cut.end,
            line: cut.line,
        },
    };
    let range = range(bytes, cut);
    let items: Vec<_> = manifest::decode(&batch, &range).collect();
    assert_eq!(items.len() as u64, cut.items);
    items
}

#[test]
fn kept_faults_become_items() {
    let text = b"a\n\xff\nb\n\"open\nc\n";
    let cuts = split_with(Layout::Csv, text, 2, 5, 5, OnSplitError::Keep).unwrap();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        decoded(Layout::Csv, text, &cuts),
        [None, name("InvalidUtf8"), None, name("UnclosedQuote")]
    );
}
