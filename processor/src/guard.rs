//! The guard against requests that a manifest has no business making: schemes, ports and addresses.
//!
//! An address is checked twice: a literal one before the request, and every address behind a name when the HTTP
//! client asks for it. The client connects only to what [`GuardedResolver`] returned, so the address that was
//! checked is the address that is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use manifest::error_name as names;
use ports::{Error, ErrorKind, Resolver};
use url::{Host, Url};

use crate::failure::AttemptError;

/// Which hosts may have private addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowPrivate {
    /// None.
    Nothing,
    /// These, by name or literal address, in lower case.
    Hosts(Vec<String>),
    /// All of them.
    Everything,
}

impl AllowPrivate {
    fn allows(&self, host: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Hosts(hosts) => hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)),
            Self::Everything => true,
        }
    }
}

/// What may be requested. Hosts that may have private addresses may have any port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Which hosts may have private addresses.
    pub allow_private: AllowPrivate,
    /// Which ports may be asked.
    pub ports: Vec<RangeInclusive<u16>>,
}

impl Guard {
    /// Scheme, port and literal address; a name's addresses are checked when it is resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), AttemptError> {
        let scheme = url.scheme();
        if !matches!(scheme, "http" | "https") {
            let message = format!("scheme `{scheme}` is not allowed, only http and https");
            return Err(AttemptError::refused(names::SCHEME_NOT_ALLOWED, message));
        }
        let Some(host) = url.host() else {
            return Err(AttemptError::permanent(names::INVALID_URL, "the URL has no host"));
        };
        if self.allow_private.allows(url.host_str().unwrap_or_default()) {
            return Ok(());
        }
        self.check_port(url.port_or_known_default().unwrap_or(0))?;
        match host {
            Host::Domain(_) => Ok(()),
            Host::Ipv4(address) => check_literal(address.into()),
            Host::Ipv6(address) => check_literal(address.into()),
        }
    }

    fn check_port(&self, port: u16) -> Result<(), AttemptError> {
        if self.ports.iter().any(|range| range.contains(&port)) {
            return Ok(());
        }
        let message = format!("port {port} is not on the list of allowed ports");
        Err(AttemptError::refused(names::PORT_REFUSED, message))
    }
}

fn check_literal(address: IpAddr) -> Result<(), AttemptError> {
    if is_public(address) {
        return Ok(());
    }
    Err(AttemptError::refused(
        names::ADDRESS_REFUSED,
        refusal(&address.to_string(), address),
    ))
}

fn refusal(host: &str, address: IpAddr) -> String {
    format!("host `{host}` has the private or reserved address {address}")
}

/// A resolver that returns no private address: one is enough to refuse the host.
#[derive(Debug)]
pub struct GuardedResolver {
    inner: Arc<dyn Resolver>,
    allow_private: AllowPrivate,
}

impl GuardedResolver {
    /// `inner` with the check around it.
    pub fn new(inner: Arc<dyn Resolver>, allow_private: AllowPrivate) -> Self {
        Self { inner, allow_private }
    }
}

#[async_trait]
impl Resolver for GuardedResolver {
    async fn resolve(&self, host: &str) -> ports::Result<Vec<IpAddr>> {
        let addresses = self.inner.resolve(host).await?;
        if self.allow_private.allows(host) {
            return Ok(addresses);
        }
        match addresses.iter().find(|address| !is_public(**address)) {
            Some(private) => Err(Error::new(ErrorKind::Denied, refusal(host, *private))),
            None => Ok(addresses),
        }
    }
}

/// Whether the address is one of the open Internet.
///
/// **Source**: the IPv4 and IPv6 special-purpose address registries of IANA: what is not globally
/// reachable, and what is reserved for documents and benchmarks.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // ::, ::1, IPv4-compatible and IPv4-mapped; NAT64; IPv4-translated; 6to4: the IPv4 address counts.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        // Of the protocol assignments: port control, relays and traversal, AMT, AS112, ORCHIDv2, drone identities.
        [0x2001, 1, 0, 0, 0, 0, 0, 1..=3] | [0x2001, 3 | 0x20..=0x3f, ..] | [0x2001, 4, 0x112, ..] => true,
        // Discard-only and dummy; NAT64 for local use; other protocol assignments (Teredo, benchmarks, ORCHID); documents;
        // segment routing; unique local, link-local, site-local and multicast.
        [0x100, 0, 0, 0 | 1, ..]
        | [0x64, 0xff9b, ..]
        | [0x2001, 0..=0x1ff | 0xdb8, ..]
        | [0x3fff, 0..=0x0fff, ..]
        | [0x5f00 | 0xfc00..=0xfdff | 0xfe80..=0xfeff | 0xff00..=0xffff, ..] => false,
        _ => true,
    }
}

const fn embedded(high: u16, low: u16) -> bool {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    is_public_v4(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use ports::memory;

    fn guard() -> Guard {
        Guard {
            allow_private: AllowPrivate::Nothing,
            ports: vec![80..=80, 443..=443],
        }
    }

    fn refusal_of(url: &str) -> Option<&'static str> {
        guard()
            .check(&Url::parse(url).unwrap())
            .err()
            .map(|failure| failure.name)
    }

    #[test]
    fn private_addresses_are_refused_in_every_notation() {
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.51.100.255",
            "203.0.113.7",
            "[2001:db8::1]",
            "[2001:2::1]",
            "[2001:10::1]",
            "[3fff:fff::1]",
            "[5f00::1]",
            "[100:0:0:1::1]",
            "[::ffff:203.0.113.7]",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "[::]",
            "[::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[febf::1]",
            "[ff02::1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]",
            "[2001:0:1::1]",
            "[::ffff:0:127.0.0.1]",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "127。0。0。1",
        ];
        for host in private {
            assert_eq!(
                refusal_of(&format!("http://{host}/a")),
                Some("AddressRefused"),
                "{host}"
            );
        }
    }

    #[test]
    fn public_addresses_and_names_pass() {
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.0.3.0",
            "192.88.98.255",
            "198.51.101.0",
            "203.0.112.255",
            "[2001:4860:4860::8888]",
            "[2001:1::1]",
            "[2001:20::1]",
            "[3fff:1000::1]",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[64:ff9b::1.1.1.1]",
            "[2002:101:101::1]",
            "example.com",
            "localhost",
        ];
        for host in public {
            assert_eq!(refusal_of(&format!("https://{host}/a")), None, "{host}");
        }
    }

    #[test]
    fn schemes_and_ports_are_on_lists() {
        for url in [
            "file:///etc/passwd",
            "ftp://example.com/a",
            "gopher://example.com/",
            "data:,x",
        ] {
            assert_eq!(refusal_of(url), Some("SchemeNotAllowed"), "{url}");
        }
        assert_eq!(refusal_of("http://example.com:22/"), Some("PortRefused"));
        assert_eq!(refusal_of("http://example.com:443/"), None);
    }

    #[test]
    fn allowed_hosts_may_be_private_on_any_port() {
        let guard = Guard {
            allow_private: AllowPrivate::Hosts(vec!["127.0.0.1".to_owned()]),
            ports: vec![443..=443],
        };
        assert!(guard.check(&Url::parse("http://127.0.0.1:8123/a").unwrap()).is_ok());
        assert!(guard.check(&Url::parse("http://127.0.0.2/a").unwrap()).is_err());
    }

    #[test]
    fn one_private_address_behind_a_name_refuses_the_name() {
        let addresses = ["93.184.215.14", "10.0.0.1"].map(|text| text.parse().unwrap());
        let inner = memory::Resolver::default()
            .with("mixed.example", addresses)
            .with("public.example", [addresses[0]]);
        let resolver = GuardedResolver::new(Arc::new(inner), AllowPrivate::Nothing);
        let resolve = |host| resolver.resolve(host).now_or_never().unwrap();
        assert_eq!(resolve("mixed.example").unwrap_err().kind(), ErrorKind::Denied);
        assert_eq!(resolve("public.example").unwrap(), [addresses[0]]);
        assert_eq!(resolve("nowhere.example").unwrap_err().kind(), ErrorKind::NotFound);
    }
}
