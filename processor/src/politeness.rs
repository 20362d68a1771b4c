//! How many requests a host gets at once and how often, and when none: adapts to what the host says.
//!
//! A host starts without a cap of its own. When it asks to slow down, its cap becomes half of what it had in flight;
//! every run of as many good answers as the cap raises it by one, until it is back where it was. Its rate goes the
//! same way (see `rate`). `Retry-After` pauses the host, unless it is one complaint among good answers: then it is about
//! one URL, which waits alone. One value is shared by all the calls of a process; it
//! remembers only hosts that have requests in flight, a cap, a rate or a pause, and those only for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ports::Timestamp;

use crate::limits::{HOST_MEMORY, HOSTS_UNSWEPT};
use crate::rate::{FORGIVEN, Pace, Since};

/// The state of every host that has one.
#[derive(Debug, Default)]
pub struct Politeness {
    hosts: Mutex<Hosts>,
}

#[derive(Debug, Default)]
struct Hosts {
    by_name: HashMap<Arc<str>, Host>,
    /// How many there are before those are looked for that nobody asks any more.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Host {
    in_flight: usize,
    cap: Option<Cap>,
    pace: Pace,
    paused_until: Option<Timestamp>,
    /// Whether a request has been answered without complaint.
    has_answered: bool,
    /// Good answers that are still to come until the last complaint is forgotten.
    unforgiven: u32,
    /// Grows with each complaint, so that the answers to requests from before it do not cut again.
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
    since: Since,
}

impl Politeness {
    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks to start a request to the host.
    pub(crate) fn ask(&self, host: &Arc<str>, now: Timestamp) -> Permission<'_> {
        let mut hosts = self.lock();
        let entry = hosts.by_name.entry(Arc::clone(host)).or_default();
        match entry.paused_until {
            Some(until) if now < until => return Permission::NotBefore(until),
            Some(_) => entry.paused_until = None,
            None => {}
        }
        if entry.cap.is_some_and(|cap| entry.in_flight >= cap.now) {
            return Permission::Full;
        }
        let since = match entry.pace.start(now) {
            Ok(since) => since,
            Err(due) => return Permission::NotBefore(due),
        };
        entry.in_flight += 1;
        Permission::Granted(Grant {
            politeness: self,
            host: Arc::clone(host),
            cuts: entry.cuts,
            since,
        })
    }
}

impl Grant<'_> {
    /// The host answered without complaint.
    pub(crate) fn went_well(self) {
        let mut hosts = self.politeness.lock();
        if let Some(host) = hosts.by_name.get_mut(&self.host) {
            host.pace.went_well(self.since);
            host.climb();
            host.has_answered = true;
            host.unforgiven = host.unforgiven.saturating_sub(1);
        }
    }

    /// The host asked to slow down, and to wait until `pause`.
    pub(crate) fn slow_down(self, now: Timestamp, pause: Option<Duration>) {
        let mut hosts = self.politeness.lock();
        hosts.sweep(now);
        if let Some(host) = hosts.by_name.get_mut(&self.host) {
            // A complaint that is no reason to be slower is none to have less in flight either.
            let had_rate = host.pace.has_rate();
            let is_slower = host.pace.slow_down(self.since, now);
            if host.cuts == self.cuts && (is_slower || !had_rate) {
                host.cut();
            }
            if host.is_believed() {
                let until = pause.map(|pause| now.plus(pause));
                host.paused_until = host.paused_until.max(until);
            }
            host.unforgiven = FORGIVEN;
        }
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        let mut hosts = self.politeness.lock();
        let Some(host) = hosts.by_name.get_mut(&self.host) else {
            return;
        };
        host.in_flight = host.in_flight.saturating_sub(1);
        if host.in_flight == 0 && host.is_forgettable() {
            hosts.by_name.remove(&self.host);
        }
    }
}

impl Hosts {
    /// Forgets the hosts that have complained and were not asked for long; now and then, so that it costs nothing.
    fn sweep(&mut self, now: Timestamp) {
        if self.by_name.len() < self.sweep_at.max(HOSTS_UNSWEPT) {
            return;
        }
        self.by_name.retain(|_, host| !host.is_past(now));
        self.sweep_at = self.by_name.len() * 2;
    }
}

impl Host {
    const fn is_forgettable(&self) -> bool {
        self.cap.is_none() && !self.pace.has_rate() && self.paused_until.is_none() && self.unforgiven == 0
    }

    /// Whether a complaint is about how often the host is asked, and not about what was asked for: another complaint came
    /// shortly before, or there is no other request that could say otherwise.
    const fn is_believed(&self) -> bool {
        self.unforgiven > 0 || (self.in_flight <= 1 && !self.has_answered)
    }

    fn is_past(&self, now: Timestamp) -> bool {
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        self.in_flight == 0 && !is_paused && self.pace.has_rested(HOST_MEMORY, now)
    }

    fn cut(&mut self) {
        self.cuts = self.cuts.wrapping_add(1);
        // A cap that leaves places free is not what was too much.
        if self.cap.is_some_and(|cap| self.in_flight < cap.now) {
            return;
        }
        let now = self.cap.map_or(self.in_flight, |cap| cap.now.min(self.in_flight));
        let before = self.cap.map_or(self.in_flight, |cap| cap.before);
        self.cap = Some(Cap {
            now: (now / 2).max(1),
            before,
            good: 0,
        });
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

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn seconds(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    /// Asks until it gets nothing more or has eight; every second, so that no rate is in the way.
    fn fill<'a>(politeness: &'a Politeness, host: &Arc<str>, from: u64) -> Vec<Grant<'a>> {
        let mut grants = Vec::new();
        for second in from..from + 8 {
            match politeness.ask(host, seconds(second)) {
                Permission::Granted(grant) => grants.push(grant),
                Permission::Full | Permission::NotBefore(_) => break,
            }
        }
        grants
    }

    fn granted<'a>(politeness: &'a Politeness, host: &Arc<str>, now: Timestamp) -> Grant<'a> {
        match politeness.ask(host, now) {
            Permission::Granted(grant) => grant,
            Permission::Full | Permission::NotBefore(_) => panic!("nothing speaks against it"),
        }
    }

    #[test]
    fn a_complaint_halves_once_and_good_answers_climb_back() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        let grants = fill(&politeness, &host, 0);
        assert_eq!(grants.len(), 8);
        for grant in grants {
            grant.slow_down(seconds(8), None);
        }
        let mut caps = Vec::new();
        for round in 1..6 {
            let grants = fill(&politeness, &host, round * 10);
            caps.push(grants.len());
            for grant in grants {
                grant.went_well();
            }
        }
        assert_eq!(caps, [4, 5, 6, 7, 8]);
        assert!(politeness.lock().by_name.values().all(|host| host.cap.is_none()));
    }

    #[test]
    fn caps_do_not_fall_below_one() {
        let mut host = Host {
            in_flight: 4,
            ..Host::default()
        };
        let mut caps = Vec::new();
        for _ in 0..4 {
            host.cut();
            host.in_flight = host.cap.unwrap().now;
            caps.push(host.in_flight);
        }
        assert_eq!(caps, [2, 1, 1, 1]);
        host.in_flight = 0;
        assert!(!host.is_forgettable());
    }

    #[test]
    fn a_pause_holds_one_host_and_no_other() {
        let (politeness, host, other) = (Politeness::default(), Arc::from("h"), Arc::from("o"));
        granted(&politeness, &host, NOW).slow_down(NOW, Some(Duration::from_secs(2)));
        let until = NOW.plus(Duration::from_secs(2));
        assert!(matches!(politeness.ask(&host, NOW), Permission::NotBefore(at) if at == until));
        assert!(matches!(politeness.ask(&other, NOW), Permission::Granted(_)));
        assert!(matches!(politeness.ask(&host, until), Permission::Granted(_)));
    }

    #[test]
    fn one_complaint_among_good_answers_pauses_nothing_and_a_second_one_does() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        let wait = Some(Duration::from_mins(1));
        let (bad, good) = (granted(&politeness, &host, NOW), granted(&politeness, &host, NOW));
        bad.slow_down(NOW, wait);
        good.went_well();
        assert!(matches!(politeness.ask(&host, NOW), Permission::Granted(_)));
        granted(&politeness, &host, NOW).slow_down(NOW, wait);
        let until = NOW.plus(Duration::from_mins(1));
        assert!(matches!(politeness.ask(&host, NOW), Permission::NotBefore(at) if at == until));
    }

    #[test]
    fn the_starts_of_a_host_that_has_complained_are_spread() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        // A hundred in flight, so fifty a second.
        let mut grants: Vec<_> = (0..100).map(|_| granted(&politeness, &host, NOW)).collect();
        for grant in grants.drain(90..) {
            grant.slow_down(NOW, None);
        }
        grants.truncate(10);
        for interval in [20, 40, 60] {
            let due = NOW.plus(Duration::from_millis(interval));
            assert!(matches!(politeness.ask(&host, due), Permission::Granted(_)));
            let next = due.plus(Duration::from_millis(20));
            assert!(matches!(politeness.ask(&host, due), Permission::NotBefore(at) if at == next));
        }
    }

    #[test]
    fn an_abandoned_request_leaves_nothing_behind() {
        let (politeness, host) = (Politeness::default(), Arc::from("h"));
        drop(fill(&politeness, &host, 0));
        assert!(politeness.lock().by_name.is_empty());
    }

    /// A manifest may name millions of hosts, each of which complains once.
    #[test]
    fn hosts_that_nobody_asks_any_more_are_forgotten() {
        let politeness = Politeness::default();
        let late = NOW.plus(HOST_MEMORY * 2);
        for (round, now) in [(0, NOW), (1, late)] {
            for number in 0..HOSTS_UNSWEPT {
                let host = Arc::from(format!("{round}-{number}"));
                granted(&politeness, &host, now).slow_down(now, None);
            }
        }
        assert_eq!(politeness.lock().by_name.len(), HOSTS_UNSWEPT);
    }
}
