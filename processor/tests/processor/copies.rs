//! Copies: one outcome for each object and destination.

use manifest::{Outcome, Status};
use ports::memory::Origin;
use serde_json::{Value, json};

use crate::support::{World, verdict};

fn event(text: &str, etag: &str, layout: &Value) -> Value {
    json!({
        "execution": "run", "round": 0,
        "batch": {
            "number": 0, "first": 0, "items": text.lines().count(),
            "source": {"bucket": "manifests", "key": "objects", "etag": etag, "format": layout},
            "start": 0, "end": text.len(), "line": 1,
        },
        "work": {"action": "copy", "destinations": [{"bucket": "a", "prefix": ""}, {"bucket": "b", "prefix": "in"}]},
    })
}

async fn copy(world: &World, text: &str, layout: Value) -> Vec<Outcome> {
    let etag = world.store.insert("manifests", "objects", text.to_owned());
    world.batch(event(text, &etag, &layout)).await.1
}

fn csv() -> Value {
    json!({"layout": "csv", "fields": 2, "columns": {"object": {"bucket": 0, "key": 1, "version": null}}})
}

#[tokio::test(start_paused = true)]
async fn every_object_goes_to_every_destination() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("source", "x/1.zip", "one");
    world.store.insert("source", "2.zip", "two");
    let outcomes = copy(&world, "source,x/1.zip\nsource,2.zip\n", csv()).await;
    let places: Vec<_> = outcomes
        .iter()
        .map(|outcome| (outcome.index, outcome.destination.as_deref().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            (0, "s3://a/x/1.zip"),
            (0, "s3://b/in/x/1.zip"),
            (1, "s3://a/2.zip"),
            (1, "s3://b/in/2.zip")
        ]
    );
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Succeeded));
    assert_eq!(world.store.bytes("a", "x/1.zip").unwrap(), "one");
    assert_eq!(world.store.bytes("b", "in/2.zip").unwrap(), "two");
    assert_eq!(world.ports.meter.read().succeeded, 4);
}

#[tokio::test(start_paused = true)]
async fn a_missing_object_fails_at_each_destination_and_an_unsafe_key_once_each() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("source", "good", "good");
    world.store.insert("source", "x/../y", "climbs");
    let outcomes = copy(&world, "source,missing\nsource,x/../y\nsource,good\n", csv()).await;
    let verdicts: Vec<_> = outcomes.iter().map(|outcome| verdict(outcome).1).collect();
    let (missing, climbs) = (Some("NotFound"), Some("UnsafeName"));
    assert_eq!(verdicts, [missing, missing, climbs, climbs, None, None]);
    assert_eq!(outcomes[0].destination.as_deref(), Some("s3://a/missing"));
    assert_eq!(
        (world.store.keys("a"), world.store.keys("b")),
        (vec!["good".to_owned()], vec!["in/good".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_rest_goes_to_the_destination_that_was_left() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("source", "k", "body");
    let layout = json!({"layout": "rest", "columns": {"object": {"bucket": 0, "key": 1, "version": null}}});
    let text = "{\"index\":41,\"bucket\":\"source\",\"key\":\"k\",\"destination\":\"s3://b/in/k\"}\n";
    let outcomes = copy(&world, text, layout).await;
    assert_eq!(outcomes.len(), 1);
    assert_eq!(
        (outcomes[0].index, outcomes[0].destination.as_deref()),
        (41, Some("s3://b/in/k"))
    );
    assert!(world.store.keys("a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_url_cannot_be_copied_nor_an_object_downloaded() {
    let (world, _) = World::scripted(&[], Origin::default());
    let urls = json!({"layout": "urlList", "columns": {"url": {"name": "url", "position": 0}}});
    let outcomes = copy(&world, "https://example.com/a\n", urls).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("MissingMember"), None));
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_does_not_exist_ends_the_batch_and_a_source_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = adapters::local::Directory::default();
    for bucket in ["state", "manifests", "source", "a"] {
        let dir = folder.path().join(bucket);
        store.mount(bucket, &dir, adapters::local::Access::ReadWrite).unwrap();
    }
    std::fs::write(folder.path().join("source/1"), "one").unwrap();
    let (mut world, _) = World::scripted(&[], Origin::default());
    world.ports.store = std::sync::Arc::new(store);

    let text = "elsewhere,1\nsource,1\n";
    std::fs::write(folder.path().join("manifests/objects"), text).unwrap();
    let manifest = ports::ObjectKey::new("manifests", "objects");
    let etag = world.ports.store.head(&manifest).await.unwrap().etag;
    let mut event = event(text, &etag, &csv());
    let refused = world.call(event.clone()).await.unwrap_err();
    assert_eq!(refused.name(), "Gantry.StorageNotFound", "there is no bucket b");

    event["work"]["destinations"] = json!([{"bucket": "a", "prefix": ""}]);
    let processor::Response::Summary(summary) = world.call(event).await.unwrap() else {
        panic!("a batch is answered with a summary")
    };
    assert_eq!((summary.counts.succeeded, summary.counts.failed), (1, 1));
}
