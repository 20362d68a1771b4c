//! Events in, answers and batch lists out, over a store in memory.
#![cfg(test)]

use std::io::Write;
use std::sync::Arc;

use batcher::{Config, Error, Event, Ports, Response};
use manifest::{Batch, Body, Item, Subject};
use ports::{Timestamp, memory};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const LATER: Timestamp = Timestamp::from_millis(10_000_000);

struct World {
    store: Arc<memory::ObjectStore>,
    ports: Ports,
}

fn world(manifest: impl Into<bytes::Bytes>) -> World {
    let store = Arc::new(memory::ObjectStore::default());
    store.insert("m", "k", manifest);
    let clock = Arc::new(memory::Clock::at(NOW));
    let ports = Ports {
        store: Arc::clone(&store) as Arc<dyn ports::ObjectStore>,
        clock,
    };
    World { store, ports }
}

fn config() -> Config {
    Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap()
}

fn call(world: &World, event: Value, deadline: Timestamp) -> Result<Value, Error> {
    let event: Event = serde_json::from_value(event).unwrap();
    let answer = futures::executor::block_on(batcher::handle(event, &world.ports, &config(), deadline))?;
    Ok(serde_json::to_value(answer).unwrap())
}

/// The event of `manifest-map` about the world's one manifest.
fn event(manifest: &Value, request: &Value) -> Value {
    let mut object = json!({"bucket": "m", "key": "k"});
    let members = manifest.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(members);
    json!({"execution": "run-1", "round": 0, "manifest": object, "request": whole(request)})
}

/// A request with the members that every request has.
fn whole(request: &Value) -> Value {
    let mut whole = json!({
        "manifest": {"bucket": "m", "key": "k"},
        "work": {"action": "download", "destination": {"bucket": "images"}},
    });
    let members = request.as_object().unwrap().clone();
    whole.as_object_mut().unwrap().extend(members);
    whole
}

fn split(world: &World, manifest: &Value, request: &Value) -> Result<Value, Error> {
    call(world, event(manifest, request), LATER)
}

fn batches(world: &World) -> Vec<Batch> {
    let list = world
        .store
        .bytes("state", "runs/run-1/0/batches.jsonl")
        .expect("a batch list");
    let lines = list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Every item, as a processor would find it.
fn items(world: &World) -> Vec<Item> {
    let mut items = Vec::new();
    for batch in batches(world) {
        let bytes = match &batch.body {
            Body::Range { source, start, end, .. } => {
                let object = world.store.bytes(&source.bucket, &source.key).unwrap();
                object.slice(usize::try_from(*start).unwrap()..usize::try_from(*end).unwrap())
            }
            Body::Inline(_) => bytes::Bytes::new(),
        };
        let before = items.len();
        items.extend(manifest::decode(&batch, &bytes));
        assert_eq!((items.len() - before) as u64, batch.items);
    }
    items
}

fn urls(world: &World) -> Vec<String> {
    let url = |item: Item| match (item.subject, item.malformed) {
        (Subject::Url { url }, None) => url,
        (_, Some(malformed)) => malformed.error,
        (other, None) => format!("{other:?}"),
    };
    items(world).into_iter().map(url).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn rows(count: usize) -> String {
    let rows: Vec<_> = (0..count).map(|row| format!("{row},\"https://a/{row}\n\"\n")).collect();
    format!("id,url\n{}", rows.concat())
}

#[test]
fn the_answer_has_every_default_filled_in() {
    let world = world(rows(205));
    assert_eq!(
        split(&world, &json!({"format": "csv"}), &json!({})).unwrap(),
        json!({
            "batches": 3, "items": 205,
            "batchList": {"bucket": "state", "key": "runs/run-1/0/batches.jsonl"},
            "maxConcurrency": 8, "lastRound": 4,
            "tolerate": {"count": 0, "percentage": 0.0}, "onFailure": "FAIL",
        })
    );
    let sizes: Vec<_> = batches(&world).iter().map(|batch| batch.items).collect();
    assert_eq!(sizes, [100, 100, 5]);
}

#[test]
fn the_request_is_handed_on() {
    let request = json!({"batchItems": 10, "maxConcurrency": 2, "maxRounds": 1, "tolerate": {"percentage": 5}, "onFailure": "SUCCEED", "work": {"action": "download", "destination": {"bucket": "images"}, "lambdaConcur": 3}});
    let answer = split(&world(rows(11)), &json!({}), &request).unwrap();
    assert_eq!(
        answer,
        json!({
            "batches": 2, "items": 11,
            "batchList": {"bucket": "state", "key": "runs/run-1/0/batches.jsonl"},
            "maxConcurrency": 2, "lastRound": 0,
            "tolerate": {"count": 9_007_199_254_740_991_u64, "percentage": 5.0}, "onFailure": "SUCCEED",
        })
    );
}

#[test]
fn every_format_gives_its_items() {
    let json_object = json!({"baseUrl": "https://a", "resourcePaths": ["1", "2", "3"]}).to_string();
    let cases = [
        ("https://a/1\n# no\nhttps://a/2\nhttps://a/3", json!({})),
        (
            "id;url\n1;https://a/1\n2;https://a/2\n3;https://a/3\n",
            json!({"delimiter": "SEMICOLON"}),
        ),
        (
            "https://a/1,x\nhttps://a/2,y\nhttps://a/3,z\n",
            json!({"header": ["url", "letter"]}),
        ),
        (
            "id,\"the url\"\n1,1\n2,2\n3,3",
            json!({"column": "the url", "baseUrl": "https://a"}),
        ),
        (
            "\u{feff}{\"u\":\"https://a/1\"}\n{\"u\":\"2\"}\n\"3\"",
            json!({"column": "u", "baseUrl": "https://a", "format": "jsonLines"}),
        ),
        (
            " [\"https://a/1\",\n{\"url\":\"https://a/2\"}, \"https://a/3\"]\n",
            json!({}),
        ),
        (json_object.as_str(), json!({})),
        (
            "{\"index\":8,\"url\":\"https://a/1\"}\n{\"index\":9,\"url\":\"https://a/2\"}\n{\"index\":2,\"url\":\"https://a/3\"}\n",
            json!({"format": "remaining"}),
        ),
    ];
    for (text, manifest) in cases {
        for packed in [
            text.as_bytes().to_vec(),
            gzip(text.as_bytes()),
            zstd::encode_all(text.as_bytes(), 1).unwrap(),
        ] {
            let world = world(packed);
            let answer = split(&world, &manifest, &json!({"batchItems": 2})).unwrap();
            assert_eq!((&answer["batches"], &answer["items"]), (&json!(2), &json!(3)), "{text}");
            assert_eq!(urls(&world), ["https://a/1", "https://a/2", "https://a/3"], "{text}");
        }
    }
}

#[test]
fn remaining_items_keep_their_first_index() {
    let world = world("{\"index\":8,\"url\":\"u\"}\n{\"index\":3,\"bucket\":\"b\",\"key\":\"k\"}\n");
    split(
        &world,
        &json!({"format": "remaining"}),
        &json!({"work": {"action": "copy", "destinations": []}}),
    )
    .unwrap();
    let indices: Vec<_> = items(&world).iter().map(|item| item.index).collect();
    assert_eq!(indices, [8, 3]);
}

#[test]
fn empty_and_header_only_manifests_have_no_batch() {
    for text in [
        "",
        "\n\n",
        "id,url",
        "id,url\r\n\r\n",
        "\u{feff}",
        "[]",
        " [ ]\n",
        "# nothing\n",
    ] {
        let world = world(text.to_owned());
        let answer = split(&world, &json!({}), &json!({})).unwrap();
        assert_eq!(
            (&answer["batches"], &answer["items"]),
            (&json!(0), &json!(0)),
            "{text:?}"
        );
        assert!(batches(&world).is_empty());
    }
}

#[test]
fn copies_read_their_columns() {
    let texts = [
        ("key,bucket,versionId\na%20b,photos,\nc,photos,7\n", json!({})),
        (
            "k,b,v\na%20b,photos,\nc,photos,7\n",
            json!({"columns": {"bucket": "b", "key": "k", "versionId": "v"}}),
        ),
        (
            "{\"bucket\":\"photos\",\"key\":\"a%20b\"}\n{\"bucket\":\"photos\",\"key\":\"c\",\"versionId\":\"7\"}\n",
            json!({}),
        ),
    ];
    for (text, manifest) in texts {
        let world = world(text);
        split(
            &world,
            &manifest,
            &json!({"work": {"action": "copy", "destinations": []}}),
        )
        .unwrap();
        let subjects: Vec<_> = items(&world).into_iter().map(|item| item.subject).collect();
        let object = |key: &str, version: Option<&str>| Subject::Object {
            bucket: "photos".into(),
            key: key.into(),
            version: version.map(str::to_owned),
        };
        assert_eq!(subjects, [object("a%20b", None), object("c", Some("7"))]);
    }
}

#[test]
fn a_manifest_of_many_windows_is_split_as_one() {
    let url = |row: u64| format!("https://a/{row}\n{}", "x".repeat(300));
    let text: Vec<_> = (0..30_000).map(|row| format!("{row},\"{}\"\n", url(row))).collect();
    let text = ["id,url\n", &text.concat()].concat();
    assert!(text.len() > 8 * 1024 * 1024);
    for packed in [text.clone().into_bytes(), zstd::encode_all(text.as_bytes(), 1).unwrap()] {
        let world = world(packed);
        let answer = split(&world, &json!({}), &json!({"batchItems": 1000, "strict": true})).unwrap();
        assert_eq!((&answer["batches"], &answer["items"]), (&json!(30), &json!(30_000)));
        let found = items(&world);
        assert_eq!(found.len(), 30_000);
        let wrong = (0..).zip(&found).find(|(row, item)| {
            let right = item.index == *row && item.position.line == row * 2 + 2;
            !right || item.subject != Subject::Url { url: url(*row) }
        });
        assert_eq!(wrong, None);
    }
}

#[test]
fn the_small_machine_gets_tasks() {
    let body = json!({"baseUrl": "https://a", "resourcePaths": ["1", "2", "3", "4", "5", "6"], "lambdaConcur": "2"});
    let answer = call(&world(""), body, LATER).unwrap();
    let input = json!({"baseUrl": "https://a", "lambdaConcur": 2});
    assert_eq!(
        answer,
        json!({"tasks": [
            {"resourcePaths": ["1", "2", "3", "4", "5"], "batchInput": input},
            {"resourcePaths": ["6"], "batchInput": input},
        ]})
    );
}

#[test]
fn an_inline_manifest_becomes_inline_batches_and_tasks() {
    let body = json!({"baseUrl": "https://a", "resourcePaths": ["1", "2", "3", "4", "5", "6"]});
    let world = world("");
    let event = json!({"execution": "run-1", "round": 0, "manifest": body, "request": whole(&json!({}))});
    let answer = call(&world, event, LATER).unwrap();
    assert_eq!((&answer["batches"], &answer["items"]), (&json!(2), &json!(6)));
    assert_eq!(answer["tasks"][1]["resourcePaths"], json!(["6"]));
    assert_eq!(urls(&world).last().unwrap(), "https://a/6");
    assert_eq!(batches(&world)[1].first, 5);
}

#[test]
fn many_inline_paths_do_not_travel_in_the_answer() {
    let paths: Vec<_> = (0..20_000).map(|number| format!("{number}.gif")).collect();
    let world = world(json!({"baseUrl": "https://a", "resourcePaths": paths}).to_string());
    let answer = split(&world, &json!({}), &json!({"batchItems": 100})).unwrap();
    assert_eq!(answer["batches"], json!(200));
    assert!(answer.get("tasks").is_none());
    assert!(answer.to_string().len() < 1_000);
}

/// The error's name, text and hint.
fn refused(world: &World, manifest: &Value, request: &Value) -> (&'static str, String, String) {
    let error = split(world, manifest, request).unwrap_err();
    assert_eq!(world.store.bytes("state", "runs/run-1/0/batches.jsonl"), None);
    (
        error.name(),
        error.to_string(),
        error.hint().unwrap_or_default().to_owned(),
    )
}

#[test]
fn each_refusal_says_what_where_and_what_helps() {
    let cases: [(&[u8], Value, &str, &str); 10] = [
        (
            b"id,link\n1,a\n",
            json!({}),
            "Gantry.WrongColumn",
            "failed to read the header of `s3://m/k`: expected one column `url`, found none; the columns are `id`, `link`",
        ),
        (
            b"url,url\n1,a\n",
            json!({}),
            "Gantry.WrongColumn",
            "failed to read the header of `s3://m/k`: expected one column `url`, found 2; the columns are `url`, `url`",
        ),
        (
            b"id,url\n1,a\n2,\"b\n",
            json!({}),
            "Gantry.UnclosedQuote",
            "failed to read `s3://m/k`: expected a closing quote before its end, found none for the record at record 2, line 3, byte 11",
        ),
        (
            b"id,url\n1,a\n2,\xff\n",
            json!({}),
            "Gantry.InvalidUtf8",
            "failed to read `s3://m/k`: expected UTF-8, found something else at record 2, line 3, byte 13",
        ),
        (
            b"id,\"url\n1,a\n",
            json!({}),
            "Gantry.UnclosedQuote",
            "failed to read `s3://m/k`: expected a closing quote before its end, found none for the record at record 0, line 1, byte 0",
        ),
        (
            b"[1",
            json!({}),
            "Gantry.InvalidJson",
            "failed to read `s3://m/k`: expected `]` before its end, found none at record 1, line 1, byte 1",
        ),
        (
            b"1",
            json!({"format": "jsonArray"}),
            "Gantry.InvalidJson",
            "failed to read `s3://m/k`: expected `[` at byte 0, found something else",
        ),
        (
            b"{\"baseUrl\":",
            json!({}),
            "Gantry.InvalidJson",
            "failed to read `s3://m/k`: expected an object with `baseUrl` and `resourcePaths`: EOF while parsing a value at line 1 column 11",
        ),
        (
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3],
            json!({}),
            "Gantry.InvalidCompression",
            "failed to unpack `s3://m/k` after 13 bytes",
        ),
        (
            b"id,url\n1,\n",
            json!({"strict": true}),
            "Gantry.MalformedItems",
            "failed to read every item of `s3://m/k`: expected a value in `url`, found an empty one at record 1, line 2, byte 7",
        ),
    ];
    for (text, options, name, message) in cases {
        let told = refused(&world(text.to_vec()), &options, &options);
        assert_eq!((told.0, told.1.as_str()), (name, message));
        assert!(!told.2.is_empty(), "{name} has a hint");
    }
}

#[test]
fn a_missing_manifest_is_named() {
    let (name, message, hint) = refused(&world(""), &json!({"key": "other"}), &json!({}));
    assert_eq!(
        (name, message.as_str()),
        ("Gantry.ManifestNotFound", "failed to find the manifest `s3://m/other`")
    );
    assert!(hint.contains("bucket and key"));
}

#[test]
fn the_hint_leaves_the_machine_with_the_cause() {
    let error = split(&world("id,link\n"), &json!({}), &json!({})).unwrap_err();
    let failure = ports::TaskFailure::from(error);
    assert_eq!(failure.error, "Gantry.WrongColumn");
    assert!(
        failure
            .cause
            .ends_with("`id`, `link`; hint: name one of the columns that there are, or give the header's names")
    );
}

#[test]
fn skipping_malformed_records_makes_items_of_them() {
    let world = world(b"id,url\n1,a\n2,\xff\n3,b\n4,\"c\n5,d\n".to_vec());
    split(&world, &json!({}), &json!({"skipMalformed": true})).unwrap();
    assert_eq!(urls(&world), ["a", "InvalidUtf8", "b", "UnclosedQuote"]);
}

#[test]
fn half_a_compressed_manifest_is_refused() {
    let text = rows(1_000);
    for packed in [gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 1).unwrap()] {
        let half = packed[..packed.len() / 2].to_vec();
        let told = refused(&world(half), &json!({}), &json!({}));
        assert_eq!(told.0, "Gantry.InvalidCompression");
    }
}

#[test]
fn members_and_frames_that_follow_one_another_are_read_as_one() {
    let parts = ["id,url\n1,a\n", "2,b\n"];
    let members: Vec<u8> = parts.iter().flat_map(|part| gzip(part.as_bytes())).collect();
    let frames: Vec<u8> = parts
        .iter()
        .flat_map(|part| zstd::encode_all(part.as_bytes(), 1).unwrap())
        .collect();
    for packed in [members, frames] {
        let world = world(packed);
        split(&world, &json!({}), &json!({})).unwrap();
        assert_eq!(urls(&world), ["a", "b"]);
    }
}

#[test]
fn a_bomb_is_refused_unless_it_is_asked_for() {
    let text = ["id,url\n1,a", &"\n".repeat(66 * 1024 * 1024)].concat();
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let told = refused(&world(packed.clone()), &json!({}), &json!({}));
    assert_eq!(told.0, "Gantry.LimitExceeded");
    let answer = split(&world(packed), &json!({}), &json!({"maxExpandedBytes": 70_000_000}));
    assert_eq!(answer.unwrap()["items"], json!(1));
}

#[test]
fn a_deadline_that_cannot_be_met_is_an_error() {
    let near = Timestamp::from_millis(NOW.as_millis() + 4_000);
    let error = call(&world(rows(3)), event(&json!({}), &json!({})), near).unwrap_err();
    assert_eq!(error.name(), "Gantry.DeadlineTooClose");
}

#[test]
fn a_store_that_dies_leaves_no_list_behind() {
    let mut calls = 0;
    loop {
        let packed = gzip(rows(300).as_bytes());
        let world = world(packed);
        let store = ports::FaultInjector::new(Arc::clone(&world.ports.store), ports::Faults::DeadFrom(calls));
        let ports = Ports {
            store: Arc::new(store),
            ..world.ports.clone()
        };
        let event = serde_json::from_value(event(&json!({}), &json!({}))).unwrap();
        let answer = futures::executor::block_on(batcher::handle(event, &ports, &config(), LATER));
        if answer.is_ok() {
            assert_eq!(batches(&world).len(), 3);
            break;
        }
        assert_eq!(answer.unwrap_err().name(), "Gantry.StorageUnavailable");
        assert_eq!(world.store.bytes("state", "runs/run-1/0/batches.jsonl"), None);
        calls += 1;
    }
    assert_eq!(
        calls, 7,
        "head and two reads, the spool, its head and reading, the list"
    );
}

#[test]
fn a_member_that_is_null_is_as_good_as_absent() {
    let nothing = json!({"format": null, "compression": null, "delimiter": null, "header": null, "column": null, "columns": null, "baseUrl": null, "versionId": null});
    let request = json!({"batchItems": null, "tolerate": null, "onFailure": null, "skipMalformed": null, "strict": null, "maxRounds": null});
    assert_eq!(split(&world(rows(3)), &nothing, &request).unwrap()["items"], json!(3));
}

#[test]
fn requests_without_sense_are_refused() {
    for request in [
        json!({"batchItems": 0}),
        json!({"maxConcurrency": 0}),
        json!({"tolerate": {"percentage": 101}}),
    ] {
        assert_eq!(
            refused(&world(rows(1)), &json!({}), &request).0,
            "Gantry.InvalidRequest"
        );
    }
}

#[test]
fn an_event_that_is_none_is_not_read() {
    let cases = [
        (json!({"resourcePaths": []}), "missing field `baseUrl`"),
        (
            json!({"baseUrl": "u", "resourcePaths": [], "lambdaConcur": "many"}),
            "expected a whole number in `lambdaConcur`, found `many`",
        ),
        (
            json!({"execution": "e", "round": 0, "manifest": {"key": "k"}, "request": whole(&json!({}))}),
            "missing field `bucket`",
        ),
        (
            json!({"execution": "e", "round": 0, "manifest": {"bucket": "b", "key": "k", "header": 1}, "request": whole(&json!({}))}),
            "expected `firstRow` or a list of names",
        ),
    ];
    for (event, text) in cases {
        let error = serde_json::from_value::<Event>(event).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(matches!(
        serde_json::from_value(json!({"baseUrl": "u", "resourcePaths": []})),
        Ok(Event::Inline(_))
    ));
}

#[test]
fn answers_of_both_machines_are_json() {
    let tasks = Response::Tasks(batcher::Tasks { tasks: Vec::new() });
    assert_eq!(serde_json::to_value(tasks).unwrap(), json!({"tasks": []}));
}
