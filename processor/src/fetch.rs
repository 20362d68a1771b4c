//! One attempt at one file: the request, its redirects, and the write.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::stream;
use manifest::{Checksum, Note, error_name as names};
use ports::{
    Clock, Error, ErrorKind, ObjectBody, ObjectKey, ObjectStore, Origin, OriginRequest, OriginResponse, PutOptions,
};
use url::Url;

use crate::body::{Body, BodyLimits};
use crate::failure::{AttemptError, Broken, NameConflict, io_cause};
use crate::guard::Guard;
use crate::limits::REDIRECTS_MAX;
use crate::retry::retry_after;

/// What all attempts of a batch share.
#[derive(Debug)]
pub(crate) struct Fetcher<'a> {
    pub(crate) origin: &'a dyn Origin,
    pub(crate) store: &'a dyn ObjectStore,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) guard: &'a Guard,
    pub(crate) limits: BodyLimits,
    pub(crate) checksum: Option<Checksum>,
    /// Bodies up to this many bytes are written in one step.
    pub(crate) collect_bytes: usize,
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that was kept, if there is one.
    Any,
    /// One of its own: an attempt before may have failed because the kept one was closed.
    Fresh,
}

impl Connection {
    /// For the attempt of this number, from 1.
    pub(crate) const fn for_attempt(attempt: u32) -> Self {
        if attempt > 1 { Self::Fresh } else { Self::Any }
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) checksum: Option<String>,
    /// Its name, where it had to give way.
    pub(crate) name: Option<String>,
    /// What is worth a word about it.
    pub(crate) note: Option<Note>,
}

impl Fetcher<'_> {
    /// Fetches the URL and writes what it answers; writes nothing unless all of it came.
    pub(crate) async fn fetch(&self, url: &Url, to: &ObjectKey, connection: Connection) -> Result<Stored, Broken> {
        let started = self.clock.now();
        let (mut response, url) = self.follow(url, connection).await?;
        if !is_whole(&response) {
            let wait = response.header("retry-after");
            let wait = wait.and_then(|value| retry_after(value, self.clock.now()));
            return Err(AttemptError::from_status(response.status, url.as_str(), wait).into());
        }
        let position = response.headers.iter().position(|(name, _)| name == "content-type");
        // The order of the others tells in which one the codings were applied.
        let content_type = position.map(|at| response.headers.remove(at).1);
        let time = (Arc::clone(self.clock), started);
        let with_status = |failure: AttemptError| failure.with_status(200);
        let body = Body::new(response, self.checksum, self.limits, time).map_err(with_status)?;
        let options = PutOptions {
            if_none_match: false,
            content_type,
        };
        self.save(body, to, options).await
    }

    /// The first response that is no redirect, and where it came from.
    async fn follow<'u>(
        &self,
        url: &'u Url,
        connection: Connection,
    ) -> Result<(OriginResponse, Cow<'u, Url>), AttemptError> {
        let mut headers = Vec::new();
        let mut url = without_userinfo(url, &mut headers);
        for _hop in 0..=REDIRECTS_MAX {
            self.guard.check(&url)?;
            let request = OriginRequest {
                url: url.as_str().to_owned(),
                headers: headers.clone(),
                head_timeout: self.limits.head_timeout,
                fresh: connection == Connection::Fresh,
            };
            let response = self.origin.fetch(request).await?;
            if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
                return Ok((response, url));
            }
            let next = location(&response, &url)?;
            if next.origin() != url.origin() {
                // Authorization and Cookie are for the host that they were meant for.
                headers.clear();
            }
            url = Cow::Owned(without_userinfo(&next, &mut headers).into_owned());
        }
        let message = format!("more than {REDIRECTS_MAX} redirects, the last one to {url}");
        Err(AttemptError::permanent(names::TOO_MANY_REDIRECTS, message))
    }

    async fn save(&self, mut body: Body, to: &ObjectKey, options: PutOptions) -> Result<Stored, Broken> {
        let with_status = |failure: AttemptError| failure.with_status(200);
        let mut begin = Collected::default();
        while begin.len() <= self.collect_bytes {
            let Some(piece) = body.next().await.map_err(with_status)? else {
                return self.save_whole(body, begin.into_bytes(), to, options).await;
            };
            begin.push(piece);
        }
        self.save_stream(body, begin.into_bytes(), to, options).await
    }

    async fn save_whole(
        &self,
        body: Body,
        bytes: Bytes,
        to: &ObjectKey,
        options: PutOptions,
    ) -> Result<Stored, Broken> {
        let stored = body.into_stored();
        let put = self.store.put(to, ObjectBody::Bytes(bytes), options).await;
        put.map(|_| stored).map_err(write_failed)
    }

    async fn save_stream(
        &self,
        body: Body,
        begin: Bytes,
        to: &ObjectKey,
        options: PutOptions,
    ) -> Result<Stored, Broken> {
        let end = Arc::new(Mutex::new(None));
        let pieces = stream::try_unfold((body, Some(begin), Arc::clone(&end)), next_piece);
        let put = self.store.put(to, ObjectBody::Stream(Box::pin(pieces)), options).await;
        let end = end.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (put, end) {
            (Ok(_), Some(Ok(stored))) => Ok(stored),
            (_, Some(Err(failure))) => Err(failure.with_status(200).into()),
            (Err(error), _) => Err(write_failed(error)),
            (Ok(_), None) => {
                let message = "the store did not take the whole body";
                Err(AttemptError::later(names::WRITE_FAILED, message).into())
            }
        }
    }
}

/// How a streamed body ended, for when the store has taken it.
type End = Arc<Mutex<Option<Result<Stored, AttemptError>>>>;

async fn next_piece(
    (mut body, begin, end): (Body, Option<Bytes>, End),
) -> ports::Result<Option<(Bytes, (Body, Option<Bytes>, End))>> {
    if let Some(begin) = begin {
        return Ok(Some((begin, (body, None, end))));
    }
    let (outcome, piece) = match body.next().await {
        Ok(Some(piece)) => return Ok(Some((piece, (body, None, end)))),
        Ok(None) => (Ok(body.into_stored()), Ok(None)),
        Err(failure) => {
            let error = Error::new(ErrorKind::Unavailable, failure.message.clone());
            (Err(failure), Err(error))
        }
    };
    *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    piece
}

/// What could not be written: a full disk or a closed door is the same for every item, everything else is this
/// item's own.
fn write_failed(error: Error) -> Broken {
    let message = format!("failed to write: {}", error.chain());
    if let Some(found) = NameConflict::from_error(&error) {
        return Broken::Name(AttemptError::permanent(names::WRITE_FAILED, message), found);
    }
    let failure = match error.kind() {
        ErrorKind::Full | ErrorKind::NotFound | ErrorKind::Cancelled => return Broken::Store(error),
        ErrorKind::Denied if is_closed_to_all(&error) => return Broken::Store(error),
        ErrorKind::Conflict | ErrorKind::Malformed | ErrorKind::Denied => {
            AttemptError::permanent(names::WRITE_FAILED, message)
        }
        ErrorKind::Throttled | ErrorKind::Unavailable => AttemptError::later(names::WRITE_FAILED, message),
    };
    match error.status() {
        Some(status) => failure.with_status(status).into(),
        None => failure.into(),
    }
}

/// Whether the destination as a whole may not be written to: a service says so, there are no credentials for it, or the
/// file system's permissions. A symbolic link or a file in the way of one name denies that name alone.
fn is_closed_to_all(error: &Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    io_cause(error).is_none_or(|cause| matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem))
}

/// Whether the response is the whole file: 200, or 206 with a range that nobody asked for and that leaves nothing out.
///
/// **Source**: RFC 9110, section 14.4.
fn is_whole(response: &OriginResponse) -> bool {
    let whole_range = || {
        let range = response
            .header("content-range")?
            .trim()
            .strip_prefix("bytes")?
            .trim_start();
        let (range, size) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let last: u64 = last.trim().parse().ok()?;
        Some(first.trim() == "0" && size.trim().parse() == Ok(last + 1))
    };
    response.status == 200 || (response.status == 206 && whole_range().unwrap_or(false))
}

/// Where a redirect leads.
fn location(response: &OriginResponse, from: &Url) -> Result<Url, AttemptError> {
    let invalid =
        |message: String| AttemptError::permanent(names::INVALID_REDIRECT, message).with_status(response.status);
    let Some(location) = response.header("location") else {
        return Err(invalid(format!("status {} without a location", response.status)));
    };
    let parsed = from.join(location.trim());
    let mut next = parsed.map_err(|error| invalid(format!("a redirect to `{location}`: {error}")))?;
    next.set_fragment(None);
    Ok(next)
}

/// The URL without user and password, which become a header.
fn without_userinfo<'u>(url: &'u Url, headers: &mut Vec<(String, String)>) -> Cow<'u, Url> {
    if url.username().is_empty() && url.password().is_none() {
        return Cow::Borrowed(url);
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let credentials = [decode(url.username()), decode(url.password().unwrap_or_default())].join(&b':');
    headers.retain(|(name, _)| name != "authorization");
    headers.push((
        "authorization".to_owned(),
        format!("Basic {}", BASE64.encode(credentials)),
    ));
    let mut bare = url.clone();
    let removed = bare.set_username("").and_then(|()| bare.set_password(None));
    debug_assert!(removed.is_ok(), "a URL with a user can be without one");
    Cow::Owned(bare)
}

/// The beginning of a body; a single piece is not copied.
#[derive(Default)]
struct Collected {
    first: Bytes,
    all: Vec<u8>,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            return self.first;
        }
        self.all.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Whether the batch ends.
    fn ends_the_batch(error: Error) -> bool {
        matches!(write_failed(error), Broken::Store(_))
    }

    #[test]
    fn a_full_disk_ends_the_batch_and_a_name_in_the_way_does_not() {
        let of = |kind| Error::new(kind, "failed to write");
        let denied = |cause: io::ErrorKind| of(ErrorKind::Denied).because(io::Error::from(cause));
        assert!(ends_the_batch(of(ErrorKind::Full)));
        assert!(ends_the_batch(of(ErrorKind::NotFound)));
        assert!(ends_the_batch(denied(io::ErrorKind::PermissionDenied)));
        assert!(ends_the_batch(
            of(ErrorKind::Denied).with_code("AccessDenied", Some(403))
        ));
        assert!(ends_the_batch(of(ErrorKind::Denied).because("no credentials")));
        assert!(!ends_the_batch(denied(io::ErrorKind::NotADirectory)));
        assert!(!ends_the_batch(of(ErrorKind::Malformed)));
        assert!(!ends_the_batch(
            of(ErrorKind::Unavailable).with_code("InternalError", Some(500))
        ));
    }

    #[test]
    fn a_beginning_in_one_piece_is_not_copied() {
        let piece = Bytes::from_static(b"GIF89a");
        let mut one = Collected::default();
        one.push(piece.clone());
        assert_eq!((one.len(), one.into_bytes().as_ptr()), (6, piece.as_ptr()));
        let mut two = Collected::default();
        two.push(piece.clone());
        two.push(piece);
        assert_eq!(two.into_bytes(), "GIF89aGIF89a");
    }
}
