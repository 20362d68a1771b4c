//! Batches that are ranges of a manifest.

use fixtures::generate::{self, CsvShape};
use manifest::{Status, Subject};
use ports::memory::{Origin, Reply};
use serde_json::{Value, json};

use crate::support::World;

/// An event for a range of the CSV at `manifests/urls.csv`.
fn event(range: std::ops::Range<usize>, etag: &str, items: usize) -> Value {
    json!({
        "execution": "run", "round": 2,
        "batch": {
            "number": 1_234, "first": 10, "items": items,
            "source": {"bucket": "manifests", "key": "urls.csv", "etag": etag, "format": {
                "layout": "csv", "fields": 4, "columns": {"url": {"name": "url", "position": 1}}, "dataStart": 18,
            }},
            "start": range.start, "end": range.end, "line": 2,
        },
        "work": {"action": "download", "destination": {"bucket": "out", "prefix": ""}},
    })
}

#[tokio::test(start_paused = true)]
async fn a_range_of_a_csv_is_read_and_every_row_has_an_outcome() {
    let manifest = generate::csv(7, "https://example.com", 200, CsvShape::QUOTED);
    let script = manifest.urls.iter().fold(Origin::default(), |script, url| {
        script.with(url, [Reply::ok(url.clone())])
    });
    let (world, _) = World::scripted(&[], script);
    let etag = world.store.insert("manifests", "urls.csv", manifest.text.clone());
    let (summary, outcomes) = world.batch(event(18..manifest.text.len(), &etag, 200)).await;
    assert_eq!((summary.number, summary.counts.succeeded), (1_234, 200));
    assert_eq!(
        summary.outcomes.unwrap().key,
        "runs/run/2/outcomes/000001/000001234.jsonl"
    );
    let urls: Vec<_> = outcomes.iter().map(|outcome| outcome.subject.clone()).collect();
    assert_eq!(
        urls,
        manifest
            .urls
            .iter()
            .map(|url| Subject::Url { url: url.clone() })
            .collect::<Vec<_>>()
    );
    assert_eq!((outcomes[0].index, outcomes[199].index), (10, 209));
}

#[tokio::test(start_paused = true)]
async fn rows_without_a_url_fail_with_their_position_and_short_ones_have_a_note() {
    let text = "id,url,title,note\n1,https://example.com/a,t,n\n2,,t,n\n3,https://example.com/b\n4,https://example.com/c,t,n\n";
    let script = ["a", "b", "c"].iter().fold(Origin::default(), |script, name| {
        script.with(format!("https://example.com/{name}"), [Reply::ok("x")])
    });
    let (world, _) = World::scripted(&[], script);
    let etag = world.store.insert("manifests", "urls.csv", text);
    let (summary, outcomes) = world.batch(event(18..text.len(), &etag, 4)).await;
    assert_eq!((summary.counts.succeeded, summary.counts.failed), (3, 1));
    let errors: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.error.as_ref().map(|error| error.name.as_str()))
        .collect();
    assert_eq!(errors, [None, Some("EmptyCell"), None, None]);
    let note = outcomes[2].note.as_ref().unwrap();
    assert_eq!(note.message, "expected 4 fields as in the header, found 2");
    let position = outcomes[1].position.unwrap();
    assert_eq!(
        (position.line, position.byte, outcomes[1].status),
        (3, 46, Status::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_has_changed_ends_the_batch() {
    let (world, _) = World::scripted(&[], Origin::default());
    let etag = world.store.insert(
        "manifests",
        "urls.csv",
        "id,url,title,note\n1,https://example.com/a,t,n\n",
    );
    world.store.insert(
        "manifests",
        "urls.csv",
        "id,url,title,note\n1,https://example.com/b,t,n\n",
    );
    let error = world.call(event(18..45, &etag, 1)).await.unwrap_err();
    assert_eq!(error.name(), "Gantry.ManifestChanged");
    let failure = ports::TaskFailure::from(error);
    assert!(
        failure
            .cause
            .starts_with("manifest s3://manifests/urls.csv has changed"),
        "{}",
        failure.cause
    );
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_is_gone_or_a_range_that_is_too_long_ends_the_batch() {
    let (world, _) = World::scripted(&[], Origin::default());
    assert_eq!(
        world.call(event(18..45, "\"x\"", 1)).await.unwrap_err().name(),
        "Gantry.StorageNotFound"
    );
    let error = world.call(event(0..1 << 30, "\"x\"", 1)).await.unwrap_err();
    assert_eq!(error.name(), "Gantry.MalformedEvent");
}

/// A child that runs twice writes the same object again.
#[tokio::test(start_paused = true)]
async fn the_same_batch_again_has_the_same_outcomes() {
    let text = "id,url,title,note\n1,https://example.com/a,t,n\n";
    let (world, _) = World::scripted(&[], Origin::default().with("https://example.com/a", [Reply::ok("x")]));
    let etag = world.store.insert("manifests", "urls.csv", text);
    let (first, _) = world.batch(event(18..text.len(), &etag, 1)).await;
    let written = world.store.bytes("state", &first.outcomes.as_ref().unwrap().key);
    let (second, _) = world.batch(event(18..text.len(), &etag, 1)).await;
    assert_eq!(first, second);
    assert_eq!(written, world.store.bytes("state", &second.outcomes.unwrap().key));
}
