//! The servers that items come from: the [`ports::Origin`] over reqwest, and the [`ports::Resolver`] over the system's.
//!
//! One request to one URL, following nothing, decoding nothing, through no proxy: every decision is the processor's.
//! Connections are made only to what the given resolver returned for the host, so a guard around it sees every
//! address before it is connected to. Literal addresses are not resolved: the caller checks them before.

mod failure;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use percent_encoding::{AsciiSet, percent_encode};
use ports::{FetchError, FetchErrorKind, OriginRequest, OriginResponse, Resolver};
use reqwest::header::HeaderValue;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub use resolver::SystemResolver;

/// From the start of a connection to its end; a little less than what a response's head gets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept without a request. A running download asks again within milliseconds, and ten
/// million hosts must not each keep a file descriptor.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Headers of a response at most. Some have a few hundred; curl takes 5,000 of them.
const HEADERS_MAX: usize = 1_000;

/// The `User-Agent` of all requests.
const USER_AGENT: &str = concat!("gantry/", env!("CARGO_PKG_VERSION"));

/// How an [`Origin`] is made.
#[derive(Debug, Clone, Default)]
pub struct OriginOptions {
    /// Connections to one host that are kept for later requests: at least as many as there are requests in flight.
    pub idle_per_host_max: usize,
    /// How long a connection may take to stand; five seconds when absent.
    pub connect_timeout: Option<Duration>,
    /// Certificates, DER, that are trusted besides the system's.
    pub extra_roots: Vec<Vec<u8>>,
}

/// Why there is no [`Origin`].
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// A certificate or the protocol's version.
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
    /// The client.
    #[error("failed to set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Servers over HTTP/1.1, with and without TLS.
#[derive(Debug, Clone)]
pub struct Origin {
    client: reqwest::Client,
    /// Keeps no connections.
    fresh: reqwest::Client,
}

impl Origin {
    /// A client with a pool of connections of its own, which asks `resolver` for every host.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn new(resolver: Arc<dyn Resolver>, options: &OriginOptions) -> Result<Self, OriginError> {
        let tls = tls(&options.extra_roots)?;
        let resolver = Arc::new(resolver::Adapter(resolver));
        let keeping = |connections: usize| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Arc::clone(&resolver))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .user_agent(USER_AGENT)
                .connect_timeout(options.connect_timeout.unwrap_or(CONNECT_TIMEOUT))
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(connections)
                .tcp_nodelay(true)
                // Old and careless servers send such heads; browsers and curl take them.
                .http1_allow_obsolete_multiline_headers_in_responses(true)
                .http1_allow_spaces_after_header_name_in_responses(true)
                .http1_ignore_invalid_headers_in_responses(true)
                .http1_max_headers(HEADERS_MAX)
                .http1_only();
            builder.build()
        };
        Ok(Self {
            client: keeping(options.idle_per_host_max)?,
            fresh: keeping(0)?,
        })
    }

    async fn send(&self, request: OriginRequest) -> Result<reqwest::Response, FetchError> {
        let client = if request.fresh { &self.fresh } else { &self.client };
        let mut builder = client.get(request.url);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        match tokio::time::timeout(request.head_timeout, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failure::fetch_error(error)),
            Err(_elapsed) => Err(FetchError {
                kind: FetchErrorKind::Timeout,
                message: format!("no answer within {} ms", request.head_timeout.as_millis()),
            }),
        }
    }
}

/// A header's value, its bytes beyond ASCII percent-encoded: what browsers and curl make of a location with such bytes,
/// whatever their encoding.
fn text(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_beyond_ascii) => percent_encode(value.as_bytes(), &AsciiSet::EMPTY).to_string(),
    }
}

/// TLS with ring, which needs no C compiler beyond what is there, and the system's roots.
pub(crate) fn tls(extra_roots: &[Vec<u8>]) -> Result<ClientConfig, OriginError> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system that cannot be read are as good as not there: their servers are then refused.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for root in extra_roots {
        roots.add(CertificateDer::from(root.as_slice()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[async_trait]
impl ports::Origin for Origin {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginResponse, FetchError> {
        let response = self.send(request).await?;
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Ok(OriginResponse {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: Box::pin(response.bytes_stream().map_ok(Bytes::from).map_err(failure::body_error)),
        })
    }
}
