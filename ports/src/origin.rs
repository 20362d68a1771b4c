//! The servers that items are fetched from, and the addresses behind their names.
//!
//! The processor owns every decision (which addresses are allowed, redirects, retries, limits); an [`Origin`] does
//! one request to one URL and follows nothing.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::{BodyStream, Result};

/// A GET request.
#[derive(Debug, Clone)]
pub struct OriginRequest {
    /// An absolute `http` or `https` URL.
    pub url: String,
    /// Header names and values that are sent besides the client's own.
    pub headers: Vec<(String, String)>,
    /// Time-out from the start of the connection to the head of the response.
    pub head_timeout: Duration,
    /// Whether the request gets a connection of its own: the server may have closed one that was kept.
    pub fresh: bool,
}

/// The head of a response, and its body.
pub struct OriginResponse {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, and values with their bytes beyond ASCII percent-encoded. A header that was sent twice
    /// is listed twice.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent, not decoded. It ends with an error when the connection ends before the body does.
    pub body: BodyStream,
}

impl fmt::Debug for OriginResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl OriginResponse {
    /// The first value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The reason why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The host name has no address.
    NoSuchHost,
    /// The guard refused an address; no connection was made.
    Refused,
    /// No connection could be made.
    Connect,
    /// TLS failed: the certificate has another name, an unknown issuer, or has expired.
    Tls,
    /// No response came in time.
    Timeout,
    /// The connection ended, or the response was not HTTP.
    Broken,
}

/// A request that got no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    /// The reason.
    pub kind: FetchErrorKind,
    /// A text for people, without the secrets of the URL.
    pub message: String,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FetchError {}

/// Fetches one URL, once, following nothing.
#[async_trait]
pub trait Origin: Send + Sync + fmt::Debug {
    /// Sends the request and returns the response's head.
    ///
    /// # Cancel safety
    /// Dropping the future, or the body, closes the connection unless it can be kept for the next request.
    async fn fetch(&self, request: OriginRequest) -> std::result::Result<OriginResponse, FetchError>;
}

/// The addresses behind a host name.
#[async_trait]
pub trait Resolver: Send + Sync + fmt::Debug {
    /// Looks all addresses up. [`crate::ErrorKind::NotFound`] when there is none, [`crate::ErrorKind::Denied`] when a guard
    /// refuses one of them.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>>;
}
