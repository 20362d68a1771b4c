//! Host names to addresses: the system's way, and the way reqwest wants it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Error, ErrorKind, Resolver, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the operating system, as every other program on the machine does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await;
        let addresses: Vec<_> = found
            .map_err(|error| failed(host, error))?
            .map(|found| found.ip())
            .collect();
        if addresses.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("host `{host}` has no address")));
        }
        Ok(addresses)
    }
}

/// A name server that does not answer is not a name that does not exist; the system tells them apart in words only.
///
/// **Source**: the texts of `EAI_AGAIN` in glibc and in musl.
fn failed(host: &str, error: std::io::Error) -> Error {
    let text = error.to_string();
    let is_temporary = ["Temporary failure", "Try again"]
        .iter()
        .any(|sign| text.contains(sign));
    let kind = if is_temporary {
        ErrorKind::Unavailable
    } else {
        ErrorKind::NotFound
    };
    Error::new(kind, format!("failed to resolve host `{host}`")).because(error)
}

/// The port as reqwest asks it.
pub(super) struct Adapter(pub(super) Arc<dyn Resolver>);

impl Resolve for Adapter {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
