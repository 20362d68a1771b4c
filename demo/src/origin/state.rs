//! What an origin is made of and what all of its connections share: options, counts, delays.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::latency::Latency;

/// How an origin is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many images there are below `/images/`.
    pub images: u64,
    /// Other paths that lead to an image.
    pub more: Vec<String>,
    /// How long each answer takes.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            images: 300,
            more: Vec::new(),
            latency: Duration::ZERO,
        }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) latency: Latency,
    pub(super) address: SocketAddr,
    pub(super) connections: AtomicU64,
    in_flight: AtomicU64,
    pub(super) in_flight_peak: AtomicU64,
    requests: Mutex<BTreeMap<(String, String), u64>>,
}

impl State {
    pub(super) fn new(options: Options, address: SocketAddr) -> Self {
        Self {
            latency: Latency::new(options.latency),
            options,
            address,
            connections: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            in_flight_peak: AtomicU64::new(0),
            requests: Mutex::default(),
        }
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, BTreeMap<(String, String), u64>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request; returns how many there have been for this path and method, with this one.
    pub(super) fn count(&self, method: &str, path: &str) -> u64 {
        let mut requests = self.requests();
        let count = requests.entry((method.to_owned(), path.to_owned())).or_default();
        *count += 1;
        *count
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_peak.fetch_max(now, Ordering::SeqCst);
        InFlight(Arc::clone(self))
    }
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<State>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
