//! The error of all ports, sorted by what the caller can do about it.

use std::fmt;

/// What a method of a port returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The thing asked for does not exist.
    NotFound,
    /// A condition of the request did not hold: the thing exists already, or has another `ETag`.
    Conflict,
    /// The service asks for fewer requests.
    Throttled,
    /// The caller may not do this.
    Denied,
    /// The request or the stored thing cannot be understood.
    Malformed,
    /// There is no room: disk, quota or a size limit.
    Full,
    /// The service could not be reached, or failed; the same request may pass later.
    Unavailable,
    /// The caller asked for the work to stop.
    Cancelled,
}

impl ErrorKind {
    /// Whether the very same request may pass later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Throttled | Self::Unavailable => true,
            Self::NotFound | Self::Conflict | Self::Denied | Self::Malformed | Self::Full | Self::Cancelled => false,
        }
    }

    /// The name of a stage's error with this cause, which `Retry` and `Catch` match.
    #[must_use]
    pub const fn error_name(self) -> &'static str {
        match self {
            Self::NotFound => "Gantry.StorageNotFound",
            Self::Conflict => "Gantry.StorageConflict",
            Self::Throttled => "Gantry.StorageThrottled",
            Self::Denied => "Gantry.StorageDenied",
            Self::Malformed => "Gantry.StorageMalformed",
            Self::Full => "Gantry.StorageFull",
            Self::Unavailable => "Gantry.StorageUnavailable",
            Self::Cancelled => "Gantry.Cancelled",
        }
    }
}

/// A failed request to a port.
///
/// The text names what was to be done and to which thing; the cause is the `source`, and is not repeated in the text.
///
/// ```
/// use ports::{Error, ErrorKind};
///
/// let cause = std::io::Error::other("connection reset");
/// let error = Error::new(ErrorKind::Unavailable, "read `s3://images/a.gif`").because(cause);
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "read `s3://images/a.gif`");
/// assert_eq!(error.chain(), "read `s3://images/a.gif`: connection reset");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    /// The service's own error name, such as `NoSuchBucket`.
    code: Option<String>,
    status: Option<u16>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
            status: None,
            source: None,
        }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the service's own error name and its HTTP status.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>, status: Option<u16>) -> Self {
        self.code = Some(code.into());
        self.status = status;
        self
    }

    /// What the caller can do.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The service's own error name, such as `NoSuchKey`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The service's HTTP status.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the very same request may pass later.
    pub const fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// The text with all its causes, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
