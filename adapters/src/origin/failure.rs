//! What a failed request was: the client's errors, sorted by their causes.

use std::error::Error as StdError;
use std::io;

use ports::{Error, ErrorKind, FetchError, FetchErrorKind};

/// Why there was no response.
pub(super) fn fetch_error(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    FetchError {
        kind: kind(&error),
        message: chain(&error),
    }
}

/// Why a body ended too soon.
pub(super) fn body_error(error: reqwest::Error) -> Error {
    let error = error.without_url();
    Error::new(ErrorKind::Unavailable, chain(&error))
}

fn kind(error: &reqwest::Error) -> FetchErrorKind {
    if let Some(refused) = find::<Error>(error) {
        return match refused.kind() {
            ErrorKind::Denied => FetchErrorKind::Refused,
            ErrorKind::NotFound => FetchErrorKind::NoSuchHost,
            ErrorKind::Conflict
            | ErrorKind::Throttled
            | ErrorKind::Malformed
            | ErrorKind::Full
            | ErrorKind::Unavailable
            | ErrorKind::Cancelled => FetchErrorKind::Connect,
        };
    }
    if find::<rustls::Error>(error).is_some() {
        FetchErrorKind::Tls
    } else if error.is_connect() {
        FetchErrorKind::Connect
    } else if error.is_timeout() {
        FetchErrorKind::Timeout
    } else {
        FetchErrorKind::Broken
    }
}

/// The causes, each once, from the outermost in; the first one alone says only that there was one.
fn chain(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in causes(error).skip(1) {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        return error.to_string();
    }
    texts.join(": ")
}

/// The cause of that type.
fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error and its causes. An I/O error hides the error that it is made of behind its own text.
fn causes<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let first: &'e (dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |cause| cause_of(*cause))
}

fn cause_of<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as _),
        None => error.source(),
    }
}
