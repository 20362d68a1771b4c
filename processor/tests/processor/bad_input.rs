//! What bad input and bad servers get: the rows of the table, over reqwest and a real origin.

use std::io::Write;

use demo::{Behaviour, Origin, image, origin::Options};
use manifest::Status;
use ports::memory::{self, Reply};
use serde_json::json;

use crate::support::{HURRY, IMPATIENT, World, downloads, downloads_with, verdict};

async fn origin() -> Origin {
    Origin::start(Options::default()).await.unwrap()
}

fn class(outcome: &manifest::Outcome) -> Option<String> {
    let error = outcome.error.as_ref()?;
    Some(serde_json::to_value(error.class).unwrap().as_str().unwrap().to_owned())
}

/// Answers that take longer than anybody waits.
const SLOW: [Behaviour; 3] = [Behaviour::Silent, Behaviour::Drip, Behaviour::Stall];

fn check(behaviour: Behaviour, outcome: &manifest::Outcome) {
    let expected = behaviour.expected();
    let found = serde_json::to_value(outcome).unwrap();
    let name = outcome.error.as_ref().map(|error| error.name.as_str());
    assert_eq!(found["status"], expected.status, "{behaviour:?}: {found}");
    assert_eq!(name, expected.error.map(|error| error.0), "{found}");
    assert_eq!(
        class(outcome).as_deref(),
        expected.error.map(|error| error.1),
        "{found}"
    );
    assert_eq!(outcome.status_code, expected.status_code, "{found}");
    assert_eq!(outcome.attempts, expected.attempts, "{found}");
}

/// Every misbehaviour in one batch: each item has what the model says, and good neighbours are not harmed.
#[tokio::test]
async fn every_misbehaviour_has_the_outcome_of_the_model() {
    let origin = origin().await;
    let world = World::real(&HURRY);
    let mut behaviours = Behaviour::ALL.to_vec();
    behaviours.retain(|behaviour| !SLOW.contains(behaviour));
    let mut paths: Vec<_> = behaviours.iter().map(|behaviour| behaviour.path("a")).collect();
    paths.extend((0..30).map(|number| format!("/images/{number}.gif")));
    let urls: Vec<_> = paths.iter().map(|path| origin.url(path)).collect();
    let (summary, outcomes) = world.batch(downloads_with(&urls, &json!({"lambdaConcur": 16}))).await;

    assert_eq!(outcomes.len(), urls.len());
    for (behaviour, outcome) in behaviours.iter().zip(&outcomes) {
        check(*behaviour, outcome);
    }
    let rest = &outcomes[behaviours.len()..];
    assert!(rest.iter().all(|outcome| outcome.status == Status::Succeeded));
    let succeeding = behaviours
        .iter()
        .filter(|behaviour| behaviour.expected().status == "succeeded");
    assert_eq!(
        (summary.counts.succeeded, summary.counts.pending),
        (succeeding.count() as u64 + 30, 0)
    );

    // Nothing is there under a failed item's name, and what is there is whole.
    let mut names: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.filename.clone()).collect();
    names.sort_unstable();
    assert_eq!(world.store.keys("out"), names);
    let image = image::gif(0);
    for (behaviour, outcome) in behaviours.iter().zip(&outcomes) {
        let Some(name) = &outcome.filename else { continue };
        let is_short = *behaviour == Behaviour::LongBody;
        let length = if is_short { image.len() / 2 } else { image.len() };
        assert_eq!(
            world.store.bytes("out", name).unwrap(),
            image[..length],
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn slow_answers_are_timeouts() {
    let origin = origin().await;
    let world = World::real(&IMPATIENT);
    let urls: Vec<_> = SLOW.iter().map(|behaviour| origin.url(&behaviour.path("a"))).collect();
    let (_, outcomes) = world.batch(downloads(&urls)).await;
    for (behaviour, outcome) in SLOW.iter().zip(&outcomes) {
        // On a machine that is busy enough the head may be late as well.
        let is_late =
            outcome.status_code.is_none() && outcome.error.as_ref().is_some_and(|error| error.name == "Timeout");
        if !is_late {
            check(*behaviour, outcome);
        }
    }
    assert!(world.store.keys("out").is_empty());
}

#[tokio::test]
async fn requests_are_as_many_as_attempts_and_redirects() {
    let origin = origin().await;
    let world = World::real(&HURRY);
    let behaviours = [
        (Behaviour::NotFound, 1),
        (Behaviour::Throttled, 3),
        (Behaviour::ErrorAlways, 4),
        (Behaviour::ResetAlways, 4),
        // The first request and ten redirects.
        (Behaviour::RedirectLoop, 11),
    ];
    let urls: Vec<_> = behaviours
        .iter()
        .map(|(behaviour, _)| origin.url(&behaviour.path("b")))
        .collect();
    world.batch(downloads(&urls)).await;
    for (behaviour, requests) in behaviours {
        assert_eq!(
            origin.requests_with("GET", &behaviour.path("b")),
            requests,
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn certificates_are_checked_against_the_name() {
    let origin = origin().await;
    let world = World::real_trusting(&HURRY, vec![origin.root_certificate().to_vec()]);
    let urls = [
        origin.secure_url("/images/1.gif"),
        origin.wrong_name_url("/images/1.gif"),
    ];
    let (_, outcomes) = world.batch(downloads(&urls)).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Succeeded, None, Some(200)));
    assert_eq!(verdict(&outcomes[1]), (Status::Failed, Some("TlsFailed"), None));
    assert_eq!(outcomes[1].attempts, 1);

    let stranger = World::real(&HURRY);
    let (_, outcomes) = stranger.batch(downloads(&urls[..1])).await;
    assert_eq!(
        verdict(&outcomes[0]),
        (Status::Failed, Some("TlsFailed"), None),
        "an unknown issuer"
    );
}

#[tokio::test]
async fn no_connection_is_made_to_a_private_address() {
    let origin = origin().await;
    let port = origin.url("").rsplit(':').next().unwrap().to_owned();
    let world = World::real(&[("ALLOWED_PORTS", "*")]);
    let hosts = [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "127.1",
    ];
    let urls: Vec<_> = hosts
        .iter()
        .map(|host| format!("http://{host}:{port}/images/1.gif"))
        .collect();
    let (summary, outcomes) = world.batch(downloads(&urls)).await;
    for outcome in &outcomes {
        assert_eq!(
            verdict(outcome),
            (Status::Failed, Some("AddressRefused"), None),
            "{:?}",
            outcome.subject
        );
        assert_eq!(class(outcome).as_deref(), Some("refused"));
    }
    assert_eq!((summary.counts.failed, origin.connections()), (hosts.len() as u64, 0));
    assert_eq!(world.ports.meter.read().failed, hosts.len() as u64);
}

#[tokio::test]
async fn a_redirect_to_a_private_name_is_refused_before_it_is_connected_to() {
    let origin = origin().await;
    // The address is allowed, the name that the redirect leads to is not.
    let world = World::real(&[("ALLOW_PRIVATE", "127.0.0.1"), ("ALLOWED_PORTS", "*")]);
    let url = origin.url(&Behaviour::RedirectCrossHost.path("x"));
    let (_, outcomes) = world.batch(downloads(&[url])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("AddressRefused"), None));
    assert_eq!((origin.connections(), origin.requests("/images/0.gif")), (1, 0));
}

#[tokio::test]
async fn what_is_no_url_fails_under_its_own_name() {
    let world = World::real(&HURRY);
    let rows = [
        ("file:///etc/passwd", "SchemeNotAllowed"),
        ("ftp://example.com/a", "SchemeNotAllowed"),
        ("http://", "InvalidUrl"),
        ("http://exa mple.com/", "InvalidUrl"),
        ("http://127.0.0.1:99999/", "InvalidUrl"),
        ("http://127.0.0.1/../../etc/passwd", "UnsafeName"),
        ("http://127.0.0.1/%2e%2e/x", "UnsafeName"),
        ("http://127.0.0.1/a\\b", "UnsafeName"),
        ("http://127.0.0.1/a%00b", "UnsafeName"),
        ("http://203.0.113.7/a", "AddressRefused"),
        ("http://nowhere.invalid:22/", "PortRefused"),
    ];
    let urls: Vec<_> = rows.iter().map(|row| row.0).collect();
    let (summary, outcomes) = world.batch(downloads(&urls)).await;
    for ((url, name), outcome) in rows.iter().zip(&outcomes) {
        assert_eq!(verdict(outcome), (Status::Failed, Some(*name), None), "{url}");
        assert_eq!(outcome.attempts, 0);
    }
    assert_eq!(
        (summary.counts.failed, world.store.keys("out").len()),
        (rows.len() as u64, 0)
    );
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_a_failed_connection() {
    // A port that was free a moment ago: the listener is gone.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let world = World::real(&HURRY);
    let (_, outcomes) = world.batch(downloads(&[format!("http://127.0.0.1:{port}/a")])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("ConnectionFailed"), None));
    assert_eq!(outcomes[0].attempts, 4);
}

#[tokio::test]
async fn large_bodies_are_streamed_and_limits_hold() {
    let origin = origin().await;
    let world = World::real(&HURRY);
    let urls = [origin.url("/bytes/2500000/a"), origin.url("/bytes/2000000/bc")];
    let more = json!({"maxObjectBytes": 2_100_000, "checksum": "sha256"});
    let (summary, outcomes) = world.batch(downloads_with(&urls, &more)).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("TooLarge"), Some(200)));
    assert_eq!(verdict(&outcomes[1]), (Status::Succeeded, None, Some(200)));
    let name = outcomes[1].filename.as_ref().unwrap();
    assert_eq!(world.store.bytes("out", name).unwrap(), image::noise(2, 2_000_000));
    assert_eq!(
        (summary.counts.bytes, world.ports.meter.read().bytes),
        (2_000_000, 2_000_000)
    );
    let checksum = outcomes[1].checksum.as_ref().unwrap();
    assert!(checksum.starts_with("sha256:") && checksum.len() == 71, "{checksum}");
}

#[tokio::test]
async fn never_more_requests_in_flight_than_asked_for() {
    let latency = std::time::Duration::from_millis(5);
    let origin = Origin::start(Options {
        latency,
        ..Options::default()
    })
    .await
    .unwrap();
    let world = World::real(&HURRY);
    let urls = fixtures::generate::urls(&origin.url(""), 60);
    let (summary, _) = world.batch(downloads_with(&urls, &json!({"lambdaConcur": 7}))).await;
    assert_eq!((summary.counts.succeeded, origin.peak_in_flight()), (60, 7));
    assert!(origin.connections() <= 7);
}

#[tokio::test]
async fn credentials_go_to_their_host_and_no_other() {
    let origin = origin().await;
    let world = World::real(&HURRY);
    let with_user = |path: &str| origin.url(path).replace("http://", "http://me:pa%20ss@");
    let urls = [
        with_user("/echo/x"),
        with_user(&Behaviour::ErrorAlways.path("secret?sig=abc")),
    ];
    let (_, outcomes) = world.batch(downloads(&urls)).await;
    let request = world
        .store
        .bytes("out", outcomes[0].filename.as_ref().unwrap())
        .unwrap();
    let request = String::from_utf8(request.to_vec()).unwrap();
    // printf 'me:pa ss' | base64
    assert!(request.contains("authorization: Basic bWU6cGEgc3M="), "{request}");
    assert!(request.contains("user-agent: gantry/"));
    let message = &outcomes[1].error.as_ref().unwrap().message;
    assert!(!message.contains("pa%20ss") && !message.contains("abc"), "{message}");
}

/// One header a coding, in the order in which they were applied, among others.
#[tokio::test(start_paused = true)]
async fn codings_in_several_headers_are_undone_last_first() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"GIF89a").unwrap();
    let both = zstd::encode_all(gzip.finish().unwrap().as_slice(), 1).unwrap();
    let reply = Reply::status(200)
        .header("content-type", "image/gif")
        .header("content-encoding", "gzip")
        .header("content-encoding", "zstd")
        .piece(both);
    let url = "https://example.com/a.gif";
    let (world, _) = World::scripted(&[], memory::Origin::default().with(url, [reply]));
    let (_, outcomes) = world.batch(downloads(&[url])).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Succeeded, None, Some(200)));
    assert_eq!(world.store.bytes("out", "example.com/a.gif").unwrap(), "GIF89a");
}
