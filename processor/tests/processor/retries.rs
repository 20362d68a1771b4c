//! Back-off, Retry-After and politeness, on a clock that jumps.

use std::time::Duration;

use manifest::Status;
use ports::memory::{Origin, Reply};
use serde_json::json;

use crate::support::{NOON, World, downloads, downloads_with, verdict};

const URL: &str = "https://example.com/a.gif";

fn elapsed(world: &World) -> Duration {
    world.ports.clock.now().since(NOON)
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_waited_for() {
    let script = Origin::default().with(URL, [Reply::status(429).header("retry-after", "7"), Reply::ok("GIF")]);
    let (world, origin) = World::scripted(&[], script);
    let (_, outcomes) = world.batch(downloads(&[URL])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Succeeded, None, Some(200)));
    assert_eq!((outcomes[0].attempts, outcomes[0].milliseconds), (2, 7_000));
    assert_eq!((elapsed(&world).as_secs(), origin.requests().len()), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_waited_for() {
    // NOON is Wed, 18 Nov 2026 11:06:40 GMT (`date -u -d @1795000000`).
    let date = "Wed, 18 Nov 2026 11:07:10 GMT";
    let script = Origin::default().with(URL, [Reply::status(503).header("retry-after", date), Reply::ok("GIF")]);
    let (world, _) = World::scripted(&[], script);
    let (_, outcomes) = world.batch(downloads(&[URL])).await;
    assert_eq!((outcomes[0].status, elapsed(&world).as_secs()), (Status::Succeeded, 30));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_capped() {
    let script = Origin::default().with(
        URL,
        [Reply::status(429).header("retry-after", "86400"), Reply::ok("GIF")],
    );
    let (world, _) = World::scripted(&[], script);
    let (_, outcomes) = world.batch(downloads(&[URL])).await;
    assert_eq!((outcomes[0].status, elapsed(&world).as_secs()), (Status::Succeeded, 60));
}

#[tokio::test(start_paused = true)]
async fn back_off_ends_after_the_attempts_that_were_asked_for() {
    let (world, origin) = World::scripted(&[], Origin::default().with(URL, [Reply::status(502)]));
    let (_, outcomes) = world.batch(downloads_with(&[URL], &json!({"attempts": 6}))).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("ServerError"), Some(502)));
    assert_eq!((outcomes[0].attempts, origin.requests().len()), (6, 6));
    // At most 0.5 + 1 + 2 + 4 + 8 seconds.
    assert!(elapsed(&world) > Duration::ZERO && elapsed(&world) <= Duration::from_millis(15_500));
}

#[tokio::test(start_paused = true)]
async fn a_truncated_body_is_fetched_again_and_leaves_nothing_behind() {
    let cut = Reply::status(200)
        .header("content-length", "9")
        .piece("GIF89")
        .then_broken();
    let short = Reply::status(200).header("content-length", "9").piece("GIF89");
    let script = Origin::default()
        .with(URL, [cut.clone(), short.clone(), Reply::ok("GIF89a---")])
        .with("https://example.com/b.gif", [cut]);
    let (world, _) = World::scripted(&[], script);
    let (_, outcomes) = world.batch(downloads(&[URL, "https://example.com/b.gif"])).await;
    assert_eq!((outcomes[0].status, outcomes[0].attempts), (Status::Succeeded, 3));
    assert_eq!(verdict(&outcomes[1]), (Status::Failed, Some("Truncated"), Some(200)));
    assert_eq!(world.store.keys("out"), ["example.com/a.gif"]);
    assert_eq!(world.store.bytes("out", "example.com/a.gif").unwrap(), "GIF89a---");
}

#[tokio::test(start_paused = true)]
async fn a_large_body_that_breaks_off_leaves_nothing_behind() {
    let piece = vec![7_u8; 600_000];
    let broken = (0..5)
        .fold(Reply::status(200), |reply, _| reply.piece(piece.clone()))
        .then_broken();
    let (world, origin) = World::scripted(&[], Origin::default().with(URL, [broken]));
    let (_, outcomes) = world.batch(downloads(&[URL])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("Truncated"), Some(200)));
    assert_eq!((origin.requests().len(), world.store.keys("out").len()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_drips_is_a_timeout_and_is_tried_again() {
    let stalls = Reply::status(200).piece("GIF89a").then_silence();
    let silent = Reply::ok("GIF").after(Duration::from_mins(1));
    let script = Origin::default()
        .with(URL, [stalls])
        .with("https://b.example/", [silent]);
    let (world, origin) = World::scripted(&[], script);
    let (_, outcomes) = world.batch(downloads(&[URL, "https://b.example/"])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("Timeout"), Some(200)));
    assert_eq!(verdict(&outcomes[1]), (Status::Failed, Some("Timeout"), None));
    assert_eq!(
        (outcomes[0].attempts, outcomes[1].attempts, origin.requests().len()),
        (4, 4, 8)
    );
    // Four times ten seconds, and the back-offs between them.
    assert!((40..45).contains(&elapsed(&world).as_secs()), "{:?}", elapsed(&world));
}

/// While one host asks for a pause, no request goes to it, and the others go on.
#[tokio::test(start_paused = true)]
async fn a_pause_holds_its_host_and_no_other() {
    let urls: Vec<_> = (0..6).map(|number| format!("https://slow.example/{number}")).collect();
    let other = "https://quick.example/a";
    let mut script = Origin::default().with(other, [Reply::ok("quick")]);
    script = script.with(
        &urls[0],
        [Reply::status(429).header("retry-after", "5"), Reply::ok("0")],
    );
    for url in &urls[1..] {
        script = script.with(url, [Reply::ok("x").after(Duration::from_millis(10))]);
    }
    let (world, origin) = World::scripted(&[], script);
    let mut all = urls.clone();
    all.push(other.to_owned());
    let (summary, outcomes) = world.batch(downloads_with(&all, &json!({"lambdaConcur": 1}))).await;
    assert_eq!(summary.counts.succeeded, 7);
    let asked: Vec<_> = origin.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(asked[..2], [urls[0].clone(), other.to_owned()]);
    assert_eq!(outcomes[6].milliseconds, 0);
    assert_eq!(elapsed(&world).as_secs(), 5);
}

/// A host that complains about eight requests at once gets four, and more again as it answers well.
#[tokio::test(start_paused = true)]
async fn a_host_that_complains_gets_half_as_many() {
    let urls: Vec<_> = (0..40).map(|number| format!("https://busy.example/{number}")).collect();
    let mut script = Origin::default();
    for (number, url) in urls.iter().enumerate() {
        let later = Reply::ok("x").after(Duration::from_secs(1));
        let complains = Reply::status(503).after(Duration::from_secs(1));
        let replies = if number < 8 {
            vec![complains, later]
        } else {
            vec![later]
        };
        script = script.with(url, replies);
    }
    let (world, origin) = World::scripted(&[], script);
    let (summary, _) = world.batch(downloads_with(&urls, &json!({"lambdaConcur": 8}))).await;
    assert_eq!((summary.counts.succeeded, origin.peak_in_flight()), (40, 8));
    // One second with 8 complaints, then 40 answers by 4, 5, 6, 7, 8, 8 in a second each, and the last two.
    assert!((7..=9).contains(&elapsed(&world).as_secs()), "{:?}", elapsed(&world));
}
