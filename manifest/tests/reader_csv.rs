//! Rows as Step Functions reads them: by hand from its page, by AWS's recordings, against the csv crate.
#![cfg(test)]

use manifest::Delimiter;
use manifest::reader::{BadRecord, CsvHeader, CsvRows, Step};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Decodes bytes that come in pieces of this many.
fn rows(names: &[&str], delimiter: Delimiter, bytes: &[u8], piece: usize) -> Result<Vec<Value>, BadRecord> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let order: Vec<usize> = (0..names.len()).collect();
    let mut rows = CsvRows::new(&names, &order, delimiter);
    let (mut from, mut to, mut found) = (0, 0, Vec::new());
    loop {
        match rows.next(&bytes[from..to], to == bytes.len())? {
            Step::Item { item, passed } => {
                found.push(serde_json::from_str(&item).unwrap());
                from += passed;
            }
            Step::More { passed } => {
                assert!(to < bytes.len(), "nothing more is to come");
                from += passed;
                to = bytes.len().min(to + piece);
            }
            Step::End => return Ok(found),
        }
    }
}

fn cells(text: &str, delimiter: Delimiter) -> Vec<Vec<String>> {
    let names = ["0", "1", "2"];
    let rows = rows(&names, delimiter, text.as_bytes(), 1_000).unwrap();
    let cell = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| names.iter().map(|name| cell(row, name)).collect())
        .collect()
}

#[test]
fn fields_are_unquoted_as_the_page_says() {
    for (text, expected) in [
        ("a,b,c\n", [["a", "b", "c"]].as_slice()),
        ("a,b\nc\n", &[["a", "b", ""], ["c", "", ""]]),
        ("a,b,c,d,e\n", &[["a", "b", "c"]]),
        (",,,\n", &[["", "", ""]]),
        ("   \n", &[["   ", "", ""]]),
        ("\n\r\na,b,c\n\n\n", &[["a", "b", "c"]]),
        (
            "a,b,c\r\nd,e,f\rg,h,i",
            &[["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]],
        ),
        ("\"a,b\",\"c\nd\",\"e\"\"f\"\n", &[["a,b", "c\nd", "e\"f"]]),
        // From the page's own example: doubled quotes outside quotes.
        (
            "{\"\"MyKey\"\":\"\"MyValue\"\"},b,c\n",
            &[["{\"MyKey\":\"MyValue\"}", "b", "c"]],
        ),
        (
            "C:\\\\Program Files\\\\MyApp.exe,6534512,c\n",
            &[["C:\\Program Files\\MyApp.exe", "6534512", "c"]],
        ),
        ("a\\,b,\\\"c\\\",d\\e\n", &[["a,b", "\"c\"", "de"]]),
        ("\"a\\\"b\",\"c\\\\\",\"d\\,e\"\n", &[["a\"b", "c\\", "d,e"]]),
        ("a\\\nb,c,d\n", &[["a", "", ""], ["b", "c", "d"]]),
        ("'a,b',c\n", &[["'a", "b'", "c"]]),
        ("a\"b,c,d\n", &[["a\"b", "c", "d"]]),
        ("\"a\"b,\"\",c\n", &[["ab", "", "c"]]),
        ("\"\",\"\"\"\",x\n", &[["", "\"", "x"]]),
        ("a\tb,c\u{1}d,é\n", &[["a\tb", "c\u{1}d", "é"]]),
    ] {
        assert_eq!(cells(text, Delimiter::Comma), expected, "{text:?}");
    }
}

#[test]
fn each_delimiter_separates_and_can_be_escaped() {
    for (delimiter, sign) in [
        (Delimiter::Comma, ','),
        (Delimiter::Pipe, '|'),
        (Delimiter::Semicolon, ';'),
        (Delimiter::Space, ' '),
        (Delimiter::Tab, '\t'),
    ] {
        let text = format!("a{sign}\"b{sign}c\"{sign}d\\{sign}e\n");
        let expected = ["a".to_owned(), format!("b{sign}c"), format!("d{sign}e")];
        assert_eq!(cells(&text, delimiter), [expected], "{sign:?}");
    }
}

#[test]
fn members_stand_in_the_order_asked_for() {
    let names = ["a".to_owned(), "b".to_owned(), "\"q\"".to_owned()];
    let mut rows = CsvRows::new(&names, &[2, 0, 1], Delimiter::Comma);
    let step = rows.next(b"1,\"2\n\",3\n", true).unwrap();
    let item = r#"{"\"q\"":"3","a":"1","b":"2\n"}"#.to_owned();
    assert_eq!(step, Step::Item { item, passed: 9 });
}

#[test]
fn a_header_is_a_row() {
    let read = |text: &str, complete| CsvHeader::read(text.as_bytes(), complete, Delimiter::Comma).unwrap();
    let names = |names: &[&str]| CsvHeader {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    for (text, complete, expected, passed) in [
        ("H1,\na,b", false, names(&["H1", ""]), 4),
        ("\n\"a\nb\",c\r\nx", false, names(&["a\nb", "c"]), 10),
        ("a", true, names(&["a"]), 1),
    ] {
        assert_eq!(read(text, complete), Step::Item { item: expected, passed }, "{text:?}");
    }
    assert_eq!(read("", true), Step::End);
    assert_eq!(read("a,b", false), Step::More { passed: 0 });
    assert_eq!(read("a,b\r", false), Step::More { passed: 0 });
}

#[test]
fn what_cannot_be_read_says_where() {
    let bad = |bytes: &[u8]| rows(&["a", "b"], Delimiter::Comma, bytes, 1_000).unwrap_err();
    assert_eq!(bad(b"\na,\xff\n").at, 3);
    assert_eq!(bad(b"a,\"b\nc").at, 2);
    assert!(bad(b"a,\"b\nc").message.contains("closing quote"));
}

/// What the csv crate makes of it.
fn model(names: &[&str], bytes: &[u8]) -> Vec<Value> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let row = |record: csv::StringRecord| {
        let cell = |at: usize| json!(record.get(at).unwrap_or_default());
        Value::Object(
            names
                .iter()
                .enumerate()
                .map(|(at, name)| ((*name).to_owned(), cell(at)))
                .collect::<Map<_, _>>(),
        )
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// A field that both read alike: no backslash, and quotes only around it.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z é\t]{0,6}",
        "([a-z,é\n\r]|\"\"){0,6}".prop_map(|inside| format!("\"{inside}\"")),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let row = prop::collection::vec(field(), 1..5).prop_map(|fields| fields.join(","));
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")];
    prop::collection::vec((row, end), 0..6)
        .prop_map(|rows| rows.into_iter().flat_map(|(row, end)| [row, end.to_owned()]).collect())
}

proptest! {
    #[test]
    fn rows_are_those_of_the_csv_crate_in_any_pieces(text in file(), piece in 1_usize..20) {
        let names = ["a", "b", "c"];
        let rows = rows(&names, Delimiter::Comma, text.as_bytes(), piece).unwrap();
        // A byte order mark is no business of the rows: the csv crate drops it.
        prop_assert_eq!(rows, model(&names, text.as_bytes()));
    }

    #[test]
    fn hostile_bytes_give_the_same_in_any_pieces(
        bytes in prop::collection::vec(prop::sample::select(b"a,\"\\\n\r\t\xc3\xa9\xff \x00".to_vec()), 0..60),
        piece in 1_usize..10,
    ) {
        let whole = rows(&["a", "b"], Delimiter::Comma, &bytes, bytes.len().max(1));
        let pieces = rows(&["a", "b"], Delimiter::Comma, &bytes, piece);
        prop_assert_eq!(whole.map_err(|bad| bad.message), pieces.map_err(|bad| bad.message));
    }

    #[test]
    fn a_file_can_be_read_on_from_any_row(text in file()) {
        let names = ["a", "b", "c"].map(str::to_owned);
        let mut decoder = CsvRows::new(&names, &[0, 1, 2], Delimiter::Comma);
        let all = rows(&["a", "b", "c"], Delimiter::Comma, text.as_bytes(), 1_000).unwrap();
        let (mut from, mut count) = (0, 0);
        while let Step::Item { passed, .. } = decoder.next(&text.as_bytes()[from..], true).unwrap() {
            from += passed;
            count += 1;
            let rest = rows(&["a", "b", "c"], Delimiter::Comma, &text.as_bytes()[from..], 7).unwrap();
            prop_assert_eq!(&rest[..], &all[count..]);
        }
    }
}
