//! Why an item failed: its stable name, its class, and whether the processor tries again.

use std::time::Duration;

use manifest::{ErrorClass, ItemError, error_name as names, redact};
use ports::{FetchError, FetchErrorKind};

/// Whether another attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// After a back-off, or when the other side says.
    Yes(Option<Duration>),
    /// It would fail again.
    No,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptError {
    pub(crate) name: &'static str,
    pub(crate) class: ErrorClass,
    pub(crate) status: Option<u16>,
    pub(crate) message: String,
    pub(crate) again: Again,
    /// The other side asked to slow down: the host's cap is halved.
    pub(crate) slow_down: bool,
}

impl AttemptError {
    fn new(name: &'static str, class: ErrorClass, message: String) -> Self {
        Self {
            name,
            class,
            status: None,
            message: redact(message).into_owned(),
            again: Again::No,
            slow_down: false,
        }
    }

    /// We refuse.
    pub(crate) fn refused(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, ErrorClass::Refused, message.into())
    }

    /// It would fail again.
    pub(crate) fn permanent(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, ErrorClass::Permanent, message.into())
    }

    /// Another attempt may pass, but not one of ours.
    pub(crate) fn later(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, ErrorClass::Retryable, message.into())
    }

    /// Too slow; the next attempt may be faster.
    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(names::TIMEOUT, ErrorClass::Timeout, message.into()).again(None)
    }

    /// The body ended before its end.
    pub(crate) fn truncated(message: impl Into<String>) -> Self {
        Self::later(names::TRUNCATED, message).again(None)
    }

    /// The same, and the processor tries again.
    pub(crate) fn again(mut self, after: Option<Duration>) -> Self {
        self.again = Again::Yes(after);
        self
    }

    /// The same with the status of the answer.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    fn slow_down(mut self) -> Self {
        self.slow_down = true;
        self
    }

    /// A status that is not 200, from `url`.
    pub(crate) fn from_status(status: u16, url: &str, retry_after: Option<Duration>) -> Self {
        let reason = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Unknown");
        let text = format!("HTTP error {status} - {reason}");
        let failure = match status {
            404 => Self::permanent(names::NOT_FOUND, format!("Could not find: {url}")),
            410 => Self::permanent(names::NOT_FOUND, text),
            401 | 403 => Self::permanent(names::DENIED, text),
            408 | 425 => Self::later(names::CLIENT_ERROR, text).again(retry_after),
            429 => Self::throttled(text, retry_after),
            503 if retry_after.is_some() => Self::throttled(text, retry_after),
            503 => Self::later(names::SERVER_ERROR, text).again(None).slow_down(),
            // Not implemented, an unknown version of HTTP, a server set up wrongly or one that extends HTTP, a login: the
            // same the next time.
            501 | 505 | 506 | 510 | 511 => Self::permanent(names::SERVER_ERROR, text),
            400..=499 => Self::permanent(names::CLIENT_ERROR, text),
            // 520 to 599 are what proxies have made up; all of them tell of a server behind that fails.
            500..=599 => Self::later(names::SERVER_ERROR, text).again(retry_after),
            _ => Self::permanent(names::UNEXPECTED_STATUS, text),
        };
        failure.with_status(status)
    }

    /// The other side asked to slow down.
    pub(crate) fn throttled(text: String, retry_after: Option<Duration>) -> Self {
        Self::new(names::THROTTLED, ErrorClass::Throttled, text)
            .again(retry_after)
            .slow_down()
    }

    /// The item's error, as outcomes carry it.
    pub(crate) fn into_error(self) -> ItemError {
        ItemError {
            name: self.name.to_owned(),
            class: self.class,
            message: self.message,
        }
    }
}

impl From<FetchError> for AttemptError {
    fn from(error: FetchError) -> Self {
        let message = error.message;
        match error.kind {
            FetchErrorKind::NoSuchHost => Self::permanent(names::NO_SUCH_HOST, message),
            FetchErrorKind::Refused => Self::refused(names::ADDRESS_REFUSED, message),
            FetchErrorKind::Connect | FetchErrorKind::Broken => {
                Self::later(names::CONNECTION_FAILED, message).again(None)
            }
            FetchErrorKind::Tls => Self::permanent(names::TLS_FAILED, message),
            FetchErrorKind::Timeout => Self::timeout(message),
        }
    }
}

/// Why an attempt ended without the item being done.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The item's fault, or its origin's: the batch goes on.
    Item(AttemptError),
    /// The item's name is not to be had; it may have another.
    Name(AttemptError, NameConflict),
    /// The store's: no item can be written, the batch ends.
    Store(ports::Error),
}

/// What is in the way of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameConflict {
    /// A folder of that name.
    Folder,
    /// Something where a folder is needed.
    NoFolder,
}

impl NameConflict {
    /// **Source**: open(2) and rename(2) of the Linux manual.
    pub(crate) fn from_error(error: &ports::Error) -> Option<Self> {
        match error.code()? {
            "EISDIR" => Some(Self::Folder),
            "ENOTDIR" => Some(Self::NoFolder),
            _ => None,
        }
    }
}

/// What the file system said.
pub(crate) fn io_cause(error: &ports::Error) -> Option<&std::io::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

impl From<AttemptError> for Broken {
    fn from(failure: AttemptError) -> Self {
        Self::Item(failure)
    }
}

impl From<FetchError> for Broken {
    fn from(error: FetchError) -> Self {
        Self::Item(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_names_and_retries_of_the_specification() {
        let after = Some(Duration::from_secs(3));
        let cases = [
            (404, None, "NotFound", ErrorClass::Permanent, Again::No),
            (410, None, "NotFound", ErrorClass::Permanent, Again::No),
            (401, None, "Denied", ErrorClass::Permanent, Again::No),
            (403, None, "Denied", ErrorClass::Permanent, Again::No),
            (418, None, "ClientError", ErrorClass::Permanent, Again::No),
            (408, None, "ClientError", ErrorClass::Retryable, Again::Yes(None)),
            (425, None, "ClientError", ErrorClass::Retryable, Again::Yes(None)),
            (429, None, "Throttled", ErrorClass::Throttled, Again::Yes(None)),
            (429, after, "Throttled", ErrorClass::Throttled, Again::Yes(after)),
            (503, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (503, after, "Throttled", ErrorClass::Throttled, Again::Yes(after)),
            (500, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (502, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (504, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (507, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (520, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (522, after, "ServerError", ErrorClass::Retryable, Again::Yes(after)),
            (524, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (599, None, "ServerError", ErrorClass::Retryable, Again::Yes(None)),
            (501, None, "ServerError", ErrorClass::Permanent, Again::No),
            (505, None, "ServerError", ErrorClass::Permanent, Again::No),
            (511, None, "ServerError", ErrorClass::Permanent, Again::No),
            (304, None, "UnexpectedStatus", ErrorClass::Permanent, Again::No),
            (206, None, "UnexpectedStatus", ErrorClass::Permanent, Again::No),
        ];
        for (status, after, name, class, again) in cases {
            let failure = AttemptError::from_status(status, "http://h/a", after);
            assert_eq!(
                (failure.name, failure.class, failure.again),
                (name, class, again),
                "{status}"
            );
        }
    }

    #[test]
    fn messages_are_those_of_image_download() {
        let message = |status| AttemptError::from_status(status, "http://h/zz.gif", None).message;
        assert_eq!(message(404), "Could not find: http://h/zz.gif");
        assert_eq!(message(500), "HTTP error 500 - Internal Server Error");
    }
}
