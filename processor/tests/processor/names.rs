//! Names: the same URL twice, two URLs with one name, and names that other batches want as well.

use manifest::Status;
use ports::memory::{Origin, Reply};
use serde_json::{Value, json};

use crate::support::{World, downloads, downloads_with};

fn serving(urls: &[&str]) -> Origin {
    let reply = |url: &str| [Reply::ok(url.to_owned())];
    urls.iter()
        .fold(Origin::default(), |script, url| script.with(*url, reply(url)))
}

fn basename(urls: &[&str], number: u64) -> Value {
    let mut event = downloads_with(urls, &json!({"name": "{host}/{basename}"}));
    event["batch"]["number"] = json!(number);
    event
}

#[tokio::test(start_paused = true)]
async fn a_url_that_stands_twice_is_fetched_once_and_has_two_outcomes() {
    let (world, origin) = World::scripted(&[], serving(&["https://example.com/a.gif"]));
    let urls = [
        "https://example.com/a.gif",
        "https://example.com:443/a.gif#top",
        "HTTPS://EXAMPLE.com/a.gif",
    ];
    let (summary, outcomes) = world.batch(downloads(&urls)).await;
    assert_eq!((summary.counts.succeeded, origin.requests().len()), (3, 1));
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.filename.as_deref() == Some("example.com/a.gif"))
    );
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.index).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.attempts).collect::<Vec<_>>(),
        [1, 0, 0]
    );
    let reading = world.ports.meter.read();
    assert_eq!((reading.succeeded, reading.bytes), (3, 25));
}

/// The suffix is the beginning of `printf %s https://h.example/y/a.gif | sha256sum`.
#[tokio::test(start_paused = true)]
async fn the_second_url_of_a_name_gets_a_hash_suffix() {
    let urls = ["https://h.example/x/a.gif", "https://h.example/y/a.gif"];
    let (world, _) = World::scripted(&[], serving(&urls));
    let (_, outcomes) = world.batch(basename(&urls, 0)).await;
    let names: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.filename.clone().unwrap())
        .collect();
    assert_eq!(names, ["h.example/a.gif", "h.example/a~117a683b4f53373f.gif"]);
    assert_eq!(world.store.bytes("out", &names[0]).unwrap(), urls[0]);
    assert_eq!(world.store.bytes("out", &names[1]).unwrap(), urls[1]);
}

#[tokio::test(start_paused = true)]
async fn names_that_another_batch_has_claimed_are_left_alone() {
    let urls = ["https://h.example/x/a.gif", "https://h.example/y/a.gif"];
    let (world, _) = World::scripted(&[], serving(&urls));
    let name_of = |outcomes: &[manifest::Outcome]| outcomes[0].filename.clone().unwrap();
    let (_, first) = world.batch(basename(&urls[..1], 0)).await;
    let (_, second) = world.batch(basename(&urls[1..], 1)).await;
    let (_, again) = world.batch(basename(&urls[..1], 2)).await;
    assert_eq!(name_of(&first), "h.example/a.gif");
    assert_eq!(name_of(&second), "h.example/a~117a683b4f53373f.gif");
    assert_eq!(name_of(&again), "h.example/a.gif", "the claim is its own");
    assert_eq!(world.store.bytes("out", "h.example/a.gif").unwrap(), urls[0]);
}

#[tokio::test(start_paused = true)]
async fn a_redrive_heeds_the_names_that_the_first_run_has_given() {
    let urls = ["https://h.example/x/a.gif", "https://h.example/y/a.gif"];
    let (world, _) = World::scripted(&[], serving(&urls));
    let (_, first) = world.batch(basename(&urls, 0)).await;
    let mut again = basename(&urls[1..], 0);
    again["execution"] = json!("redrive");
    again["work"]["namesOf"] = json!("run");
    let event: Value = again;
    let processor::Response::Summary(summary) = world.call(event).await.unwrap() else {
        panic!("a batch is answered with a summary")
    };
    let redriven = world.outcomes(&summary.outcomes.unwrap().key);
    assert_eq!(redriven[0].filename, first[1].filename);
    assert_eq!(world.store.bytes("out", "h.example/a.gif").unwrap(), urls[0]);
}

#[tokio::test(start_paused = true)]
async fn the_default_name_needs_no_claims() {
    let urls = ["https://h.example/x/a.gif", "https://h.example/x/a.gif?size=2"];
    let (world, _) = World::scripted(&[], serving(&urls));
    let (_, outcomes) = world.batch(downloads(&urls)).await;
    assert_ne!(outcomes[0].filename, outcomes[1].filename);
    assert_eq!(
        world.store.keys("state"),
        ["runs/run/0/outcomes/000000/000000000.jsonl"]
    );
}

#[tokio::test(start_paused = true)]
async fn prefixes_come_before_names_and_count_towards_their_length() {
    let url = "https://h.example/a.gif";
    let (world, _) = World::scripted(&[], serving(&[url]));
    let at = |prefix: &str| json!({"destination": {"bucket": "out", "prefix": prefix}});
    let (_, outcomes) = world.batch(downloads_with(&[url], &at("raw/2026"))).await;
    assert_eq!(
        outcomes[0].destination.as_deref(),
        Some("s3://out/raw/2026/h.example/a.gif")
    );
    assert_eq!(outcomes[0].filename.as_deref(), Some("h.example/a.gif"));
    let (_, outcomes) = world.batch(downloads_with(&[url], &at(&"p/".repeat(510)))).await;
    assert_eq!(
        (outcomes[0].status, outcomes[0].error.as_ref().unwrap().name.as_str()),
        (Status::Failed, "NameTooLong")
    );
}

#[tokio::test(start_paused = true)]
async fn a_template_that_cannot_be_understood_ends_the_batch() {
    let (world, _) = World::scripted(&[], Origin::default());
    let error = world
        .call(downloads_with(&["https://h.example/"], &json!({"name": "{nonsense}"})))
        .await
        .unwrap_err();
    assert_eq!(error.name(), "Gantry.MalformedEvent");
}
