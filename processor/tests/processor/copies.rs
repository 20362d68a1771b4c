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
async fn a_missing_object_fails_at_each_destination_and_so_does_a_key_that_is_too_long() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("source", "good", "good");
    let long = "k".repeat(1_025);
    let outcomes = copy(&world, &format!("source,missing\nsource,{long}\nsource,good\n"), csv()).await;
    let verdicts: Vec<_> = outcomes.iter().map(|outcome| verdict(outcome).1).collect();
    let (missing, long) = (Some("NotFound"), Some("NameTooLong"));
    assert_eq!(verdicts, [missing, missing, long, long, None, None]);
    assert_eq!(outcomes[0].destination.as_deref(), Some("s3://a/missing"));
    assert_eq!(
        (world.store.keys("a"), world.store.keys("b")),
        (vec!["good".to_owned()], vec!["in/good".to_owned()])
    );
}

/// Between buckets every key that S3 allows is copied; what a folder cannot hold is refused there alone.
#[tokio::test(start_paused = true)]
async fn keys_between_buckets_are_those_of_s3() {
    let long = "k".repeat(1_021);
    let keys = [
        "/leading",
        "a//b",
        "trailing/",
        "x/../y",
        "./x",
        "a\\b",
        "C:/x",
        "CON",
        "tab\tin",
        ".gantry/x",
        "\u{85}",
        &long,
    ];
    let (world, _) = World::scripted(&[], Origin::default());
    let lines = keys.map(|key| {
        world.store.insert("source", key, key.to_owned());
        format!("{}\n", json!({"bucket": "source", "key": key}))
    });
    let layout = json!({"layout": "jsonLines", "columns": {"object": {"bucket": 0, "key": 1, "version": null}}});
    let outcomes = copy(&world, &lines.concat(), layout).await;
    for outcome in &outcomes {
        assert_eq!(outcome.status, Status::Succeeded, "{outcome:?}");
    }
    for key in keys {
        assert_eq!(world.store.bytes("a", key).unwrap(), key.to_owned());
    }
}

/// Two objects that want one name, in any order of batches: one of them has it.
#[tokio::test(start_paused = true)]
async fn two_sources_never_succeed_at_one_destination() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("one", "x", "1");
    world.store.insert("two", "x", "2");
    let both = copy(&world, "one,x\ntwo,x\n", csv()).await;
    let verdicts: Vec<_> = both.iter().map(|outcome| verdict(outcome).1).collect();
    let taken = verdicts.iter().filter(|verdict| **verdict == Some("NameTaken")).count();
    let succeeded = both
        .iter()
        .filter(|outcome| outcome.status == Status::Succeeded)
        .count();
    assert_eq!((taken, succeeded), (2, 2), "{verdicts:?}");

    // Again, in another batch and round: the same source has the name.
    let again = copy(&world, "two,x\none,x\n", csv()).await;
    let source = |outcomes: &[Outcome]| {
        let at_a = outcomes
            .iter()
            .find(|outcome| outcome.status == Status::Succeeded && outcome.destination.as_deref() == Some("s3://a/x"));
        at_a.unwrap().subject.clone()
    };
    assert_eq!(source(&again), source(&both));
}

#[tokio::test(start_paused = true)]
async fn a_template_tells_sources_apart() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("one", "x/k.gif", "1");
    world.store.insert("two", "x/k.gif", "2");
    let text = "one,x/k.gif\ntwo,x/k.gif\n";
    let etag = world.store.insert("manifests", "objects", text);
    let mut event = event(text, &etag, &csv());
    event["work"]["name"] = json!("{bucket}/{basename}");
    event["work"]["destinations"] = json!([{"bucket": "a", "prefix": "p"}]);
    let (_, outcomes) = world.batch(event).await;
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Succeeded));
    assert_eq!(world.store.keys("a"), ["p/one/k.gif", "p/two/k.gif"]);
    assert_eq!(outcomes[1].filename.as_deref(), Some("two/k.gif"));
}

/// Whatever order the versions of one key come in, the newest remains.
#[tokio::test(start_paused = true)]
async fn the_newest_version_remains() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (mut world, _) = World::scripted(&[], Origin::default());
        let store = std::sync::Arc::new(ports::memory::ObjectStore::with_versions());
        world.ports.store = std::sync::Arc::clone(&store) as _;
        let mut versions = Vec::new();
        for body in ["old", "newer", "newest"] {
            store.insert("source", "k", body);
            let head = world
                .ports
                .store
                .head(&ports::ObjectKey::new("source", "k"))
                .await
                .unwrap();
            versions.push(head.version.unwrap());
        }
        let lines = order.map(|at| format!("source,k,{}\n", versions[at]));
        let text = lines.concat();
        store.insert("manifests", "objects", text.clone());
        let etag = world
            .ports
            .store
            .head(&ports::ObjectKey::new("manifests", "objects"))
            .await
            .unwrap()
            .etag;
        let layout =
            json!({"layout": "csv", "fields": 3, "columns": {"object": {"bucket": 0, "key": 1, "version": 2}}});
        let mut event = event(&text, &etag, &layout);
        event["work"]["lambdaConcur"] = json!(1);
        let processor::Response::Summary(summary) = world.call(event).await.unwrap() else {
            panic!("a batch is answered with a summary")
        };
        assert!(summary.counts.succeeded >= 2, "{order:?} {summary:?}");
        for bucket in ["a/k", "b/in/k"] {
            let (bucket, key) = bucket.split_once('/').unwrap();
            assert_eq!(store.bytes(bucket, key).unwrap(), "newest", "{order:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_remaining_item_goes_to_the_destination_that_was_left() {
    let (world, _) = World::scripted(&[], Origin::default());
    world.store.insert("source", "k", "body");
    let layout = json!({"layout": "remaining", "columns": {"object": {"bucket": 0, "key": 1, "version": null}}});
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
async fn a_missing_destination_ends_the_batch_unless_there_are_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = adapters::local::Directory::default();
    for bucket in ["state", "manifests", "source", "a"] {
        let dir = folder.path().join(bucket);
        store.mount(bucket, &dir, adapters::local::Access::ReadWrite).unwrap();
    }
    std::fs::write(folder.path().join("source/1"), "one").unwrap();
    let (mut world, _) = World::scripted(&[], Origin::default());
    world.ports.store = std::sync::Arc::new(store);

    // Two names: two sources of one name would claim it from each other.
    let text = "elsewhere,2\nsource,1\n";
    std::fs::write(folder.path().join("manifests/objects"), text).unwrap();
    let manifest = ports::ObjectKey::new("manifests", "objects");
    let etag = world.ports.store.head(&manifest).await.unwrap().etag;
    let mut event = event(text, &etag, &csv());
    let processor::Response::Summary(summary) = world.call(event.clone()).await.unwrap() else {
        panic!("a batch is answered with a summary")
    };
    assert_eq!((summary.counts.succeeded, summary.counts.failed), (1, 3));
    let written = folder.path().join("state").join(summary.outcomes.unwrap().key);
    let outcomes: Vec<Outcome> = std::fs::read_to_string(written)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let at_b = outcomes[3].error.as_ref().unwrap();
    assert_eq!(outcomes[3].destination.as_deref(), Some("s3://b/in/1"));
    assert!(
        at_b.name == "WriteFailed" && at_b.message.contains("no bucket `b`"),
        "{at_b:?}"
    );

    event["work"]["destinations"] = json!([{"bucket": "b", "prefix": ""}]);
    let refused = world.call(event.clone()).await.unwrap_err();
    assert_eq!(refused.name(), "Gantry.StorageNotFound", "there is no bucket b");
    assert!(refused.to_string().contains("s3://b/"), "{refused}");

    event["work"]["destinations"] = json!([{"bucket": "a", "prefix": ""}]);
    let processor::Response::Summary(summary) = world.call(event).await.unwrap() else {
        panic!("a batch is answered with a summary")
    };
    assert_eq!((summary.counts.succeeded, summary.counts.failed), (1, 1));
}
