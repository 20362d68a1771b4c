//! How many requests a host gets at once, and when none: adapts to what the host says.
//!
//! A host starts without a cap of its own. When it asks to slow down, its cap becomes half of what it had in flight;
//! every run of as many good answers as the cap raises it by one, until it is back where it was. `Retry-After`
//! pauses the host. One value is shared by all the calls of a process; it remembers only hosts that have requests
//! in flight, a cap or a pause.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ports::Timestamp;

/// The state of every host that has one.
#[derive(Debug, Default)]
pub struct Politeness {
    hosts: Mutex<HashMap<Arc<str>, Host>>,
}

#[derive(Debug, Default)]
struct Host {
    in_flight: usize,
    cap: Option<Cap>,
    paused_until: Option<Timestamp>,
    /// Grows with each cut, so that the answers to requests from before it do not cut again.
    cuts: u32,
}

#[derive(Debug, Clone, Copy)]
struct Cap {
    now: usize,
    /// Where the cap ends.
    before: usize,
    good: usize,
}

/// Whether a request may start.
#[derive(Debug)]
pub(crate) enum Permission<'a> {
    /// Now.
    Granted(Grant<'a>),
    /// Not before.
    NotBefore(Timestamp),
    /// When another one has ended.
    Full,
}

/// A request in flight; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    politeness: &'a Politeness,
    host: Arc<str>,
    cuts: u32,
}

impl Politeness {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks to start a request to the host.
    pub(crate) fn ask(&self, host: &Arc<str>, now: Timestamp) -> Permission<'_> {
        let mut hosts = self.lock();
        let entry = hosts.entry(Arc::clone(host)).or_default();
        match entry.paused_until {
            Some(until) if now < until => return Permission::NotBefore(until),
            Some(_) => entry.paused_until = None,
            None => {}
        }
        if entry.cap.is_some_and(|cap| entry.in_flight >= cap.now) {
            return Permission::Full;
        }
        entry.in_flight += 1;
        Permission::Granted(Grant {
            politeness: self,
            host: Arc::clone(host),
            cuts: entry.cuts,
        })
    }
}

impl Grant<'_> {
    /// The host answered without complaint.
    pub(crate) fn went_well(self) {
        let mut hosts = self.politeness.lock();
        if let Some(host) = hosts.get_mut(&self.host) {
            host.climb();
        }
    }

    /// The host asked to slow down, and to wait until `pause`.
    pub(crate) fn slow_down(self, now: Timestamp, pause: Option<Duration>) {
        let mut hosts = self.politeness.lock();
        if let Some(host) = hosts.get_mut(&self.host) {
            if host.cuts == self.cuts {
                host.cut();
            }
            let until = pause.map(|pause| now.plus(pause));
            host.paused_until = host.paused_until.max(until);
        }
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        let mut hosts = self.politeness.lock();
        let Some(host) = hosts.get_mut(&self.host) else {
            return;
        };
        host.in_flight = host.in_flight.saturating_sub(1);
        if host.in_flight == 0 && host.cap.is_none() && host.paused_until.is_none() {
            hosts.remove(&self.host);
        }
    }
}

impl Host {
    fn cut(&mut self) {
        let now = self.cap.map_or(self.in_flight, |cap| cap.now.min(self.in_flight));
        let before = self.cap.map_or(self.in_flight, |cap| cap.before);
        self.cap = Some(Cap {
            now: (now / 2).max(1),
            before,
            good: 0,
        });
        self.cuts = self.cuts.wrapping_add(1);
    }

    fn climb(&mut self) {
        let Some(mut cap) = self.cap else {
            return;
        };
        cap.good += 1;
        if cap.good >= cap.now {
            cap.now += 1;
            cap.good = 0;
        }
        self.cap = (cap.now < cap.before).then_some(cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn fill<'a>(politeness: &'a Politeness, host: &Arc<str>) -> Vec<Grant<'a>> {
        let mut grants = Vec::new();
        while grants.len() < 8 {
            match politeness.ask(host, NOW) {
                Permission::Granted(grant) => grants.push(grant),
                Permission::Full | Permission::NotBefore(_) => break,
            }
        }
        grants
    }

    #[test]
    fn a_complaint_halves_once_and_good_answers_climb_back() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        let grants = fill(&politeness, &host);
        assert_eq!(grants.len(), 8);
        for grant in grants {
            grant.slow_down(NOW, None);
        }
        let mut caps = Vec::new();
        for _ in 0..5 {
            let grants = fill(&politeness, &host);
            caps.push(grants.len());
            for grant in grants {
                grant.went_well();
            }
        }
        assert_eq!(caps, [4, 5, 6, 7, 8]);
        assert!(politeness.lock().is_empty());
    }

    #[test]
    fn caps_do_not_fall_below_one() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        for _ in 0..3 {
            for grant in fill(&politeness, &host) {
                grant.slow_down(NOW, None);
            }
        }
        assert_eq!(fill(&politeness, &host).len(), 1);
    }

    #[test]
    fn a_pause_holds_one_host_and_no_other() {
        let (politeness, host, other) = (Politeness::default(), Arc::from("h"), Arc::from("o"));
        let Permission::Granted(grant) = politeness.ask(&host, NOW) else {
            panic!("nothing speaks against it")
        };
        grant.slow_down(NOW, Some(Duration::from_secs(2)));
        let until = NOW.plus(Duration::from_secs(2));
        assert!(matches!(politeness.ask(&host, NOW), Permission::NotBefore(at) if at == until));
        assert!(matches!(politeness.ask(&other, NOW), Permission::Granted(_)));
        assert!(matches!(politeness.ask(&host, until), Permission::Granted(_)));
    }

    #[test]
    fn an_abandoned_request_leaves_nothing_behind() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        drop(fill(&politeness, &host));
        assert!(politeness.lock().is_empty());
    }
}
