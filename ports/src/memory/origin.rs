//! Servers as a script: what each URL answers, request after request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::lock;
use crate::{BodyStream, Clock, Error, ErrorKind, FetchError, FetchErrorKind, OriginRequest, OriginResponse};

/// What one request is answered with.
///
/// ```
/// use ports::memory::{Origin, Reply};
///
/// let origin = Origin::default()
///     .with("https://example.com/a.gif", [Reply::status(503).header("retry-after", "1"), Reply::ok("GIF89a")]);
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    head: Result<u16, FetchError>,
    headers: Vec<(String, String)>,
    pieces: Vec<Bytes>,
    ending: Ending,
    delay: Duration,
}

/// What comes after a body's last piece.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Complete,
    Broken,
    Silence,
    Again,
}

impl Reply {
    /// 200 with a body and its length.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Self::status(200).header("content-length", &length).piece(body)
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self {
            head: Ok(status),
            headers: Vec::new(),
            pieces: Vec::new(),
            ending: Ending::Complete,
            delay: Duration::ZERO,
        }
    }

    /// No response.
    pub fn error(kind: FetchErrorKind, message: impl Into<String>) -> Self {
        let mut reply = Self::status(0);
        reply.head = Err(FetchError {
            kind,
            message: message.into(),
        });
        reply
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Adds a piece of body whose length is not told.
    #[must_use]
    pub fn piece(mut self, piece: impl Into<Bytes>) -> Self {
        self.pieces.push(piece.into());
        self
    }

    /// Ends the connection after the last piece, before the body is complete.
    #[must_use]
    pub fn then_broken(mut self) -> Self {
        self.ending = Ending::Broken;
        self
    }

    /// Sends nothing after the last piece, and no end.
    #[must_use]
    pub fn then_silence(mut self) -> Self {
        self.ending = Ending::Silence;
        self
    }

    /// Sends the pieces again and again, without an end.
    #[must_use]
    pub fn for_ever(mut self) -> Self {
        self.ending = Ending::Again;
        self
    }

    /// Delays the head by a time on the origin's clock.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn body(self) -> BodyStream {
        if matches!(self.ending, Ending::Again) {
            return stream::iter(self.pieces.into_iter().cycle()).map(Ok).boxed();
        }
        let pieces = stream::iter(self.pieces).map(Ok);
        match self.ending {
            Ending::Complete | Ending::Again => pieces.boxed(),
            Ending::Broken => pieces.chain(stream::iter([Err(broken())])).boxed(),
            Ending::Silence => pieces.chain(stream::pending()).boxed(),
        }
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection ended before the body did")
}

/// Servers as a script.
#[derive(Debug, Default)]
pub struct Origin {
    replies: Mutex<BTreeMap<String, VecDeque<Reply>>>,
    requests: Mutex<Vec<OriginRequest>>,
    clock: Option<Arc<dyn Clock>>,
    load: Arc<Load>,
}

/// How many requests are in flight, and were at most.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    peak: AtomicUsize,
}

/// One request in flight: from the call to the end of the body, or to its drop.
struct InFlight(Arc<Load>);

impl InFlight {
    fn begin(load: &Arc<Load>) -> Self {
        let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
        load.peak.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(load))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Origin {
    /// Adds the replies of one URL, in order; the last one is repeated.
    #[must_use]
    pub fn with(self, url: impl Into<String>, replies: impl IntoIterator<Item = Reply>) -> Self {
        lock(&self.replies).insert(url.into(), replies.into_iter().collect());
        self
    }

    /// Sets the clock, which [`Reply::after`] and the time-outs of requests need.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<OriginRequest> {
        lock(&self.requests).clone()
    }

    /// The most requests that were ever in flight together, bodies included.
    pub fn peak_in_flight(&self) -> usize {
        self.load.peak.load(Ordering::SeqCst)
    }

    fn next_reply(&self, url: &str) -> Result<Reply, FetchError> {
        let mut replies = lock(&self.replies);
        let queue = replies.get_mut(url);
        let reply = queue.and_then(|queue| match queue.len() {
            0 | 1 => queue.front().cloned(),
            _ => queue.pop_front(),
        });
        reply.ok_or_else(|| FetchError {
            kind: FetchErrorKind::Connect,
            message: format!("nothing is scripted for `{url}`"),
        })
    }

    async fn wait(&self, delay: Duration, limit: Duration) -> Result<(), FetchError> {
        if let Some(clock) = &self.clock {
            clock.sleep_until(clock.now().plus(delay.min(limit))).await;
        }
        if delay <= limit {
            return Ok(());
        }
        Err(FetchError {
            kind: FetchErrorKind::Timeout,
            message: format!("no answer within {} ms", limit.as_millis()),
        })
    }
}

#[async_trait]
impl crate::Origin for Origin {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginResponse, FetchError> {
        let in_flight = InFlight::begin(&self.load);
        let reply = self.next_reply(&request.url);
        let limit = request.head_timeout;
        lock(&self.requests).push(request);
        let reply = reply?;
        if reply.delay > Duration::ZERO {
            self.wait(reply.delay, limit).await?;
        }
        let status = reply.head.clone()?;
        let headers = reply.headers.clone();
        let until_end = stream::once(async move {
            drop(in_flight);
            None
        });
        let body = reply
            .body()
            .map(Some)
            .chain(until_end)
            .filter_map(futures::future::ready);
        Ok(OriginResponse {
            status,
            headers,
            body: body.boxed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin as _;
    use futures::executor::block_on;

    fn request(url: &str) -> OriginRequest {
        OriginRequest {
            url: url.to_owned(),
            headers: Vec::new(),
            head_timeout: Duration::from_secs(1),
            fresh: false,
        }
    }

    #[test]
    fn replies_come_in_order_and_the_last_one_stays() {
        let origin = Origin::default().with("http://a/", [Reply::status(503), Reply::ok("body")]);
        block_on(async {
            assert_eq!(origin.fetch(request("http://a/")).await.unwrap().status, 503);
            for _ in 0..2 {
                let response = origin.fetch(request("http://a/")).await.unwrap();
                assert_eq!(response.header("content-length"), Some("4"));
                let pieces: Vec<_> = response.body.collect().await;
                assert_eq!(pieces.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["body"]);
            }
        });
        assert_eq!((origin.requests().len(), origin.peak_in_flight()), (3, 1));
    }

    #[test]
    fn a_broken_body_ends_with_an_error_and_is_out_of_flight() {
        let origin = Origin::default().with("http://a/", [Reply::status(200).piece("x").then_broken()]);
        let response = block_on(origin.fetch(request("http://a/"))).unwrap();
        let pieces: Vec<_> = block_on(response.body.collect());
        assert!(pieces[0].is_ok() && pieces[1].is_err());
        assert_eq!(origin.load.now.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn an_answer_after_the_time_limit_is_a_timeout() {
        let origin = Origin::default().with("http://a/", [Reply::ok("late").after(Duration::from_secs(2))]);
        let error = block_on(origin.fetch(request("http://a/"))).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Timeout);
        assert!(block_on(origin.fetch(request("http://b/"))).is_err());
    }
}
