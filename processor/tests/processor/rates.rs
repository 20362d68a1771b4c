//! Hosts that count requests: what it takes to get everything from them, on a clock that jumps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::memory::{Origin, PausedClock, Reply};
use ports::{Clock, FetchError, OriginRequest, OriginResponse, Timestamp};
use serde_json::json;

use crate::support::{NOON, World, config, downloads_with};

/// A host that answers so many requests a second, and 503 to those beyond, without a word about when to come back.
#[derive(Debug, Clone, Copy)]
struct Limit {
    per_second: u32,
    /// Requests that may come at once after a while without any.
    burst: u32,
    latency: Duration,
}

/// That host.
#[derive(Debug)]
struct Bucket {
    limit: Limit,
    clock: Arc<dyn Clock>,
    tokens: Mutex<(f64, Timestamp)>,
    refused: Mutex<u32>,
}

impl Bucket {
    fn new(limit: Limit, clock: Arc<dyn Clock>) -> Self {
        Self {
            limit,
            tokens: Mutex::new((f64::from(limit.burst), clock.now())),
            clock,
            refused: Mutex::default(),
        }
    }

    fn take(&self) -> bool {
        let now = self.clock.now();
        let mut tokens = self.tokens.lock().unwrap();
        let came = now.since(tokens.1).as_secs_f64() * f64::from(self.limit.per_second);
        *tokens = ((tokens.0 + came).min(f64::from(self.limit.burst)), now);
        let may = tokens.0 >= 1.0;
        if may {
            tokens.0 -= 1.0;
        }
        may
    }
}

#[async_trait]
impl ports::Origin for Bucket {
    async fn fetch(&self, _request: OriginRequest) -> Result<OriginResponse, FetchError> {
        let status = if self.take() { 200 } else { 503 };
        *self.refused.lock().unwrap() += u32::from(status == 503);
        self.clock.sleep_until(self.clock.now().plus(self.limit.latency)).await;
        Ok(OriginResponse {
            status,
            headers: Vec::new(),
            body: Box::pin(futures::stream::empty()),
        })
    }
}

/// What a download of so many files from it comes to.
#[derive(Debug)]
struct Came {
    succeeded: u64,
    attempts_max: u32,
    refused: u32,
    time: Duration,
}

async fn download(items: usize, concurrency: u32, limit: Limit) -> Came {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::at(NOON));
    let host = Arc::new(Bucket::new(limit, Arc::clone(&clock)));
    let world = World::new(config(&[]), Arc::<Bucket>::clone(&host), clock);
    let urls: Vec<_> = (0..items)
        .map(|number| format!("https://busy.example/{number}"))
        .collect();
    let work = json!({"lambdaConcur": concurrency});
    let (summary, outcomes) = world.batch(downloads_with(&urls, &work)).await;
    let refused = *host.refused.lock().unwrap();
    Came {
        succeeded: summary.counts.succeeded,
        attempts_max: outcomes.iter().map(|outcome| outcome.attempts).max().unwrap(),
        refused,
        time: world.ports.clock.now().since(NOON),
    }
}

fn limit(per_second: u32, burst: u32, latency_ms: u64) -> Limit {
    let latency = Duration::from_millis(latency_ms);
    Limit {
        per_second,
        burst,
        latency,
    }
}

/// Four attempts are few: most of the items meet a refusal in the first burst. About twice the time that the
/// limit alone makes it take is enough, also for a host that allows no burst at all.
#[tokio::test(start_paused = true)]
async fn a_host_with_a_limit_serves_everything_in_good_time() {
    for (per_second, concurrency) in [(50, 16), (50, 64), (100, 16), (100, 64)] {
        for burst in [1, per_second / 10, per_second] {
            for latency in [0, 5, 50] {
                let limit = limit(per_second, burst, latency);
                let came = download(400, concurrency, limit).await;
                let most = Duration::from_secs_f64(2.2 * 400.0 / f64::from(per_second));
                assert!(
                    came.succeeded == 400 && came.time <= most,
                    "{limit:?}, {concurrency} at once: {came:?}"
                );
            }
        }
    }
}

/// The slowest rate is enough for the slowest limit.
#[tokio::test(start_paused = true)]
async fn a_host_with_one_request_a_second_serves_everything() {
    let came = download(64, 16, limit(1, 1, 50)).await;
    assert!(came.succeeded == 64 && came.time < Duration::from_secs(80), "{came:?}");
}

/// Answers that come late say late that it is too much.
#[tokio::test(start_paused = true)]
async fn a_slow_host_with_a_limit_serves_everything() {
    let came = download(2_000, 200, limit(20, 1, 1_000)).await;
    assert!(came.succeeded == 2_000, "{came:?}");
}

/// A hundred items with four attempts each, at twenty a second once it is known.
#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_is_not_what_a_run_waits_for() {
    let came = download(100, 16, limit(0, 0, 5)).await;
    assert_eq!((came.succeeded, came.refused, came.attempts_max), (0, 400, 4));
    assert!(came.time < Duration::from_secs(30), "{came:?}");
}

/// A fast host that complains once, and that at the first of 20,000 requests, when little is known of it.
#[tokio::test(start_paused = true)]
async fn one_complaint_costs_a_fast_host_three_seconds() {
    let urls: Vec<_> = (0..20_000)
        .map(|number| format!("https://fast.example/{number}"))
        .collect();
    let reply = || Reply::ok("x").after(Duration::from_millis(10));
    let mut times = [Duration::ZERO; 2];
    for (time, first) in times.iter_mut().zip([Reply::status(503), reply()]) {
        let script = urls
            .iter()
            .fold(Origin::default(), |script, url| script.with(url, [reply()]));
        let (world, _) = World::scripted(&[], script.with(&urls[0], [first, reply()]));
        let (summary, _) = world.batch(downloads_with(&urls, &json!({"lambdaConcur": 64}))).await;
        assert_eq!(summary.counts.succeeded, 20_000);
        *time = world.ports.clock.now().since(NOON);
    }
    let [complained, quiet] = times;
    assert!(complained < quiet + Duration::from_secs(3), "{complained:?}, {quiet:?}");
}

/// One page in ten is broken, and does not get the others asked for once a second: twenty are.
#[tokio::test(start_paused = true)]
async fn broken_pages_do_not_slow_a_host_down_for_good() {
    let urls: Vec<_> = (0..2_000)
        .map(|number| format!("https://mixed.example/{number}"))
        .collect();
    let reply = |status| [Reply::status(status).after(Duration::from_millis(50))];
    let status = |number: usize| if number % 10 == 7 { 503 } else { 200 };
    let script = urls
        .iter()
        .enumerate()
        .fold(Origin::default(), |script, (number, url)| {
            script.with(url, reply(status(number)))
        });
    let (world, origin) = World::scripted(&[], script);
    let (summary, _) = world.batch(downloads_with(&urls, &json!({"lambdaConcur": 64}))).await;
    assert_eq!((summary.counts.succeeded, origin.requests().len()), (1_800, 2_600));
    let elapsed = world.ports.clock.now().since(NOON);
    assert!(elapsed < Duration::from_secs(2_600 / 20), "{elapsed:?}");
}
