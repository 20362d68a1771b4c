//! What a batcher sees in the records while it splits a manifest: items that a quote swallows, names that two copies
//! want, text that is no UTF-8.
#![cfg(test)]

use std::sync::Arc;

use batcher::{Config, Error, Event, Ports};
use ports::{Timestamp, memory};
use serde_json::{Value, json};

const LATER: Timestamp = Timestamp::from_millis(10_000_000);

fn split(
    key: &str,
    text: impl Into<bytes::Bytes>,
    request: &Value,
) -> (Arc<memory::ObjectStore>, Result<Value, Error>) {
    let store = Arc::new(memory::ObjectStore::default());
    store.insert("m", key, text);
    let ports = Ports {
        store: Arc::clone(&store) as _,
        clock: Arc::new(memory::Clock::at(Timestamp::from_millis(0))),
    };
    let mut manifest = json!({"bucket": "m", "key": key});
    let more = request["manifest"].as_object().cloned().unwrap_or_default();
    manifest.as_object_mut().unwrap().extend(more);
    let mut whole = json!({"work": {"action": "download", "destination": {"bucket": "images"}}});
    whole
        .as_object_mut()
        .unwrap()
        .extend(request.as_object().unwrap().clone());
    whole["manifest"] = manifest.clone();
    let event = json!({"execution": "run", "round": request["round"].as_u64().unwrap_or(0), "manifest": manifest, "request": whole});
    let event: Event = serde_json::from_value(event).unwrap();
    let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
    let answer = futures::executor::block_on(batcher::handle(event, &ports, &config, LATER));
    (store, answer.map(|answer| serde_json::to_value(answer).unwrap()))
}

fn refused(key: &str, text: impl Into<bytes::Bytes>) -> (&'static str, String) {
    let error = split(key, text, &json!({})).1.unwrap_err();
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(!text.contains('\0'), "no NUL reaches a terminal: {text:?}");
    (error.name(), text)
}

const CAPTIONS: &str = "caption\turl\n\"Live\" at the arena\thttps://h/1\nan 8\" pipe\thttps://h/2\n\"quoted whole\"\thttps://h/3\n\"To be\thttps://h/4\nor not\"\thttps://h/5\nplain\thttps://h/6\n";

#[test]
fn in_a_tsv_quotes_are_text() {
    for (key, manifest) in [
        ("captions.tsv", json!({})),
        ("captions", json!({"delimiter": "TAB"})),
        ("captions.txt", json!({"delimiter": "TAB", "quote": "none"})),
    ] {
        let (_, answer) = split(key, CAPTIONS, &json!({"manifest": manifest}));
        let answer = answer.unwrap();
        assert_eq!(
            (&answer["items"], &answer["suspiciousField"]),
            (&json!(6), &Value::Null),
            "{key}"
        );
    }
}

#[test]
fn a_quoted_field_that_swallows_an_item_is_suspicious() {
    let request = json!({"manifest": {"quote": "double"}, "batchItems": 2});
    let answer = split("captions.tsv", CAPTIONS, &request).1.unwrap();
    let byte = CAPTIONS.find("\"To be").unwrap();
    assert_eq!(answer["items"], 5);
    assert_eq!(
        answer["suspiciousField"],
        json!({"position": {"record": 4, "line": 5, "byte": byte}, "lines": 2})
    );
    let harmless = "id,url\n\"two\nlines\",https://h/1\n\n2,https://h/2\n";
    let answer = split("urls.csv", harmless, &json!({})).1.unwrap();
    assert_eq!(
        (&answer["items"], &answer["suspiciousField"]),
        (&json!(2), &Value::Null)
    );
}

#[test]
fn lists_may_end_their_lines_with_carriage_returns() {
    let answer = split("cr.txt", "https://h/1\rhttps://h/2\rhttps://h/3\r", &json!({}))
        .1
        .unwrap();
    assert_eq!(answer["items"], 3);
}

#[test]
fn utf_16_is_called_so() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for text in ["id,url\n0,https://h/1\n", "\u{feff}id,url\n0,https://h/1\n"] {
        let (name, text) = refused("urls.csv", wide(text));
        assert_eq!(name, "Gantry.UnsupportedFormat");
        assert!(
            text.contains("UTF-16, little-endian") && text.contains("iconv"),
            "{text}"
        );
    }
}

#[test]
fn a_header_with_another_delimiter_says_so() {
    let (name, text) = refused("urls.csv", "id;url\n1;https://h/1\n");
    assert_eq!(name, "Gantry.WrongColumn");
    assert!(text.contains("--delimiter semicolon"), "{text}");
    let (_, text) = refused("urls.csv", "id\0,name\n");
    assert!(text.contains("`id\u{fffd}`"), "{text}");
}

#[test]
fn strict_reading_refuses_more_or_fewer_fields_and_others_do_not() {
    let text = "id,url\n1,https://h/1,\n2,https://h/2\n";
    let (_, answer) = split("urls.csv", text, &json!({}));
    assert_eq!(answer.unwrap()["items"], 2);
    let error = split("urls.csv", text, &json!({"strict": true})).1.unwrap_err();
    assert_eq!(error.name(), "Gantry.MalformedItems");
    assert!(
        error.to_string().contains("found 3 at record 1, line 2, byte 7"),
        "{error}"
    );
}

/// The rule that is written down, if any.
fn rule(text: &str, work: &Value, round: u64) -> Option<String> {
    let mut whole = json!({"action": "copy", "destinations": [{"bucket": "a"}]});
    whole.as_object_mut().unwrap().extend(work.as_object().unwrap().clone());
    let (store, answer) = split("objects.csv", text.to_owned(), &json!({"work": whole, "round": round}));
    answer.unwrap();
    let json = store.bytes("state", "runs/run/names.json")?;
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn names_are_claimed_only_where_two_sources_can_meet() {
    let one = "bucket,key\nb,x\nb,y\n";
    let two = "bucket,key\nb,x\nc,x\n";
    let versions = "bucket,key,versionId\nb,x,1\nb,x,2\n";
    let no_versions = "bucket,key,versionId\nb,x,\nb,y,\n";
    let overlap = json!({"destinations": [{"bucket": "a"}, {"bucket": "a", "prefix": "in"}]});
    let cases = [
        (one, json!({}), "free"),
        (two, json!({}), "claimed"),
        (two, json!({"name": "{bucket}/{key}"}), "free"),
        (one, json!({"name": "{basename}"}), "claimed"),
        (one, overlap, "claimed"),
        (versions, json!({}), "versioned"),
        (versions, json!({"name": "{version}/{key}"}), "free"),
        (no_versions, json!({}), "free"),
    ];
    for (text, work, expected) in cases {
        assert_eq!(rule(text, &work, 0).as_deref(), Some(expected), "{text} {work}");
    }
    assert_eq!(rule(one, &json!({}), 1), None, "the first round has settled it");
    assert_eq!(
        rule(one, &json!({"namesOf": "first"}), 0),
        None,
        "the first run has settled it"
    );
}
