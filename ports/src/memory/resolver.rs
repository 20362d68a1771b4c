//! Host names in a map.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;

use crate::{Error, ErrorKind, Result};

/// Host names and the addresses behind them.
#[derive(Debug, Default)]
pub struct Resolver {
    hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl Resolver {
    /// Adds a host.
    #[must_use]
    pub fn with(mut self, host: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.hosts.insert(host.into(), addresses.into_iter().collect());
        self
    }
}

#[async_trait]
impl crate::Resolver for Resolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>> {
        let found = self.hosts.get(host).filter(|addresses| !addresses.is_empty());
        found
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("host `{host}` has no address")))
    }
}
