//! What an origin promises.

use std::time::Duration;

use futures::StreamExt;

use crate::{FetchErrorKind, Origin, OriginRequest};

/// The URLs that the checks fetch; the caller has a server or a script that answers so.
#[derive(Debug, Clone)]
pub struct Site {
    /// 200, body `hello`, and the header `X-Twice` with `1` and then with `2`.
    pub hello: String,
    /// 404.
    pub missing: String,
    /// 302 with a `Location`.
    pub redirect: String,
    /// 200, then some bytes, then the connection ends before the body does.
    pub broken: String,
    /// Never answers.
    pub silent: String,
    /// Takes no connection.
    pub closed: String,
}

/// Every check.
pub async fn all(origin: &dyn Origin, site: &Site) {
    a_response_has_status_headers_and_body(origin, site).await;
    nothing_is_followed_or_taken_for_an_error(origin, site).await;
    a_body_that_is_cut_short_ends_with_an_error(origin, site).await;
    what_does_not_answer_is_an_error(origin, site).await;
}

/// Longer than an answer takes on the busiest machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn request(url: &str, head_timeout: Duration) -> OriginRequest {
    OriginRequest {
        url: url.to_owned(),
        headers: Vec::new(),
        head_timeout,
        fresh: false,
    }
}

/// Header names are in lower case; one that stands twice is there twice.
pub async fn a_response_has_status_headers_and_body(origin: &dyn Origin, site: &Site) {
    let answer = origin.fetch(request(&site.hello, PATIENCE)).await;
    assert!(answer.is_ok(), "{answer:?}");
    let Ok(response) = answer else { return };
    assert_eq!(response.status, 200);
    let twice: Vec<_> = response.headers.iter().filter(|(name, _)| name == "x-twice").collect();
    assert_eq!(
        twice.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    let pieces: Vec<_> = response.body.collect().await;
    let whole: Vec<u8> = pieces.into_iter().flatten().flatten().collect();
    assert_eq!(whole, b"hello");
}

/// A redirect and a 404 are responses.
pub async fn nothing_is_followed_or_taken_for_an_error(origin: &dyn Origin, site: &Site) {
    for (url, expected) in [(&site.missing, 404), (&site.redirect, 302)] {
        let status = origin
            .fetch(request(url, PATIENCE))
            .await
            .map(|response| response.status);
        assert_eq!(status, Ok(expected), "{url}");
    }
}

/// Whoever reads the body learns that it is not whole.
pub async fn a_body_that_is_cut_short_ends_with_an_error(origin: &dyn Origin, site: &Site) {
    let answer = origin.fetch(request(&site.broken, PATIENCE)).await;
    assert!(answer.is_ok(), "{answer:?}");
    let Ok(response) = answer else { return };
    let pieces: Vec<_> = response.body.collect().await;
    assert!(pieces.last().is_some_and(Result::is_err), "{pieces:?}");
}

/// No answer in time, and no connection.
pub async fn what_does_not_answer_is_an_error(origin: &dyn Origin, site: &Site) {
    for (url, head_timeout, expected) in [
        (&site.silent, Duration::from_millis(500), FetchErrorKind::Timeout),
        (&site.closed, PATIENCE, FetchErrorKind::Connect),
    ] {
        let kind = origin
            .fetch(request(url, head_timeout))
            .await
            .err()
            .map(|error| error.kind);
        assert_eq!(kind, Some(expected), "{url}");
    }
}
