//! What a resolver promises.

use std::net::IpAddr;

use super::assert_kind;
use crate::{ErrorKind, Resolver, Result};

/// Every check: a host that has one of these addresses, and a host that has none.
pub async fn all(resolver: &dyn Resolver, host: &str, addresses: &[IpAddr], nowhere: &str) -> Result<()> {
    let found = resolver.resolve(host).await?;
    assert!(
        found.iter().any(|address| addresses.contains(address)),
        "{host} is at {found:?}"
    );
    assert_kind(resolver.resolve(nowhere).await, ErrorKind::NotFound, nowhere);
    Ok(())
}
