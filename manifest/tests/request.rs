//! The shapes of a request: what is written is what is read, and what is misspelt is refused.
#![cfg(test)]

use manifest::request::{
    Batched, ColumnNames, FormatName, HeaderSource, InlineBody, Manifest, ManifestObject, ObjectRef, OnFailure,
    Request, Tolerate, Tolerated,
};
use manifest::work::{Copy, Destination, Download, Work};
use manifest::{BatchInput, Checksum, Compression, Delimiter, Layout, Quote, Task};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 /{}\"\\\\é\u{0}-]{0,12}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..4)
}

/// A percentage that a binary fraction holds.
fn percentage() -> impl Strategy<Value = f64> {
    (0_u16..=400).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn format() -> impl Strategy<Value = FormatName> {
    select(vec![
        FormatName::Auto,
        FormatName::Inline,
        FormatName::Records(Layout::UrlList),
        FormatName::Records(Layout::Csv),
        FormatName::Records(Layout::JsonLines),
        FormatName::Records(Layout::JsonArray),
        FormatName::Records(Layout::Remaining),
    ])
}

fn header() -> impl Strategy<Value = HeaderSource> {
    of(texts()).prop_map(|names| names.map_or(HeaderSource::FirstRow, HeaderSource::Names))
}

fn columns() -> impl Strategy<Value = ColumnNames> {
    (text(), text(), of(text())).prop_map(|(bucket, key, version_id)| ColumnNames {
        bucket,
        key,
        version_id,
    })
}

fn object() -> impl Strategy<Value = ManifestObject> {
    let delimiters = [
        Delimiter::Comma,
        Delimiter::Pipe,
        Delimiter::Semicolon,
        Delimiter::Space,
        Delimiter::Tab,
    ];
    let compressions = [Compression::None, Compression::Gzip, Compression::Zstd];
    let reading = (
        format(),
        of(select(compressions.to_vec())),
        (
            of(select(delimiters.to_vec())),
            of(select(vec![Quote::Double, Quote::None])),
        ),
        header(),
    );
    let items = (text(), of(columns()), of(text()), any::<bool>());
    (text(), text(), of(text()), reading, items).prop_map(|(bucket, key, version_id, reading, items)| {
        let (format, compression, (delimiter, quote), header) = reading;
        let (column, columns, base_url, url_encoded_keys) = items;
        ManifestObject {
            bucket,
            key,
            version_id,
            format,
            compression,
            delimiter,
            quote,
            header,
            column,
            columns,
            base_url,
            url_encoded_keys,
        }
    })
}

fn body() -> impl Strategy<Value = InlineBody> {
    (text(), texts(), of(any::<u32>())).prop_map(|(base_url, resource_paths, lambda_concur)| InlineBody {
        base_url,
        resource_paths,
        lambda_concur,
    })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    prop_oneof![
        object().prop_map(|object| Manifest::Object(Box::new(object))),
        body().prop_map(Manifest::Inline),
    ]
}

fn destination() -> impl Strategy<Value = Destination> {
    (text(), text()).prop_map(|(bucket, prefix)| Destination { bucket, prefix })
}

fn download() -> impl Strategy<Value = Work> {
    let checksum = of(select(vec![Checksum::Md5, Checksum::Sha256]));
    let limits = (of(any::<u64>()), of(any::<u32>()));
    (destination(), any::<u32>(), text(), checksum, limits, of(text())).prop_map(
        |(destination, lambda_concur, name, checksum, (max_object_bytes, attempts), names_of)| {
            Work::Download(Download {
                destination,
                lambda_concur,
                name,
                checksum,
                max_object_bytes,
                attempts,
                names_of,
            })
        },
    )
}

fn copy() -> impl Strategy<Value = Work> {
    (
        prop::collection::vec(destination(), 0..3),
        any::<u32>(),
        text(),
        of(text()),
    )
        .prop_map(|(destinations, lambda_concur, name, names_of)| {
            Work::Copy(Copy {
                destinations,
                lambda_concur,
                name,
                names_of,
            })
        })
}

fn tolerate() -> impl Strategy<Value = Tolerate> {
    (of(any::<u64>()), of(percentage())).prop_map(|(count, percentage)| Tolerate { count, percentage })
}

fn on_failure() -> impl Strategy<Value = OnFailure> {
    select(vec![OnFailure::Fail, OnFailure::Succeed])
}

fn request() -> impl Strategy<Value = Request> {
    let numbers = (of(any::<u64>()), of(any::<u32>()), of(any::<u32>()), of(any::<u64>()));
    let failures = (tolerate(), on_failure(), any::<bool>(), any::<bool>());
    (manifest(), prop_oneof![download(), copy()], numbers, failures).prop_map(|(manifest, work, numbers, failures)| {
        let (batch_items, max_concurrency, max_rounds, max_expanded_bytes) = numbers;
        let (tolerate, on_failure, skip_malformed, strict) = failures;
        Request {
            manifest,
            work,
            batch_items,
            max_concurrency,
            max_rounds,
            tolerate,
            on_failure,
            skip_malformed,
            strict,
            max_expanded_bytes,
        }
    })
}

fn task() -> impl Strategy<Value = Task> {
    (texts(), text(), any::<u32>()).prop_map(|(resource_paths, base_url, lambda_concur)| Task {
        resource_paths,
        batch_input: BatchInput {
            base_url,
            lambda_concur,
        },
    })
}

fn batched() -> impl Strategy<Value = Batched> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
    let tasks = of(prop::collection::vec(task(), 0..3));
    let tolerated = (any::<u64>(), percentage());
    (numbers, (text(), text()), tolerated, on_failure(), tasks).prop_map(
        |((batches, items, max_concurrency, last_round), (bucket, key), (count, percentage), on_failure, tasks)| {
            Batched {
                batches,
                items,
                batch_list: ObjectRef { bucket, key },
                max_concurrency,
                last_round,
                tolerate: Tolerated { count, percentage },
                on_failure,
                suspicious_field: None,
                tasks,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_request_that_was_written_is_the_one_that_is_read(request in request()) {
        let text = serde_json::to_string(&request).unwrap();
        let read: Request = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &request);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn an_answer_that_was_written_is_the_one_that_is_read(batched in batched()) {
        let text = serde_json::to_string(&batched).unwrap();
        prop_assert_eq!(serde_json::from_str::<Batched>(&text).unwrap(), batched);
    }
}

fn fault(manifest: &str) -> String {
    serde_json::from_str::<ManifestObject>(manifest)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_misspelt_name_is_refused_with_those_that_there_are() {
    let format = fault(r#"{"bucket":"b","key":"k","format":"cvs"}"#);
    assert!(format.contains("`jsonLines`"), "{format}");
    let compression = fault(r#"{"bucket":"b","key":"k","compression":"gz"}"#);
    assert!(compression.contains("`gzip`"), "{compression}");
    let header = fault(r#"{"bucket":"b","key":"k","header":"first"}"#);
    assert!(header.contains("`firstRow`"), "{header}");
}

/// `Begin` of the machine hands on members that the input does not have as null.
#[test]
fn a_member_that_is_null_is_absent() {
    let text =
        r#"{"bucket":"b","key":"k","format":null,"compression":null,"header":null,"column":null,"delimiter":null}"#;
    let manifest: ManifestObject = serde_json::from_str(text).unwrap();
    assert_eq!(manifest, ManifestObject::new("b", "k"));
}
