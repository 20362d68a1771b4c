//! What is not reached in time is pending, never lost and never failed.

use std::time::Duration;

use manifest::Status;
use ports::Timestamp;
use ports::memory::{Origin, Reply};
use serde_json::json;

use crate::support::{NOON, World, downloads, verdict};

/// Four replies a second, five at once: ten seconds before the margin of five are enough for 200 of 300.
#[tokio::test(start_paused = true)]
async fn what_is_not_reached_is_pending() {
    let urls: Vec<_> = (0..300).map(|number| format!("https://example.com/{number}")).collect();
    let reply = || [Reply::ok("x").after(Duration::from_millis(250))];
    let script = urls
        .iter()
        .fold(Origin::default(), |script, url| script.with(url, reply()));
    let (world, origin) = World::scripted(&[], script);
    let deadline = NOON.plus(Duration::from_millis(15_100));
    let (summary, outcomes) = world.settle(world.call_until(downloads(&urls), deadline).await);
    assert_eq!(
        (summary.counts.succeeded, summary.counts.pending, summary.counts.failed),
        (200, 100, 0)
    );
    assert_eq!(world.ports.clock.now().since(NOON), Duration::from_millis(10_100));
    for (number, outcome) in outcomes.iter().enumerate() {
        let expected = match number {
            0..200 => (Status::Succeeded, None, Some(200)),
            _ => (Status::Pending, Some("NotReached"), None),
        };
        assert_eq!(verdict(outcome), expected, "{number}");
    }
    // Five were in flight when time was up; they were begun, and left nothing.
    assert_eq!((origin.requests().len(), world.store.keys("out").len()), (205, 200));
    assert_eq!(world.ports.meter.read().succeeded, 200);
}

#[tokio::test(start_paused = true)]
async fn a_child_has_five_minutes_from_its_start() {
    let script = Origin::default().with("https://example.com/a", [Reply::ok("x").after(Duration::from_secs(9))]);
    let (world, _) = World::scripted(&[], script);
    let mut event = downloads(&["https://example.com/a"]);
    // 290 seconds after its start, less the margin of 5, are 6 seconds from now.
    event["startedAt"] = json!(Timestamp::from_millis(NOON.as_millis() - 279_000).to_string());
    let (summary, _) = world.batch(event).await;
    assert_eq!(summary.counts.pending, 1);
    assert_eq!(world.ports.clock.now().since(NOON), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_not_waited_for() {
    let throttled = Reply::status(429).header("retry-after", "50");
    let (world, _) = World::scripted(&[], Origin::default().with("https://example.com/a", [throttled]));
    let answer = world
        .call_until(
            downloads(&["https://example.com/a"]),
            NOON.plus(Duration::from_secs(30)),
        )
        .await;
    let (_, outcomes) = world.settle(answer);
    assert_eq!(verdict(&outcomes[0]), (Status::Pending, Some("NotReached"), Some(429)));
    assert!(outcomes[0].error.as_ref().unwrap().message.contains("429"));
    assert_eq!(world.ports.clock.now(), NOON);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_past_leaves_everything_pending() {
    let (world, origin) = World::scripted(&[], Origin::default());
    let answer = world
        .call_until(downloads(&["https://example.com/a", "file:///a"]), NOON)
        .await;
    let (summary, outcomes) = world.settle(answer);
    assert_eq!(
        (summary.counts.pending, summary.counts.failed, origin.requests().len()),
        (1, 1, 0)
    );
    assert_eq!(outcomes[0].attempts, 0);
}
