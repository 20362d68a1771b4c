//! What each kind of record becomes, good or bad.
#![cfg(test)]

use manifest::{
    Batch, BatchInput, Body, Columns, Delimiter, Format, Item, Layout, Quote, Source, SourcePosition, Subject, Task,
};

fn format(layout: Layout) -> Format {
    Format {
        layout,
        delimiter: Delimiter::Comma,
        quote: Quote::Double,
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

fn csv(fields: usize, position: usize) -> Format {
    Format {
        fields: Some(fields),
        columns: Columns::Url {
            name: "url".into(),
            position,
        },
        ..format(Layout::Csv)
    }
}

fn copies(layout: Layout) -> Format {
    Format {
        columns: Columns::Object {
            bucket: 0,
            key: 1,
            version: Some(2),
        },
        ..format(layout)
    }
}

fn batch(format: Format, start: u64, line: u64, first: u64) -> Batch {
    Batch {
        number: 0,
        first,
        items: 0,
        body: Body::Range {
            source: Source {
                bucket: "b".into(),
                key: "k".into(),
                etag: None,
                version: None,
                format,
            },
            start,
            end: 0,
            line,
        },
    }
}

fn items(format: Format, bytes: &[u8]) -> Vec<Item> {
    manifest::decode(&batch(format, 0, 1, 0), bytes).collect()
}

/// Each item's URL, or the name of what is wrong with it.
fn told(items: &[Item]) -> Vec<String> {
    let tell = |item: &Item| match (&item.malformed, &item.subject) {
        (Some(malformed), Subject::Record { .. }) => malformed.error.clone(),
        (None, Subject::Url { url }) => url.clone(),
        (None, Subject::Object { bucket, key, version }) => format!("{bucket} {key} {version:?}"),
        other => panic!("{other:?}"),
    };
    items.iter().map(tell).collect()
}

#[test]
fn csv_cells_are_read_as_rfc_4180_says() {
    let text = b"1,https://a/1\r\n\r\n2,\"https://a/\"\"2\"\"\"\n\"3\nx\",https://a/3";
    let found = items(csv(2, 1), text);
    assert_eq!(told(&found), ["https://a/1", "https://a/\"2\"", "https://a/3"]);
}

#[test]
fn a_lone_carriage_return_ends_a_record_as_in_the_csv_crate() {
    assert_eq!(told(&items(csv(1, 0), b"a\rb\r\rc\r")), ["a", "b", "c"]);
}

#[test]
fn each_bad_csv_record_has_its_name_and_the_others_live() {
    let cases: [(&[u8], &str); 6] = [
        (b"1\n", "WrongFieldCount"),
        (b"1,\n", "EmptyCell"),
        (b"1,\" \"\n", "EmptyCell"),
        (b"x,5\" disk\n", "BareQuote"),
        (b"x,\"5\" disk\n", "BareQuote"),
        (b"1,\xff\n", "InvalidUtf8"),
    ];
    for (record, name) in cases {
        let text = [b"0,before\n", record, b"0,after\n"].concat();
        assert_eq!(told(&items(csv(2, 1), &text)), ["before", name, "after"], "{record:?}");
    }
    assert_eq!(
        told(&items(csv(2, 1), b"0,before\n1,\"open\n0,after\n")),
        ["before", "UnclosedQuote"]
    );
}

/// As Distributed Map reads them: more fields than the header has are skipped, missing ones are empty.
#[test]
fn more_or_fewer_fields_than_the_header_are_a_note() {
    let found = items(csv(2, 0), b"https://a/1,x\nhttps://a/2,x,y,\nhttps://a/3\n");
    assert_eq!(told(&found), ["https://a/1", "https://a/2", "https://a/3"]);
    let notes: Vec<_> = found
        .iter()
        .map(|item| {
            item.note
                .as_ref()
                .map(|note| (note.name.as_str(), note.message.as_str()))
        })
        .collect();
    let note = |message| Some(("WrongFieldCount", message));
    assert_eq!(
        notes,
        [
            None,
            note("expected 2 fields as in the header, found 4"),
            note("expected 2 fields as in the header, found 1")
        ]
    );
}

#[test]
fn a_bare_quote_where_nobody_reads_is_text() {
    let text = b"5\" disk,https://a/1\n\"5\" disk,https://a/2\nplain,https://a/3\n";
    let found = items(csv(2, 1), text);
    assert_eq!(told(&found), ["https://a/1", "https://a/2", "https://a/3"]);
}

#[test]
fn without_quoting_every_line_is_a_record() {
    let unquoted = Format {
        delimiter: Delimiter::Tab,
        quote: Quote::None,
        ..csv(2, 1)
    };
    let text = b"\"To be\thttps://a/1\nor not\"\thttps://a/2\r\n\rx\t\"https://a/3\"\r\t\n";
    let found = items(unquoted, text);
    assert_eq!(
        told(&found),
        ["https://a/1", "https://a/2", "\"https://a/3\"", "EmptyCell"]
    );
    let lines: Vec<_> = found.iter().map(|item| item.position.line).collect();
    assert_eq!(lines, [1, 2, 4, 5]);
}

#[test]
fn a_url_list_may_end_its_lines_with_carriage_returns() {
    let found = items(
        format(Layout::UrlList),
        b"https://a/1\r# no\r\rhttps://a/2\r\nhttps://a/3\r",
    );
    assert_eq!(told(&found), ["https://a/1", "https://a/2", "https://a/3"]);
    let lines: Vec<_> = found.iter().map(|item| item.position.line).collect();
    assert_eq!(lines, [1, 4, 5]);
}

#[test]
fn every_delimiter_separates() {
    let pairs = [
        (Delimiter::Comma, ","),
        (Delimiter::Pipe, "|"),
        (Delimiter::Semicolon, ";"),
        (Delimiter::Space, " "),
        (Delimiter::Tab, "\t"),
    ];
    for (delimiter, text) in pairs {
        let format = Format { delimiter, ..csv(2, 1) };
        assert_eq!(
            told(&items(format, format!("1{text}\"u{text}v\"\n").as_bytes())),
            [format!("u{text}v")]
        );
    }
}

#[test]
fn a_byte_order_mark_inside_a_manifest_is_text() {
    assert_eq!(told(&items(csv(1, 0), "\u{feff}a\n".as_bytes())), ["\u{feff}a"]);
}

#[test]
fn places_name_record_line_and_byte() {
    let first = batch(csv(2, 1), 100, 7, 40);
    let found: Vec<_> = manifest::decode(&first, b"1,a\n\r\n\"x\ny\",b\n3,c\n").collect();
    let places: Vec<_> = found.iter().map(|item| (item.index, item.position)).collect();
    let place = |record, line, byte| SourcePosition { record, line, byte };
    assert_eq!(
        places,
        [
            (40, place(41, 7, 100)),
            (41, place(42, 9, 106)),
            (42, place(43, 11, 114))
        ]
    );
}

#[test]
fn url_lists_skip_blank_lines_and_comments() {
    let text = b"# all\nhttps://a/1\r\n\n  \t\n  https://a/2  \n\xff\nhttps://a/3";
    let found = items(format(Layout::UrlList), text);
    assert_eq!(
        told(&found),
        ["https://a/1", "https://a/2", "InvalidUtf8", "https://a/3"]
    );
    assert_eq!(
        found[1].position,
        SourcePosition {
            record: 2,
            line: 5,
            byte: 26
        }
    );
}

#[test]
fn json_lines_are_strings_or_objects() {
    let text = br#"
"https://a/1"
{"id":1,"url":"https://a/2"}

{"id":2}
{"url":7}
{"url":""}
[1]
{"url":
"https://a/3"#;
    assert_eq!(
        told(&items(format(Layout::JsonLines), text)),
        [
            "https://a/1",
            "https://a/2",
            "MissingMember",
            "MissingMember",
            "EmptyCell",
            "MissingMember",
            "InvalidJson",
            "InvalidJson"
        ]
    );
}

#[test]
fn json_array_elements_may_span_lines_and_hold_commas() {
    let text = br#" "https://a/1,2" ,
 { "url": "https://a/\"]3", "tags": [1, {"a": 2}] },, tru, "https://a/4""#;
    let found = items(format(Layout::JsonArray), text);
    assert_eq!(
        told(&found),
        [
            "https://a/1,2",
            "https://a/\"]3",
            "InvalidJson",
            "InvalidJson",
            "https://a/4"
        ]
    );
    assert_eq!(
        found[1].position,
        SourcePosition {
            record: 2,
            line: 2,
            byte: 20
        }
    );
    assert!(items(format(Layout::JsonArray), b" \n").is_empty());
}

#[test]
fn objects_to_copy_keep_their_keys_as_they_stand() {
    let text = b"photos,a%20b+c.jpg,v1\nphotos,\"x,y\",\n,k,\nphotos,,\n";
    assert_eq!(
        told(&items(copies(Layout::Csv), text)),
        [
            "photos a%20b+c.jpg Some(\"v1\")",
            "photos x,y None",
            "EmptyCell",
            "EmptyCell"
        ]
    );
    let text = br#"{"bucket":"b","key":"k","versionId":null}
{"bucket":"b","key":"k","versionId":"7"}
"s3://b/x//y"
{"bucket":"b"}"#;
    assert_eq!(
        told(&items(copies(Layout::JsonLines), text)),
        ["b k None", "b k Some(\"7\")", "b x//y None", "MissingMember"]
    );
}

#[test]
fn only_relative_urls_are_joined_to_the_base() {
    let based = Format {
        base_url: Some("https://a/b".into()),
        ..format(Layout::UrlList)
    };
    let text = b"x/y.gif\n/z\nhttp://c/d\nx?to=http://c\nftp://c/d\n//c/d\n?q\ndata:,x\n../x";
    assert_eq!(
        told(&items(based, text)),
        [
            "https://a/b/x/y.gif",
            "https://a/z",
            "http://c/d",
            "https://a/b/x?to=http://c",
            "ftp://c/d",
            "https://c/d",
            "https://a/b/?q",
            "data:,x",
            "https://a/b/../x"
        ]
    );
}

#[test]
fn remaining_items_keep_index_destination_and_place() {
    let text = br#"{"index":9,"url":"https://a/9"}
{"index":3,"bucket":"b","key":"k","destination":"s3://d/k"}
{"index":4,"record":"1,2,3","position":{"record":5,"line":6,"byte":70},"malformed":{"error":"WrongFieldCount","message":"m"}}
{"index":5,"record":"?"}
{"url":"https://a/1"}
"#;
    let found = items(format(Layout::Remaining), text);
    let told: Vec<_> = found
        .iter()
        .map(|item| {
            (
                item.index,
                item.destination.as_deref(),
                item.malformed.as_ref().map(|bad| bad.error.as_str()),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (9, None, None),
            (3, Some("s3://d/k"), None),
            (4, None, Some("WrongFieldCount")),
            (5, None, Some("InvalidRecord")),
            (4, None, Some("InvalidJson"))
        ]
    );
    assert_eq!(
        found[2].position,
        SourcePosition {
            record: 5,
            line: 6,
            byte: 70
        }
    );
}

#[test]
fn inline_paths_are_joined_as_image_download_does() {
    let batch = Batch {
        number: 1,
        first: 5,
        items: 2,
        body: Body::Inline(Task {
            resource_paths: vec!["in/in.gif".into(), " ".into()],
            batch_input: BatchInput {
                base_url: "https://a/flags".into(),
                lambda_concur: 2,
            },
        }),
    };
    let found: Vec<_> = manifest::decode(&batch, b"").collect();
    assert_eq!(
        found[0].subject,
        Subject::Url {
            url: "https://a/flags/in/in.gif".into()
        }
    );
    assert_eq!((found[0].index, found[1].index), (5, 6));
    assert!(found[1].malformed.is_some());
}

#[test]
fn a_bad_record_is_shown_short_and_printable() {
    let text = [b"a,\x07", [b'x'; 500].as_slice(), b"\"b\n"].concat();
    let found = items(csv(2, 1), &text);
    let Subject::Record { record } = &found[0].subject else {
        panic!("{found:?}")
    };
    assert!(record.starts_with("a,\u{fffd}xxx"));
    assert_eq!(record.chars().count(), 200);
}
