//! How often a host is asked: as often as there is something to ask, until it complains; then a rate that climbs.
//!
//! Fewer requests at once are no relief for a host that counts requests and answers each of them quickly. So
//! complaints also halve how many start in a second, and spread them. A quarter second's worth of good answers
//! raises the rate by a quarter, until it is four times what was too much: then there is none any more. From the
//! last complaint to that point it is ten steps: about three seconds, and ten times what one answer takes.
//!
//! One complaint among many good answers is about what was asked for, and not about how often: it takes a second one
//! soon after.
//!
//! A host that complains at one request a second too, and answers none, is not asked too often: it is down. It gets
//! twenty a second then, so that its items are not what a run waits for.

use std::time::Duration;

use ports::Timestamp;

/// **Microseconds** in which requests are counted.
const SECOND: i64 = 1_000_000;

/// **Microseconds** from one start to the next at most: who takes less than one request a second sends
/// `Retry-After`.
const SLOWEST: i64 = SECOND;

/// **Microseconds** between starts after a first complaint, at most, and for a host that is down: what one request at
/// a time gets from a host fifty milliseconds away.
const MODEST: i64 = SECOND / 20;

/// **Microseconds** that a start may be late without those after it being late as well: timers wake within a few
/// milliseconds, and some hosts count within ten.
const SLACK: i64 = 10_000;

/// **Microseconds** of good answers that raise the rate.
const STEP: i64 = SECOND / 4;

/// Good answers that raise the rate at least: a slow host would otherwise spend every other request on finding out
/// how slow it is, and an item has but a few attempts.
const STEP_ANSWERS: i64 = 10;

/// Complaints that are many, where they are a quarter of the answers as well. Fewer do not make a modest rate slower:
/// a host of which one page in ten is broken would soon be asked once a second.
const MANY: i64 = 3;

/// Good answers after which a complaint is forgotten: a host that is asked a quarter too often refuses one in five.
pub(crate) const FORGIVEN: u32 = 10;

/// How many times the rate after the first complaint is what needs no rate.
const RELIEF: i64 = 8;

/// How often a host is asked, and what says so.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    starts: Starts,
    rate: Option<Rate>,
    /// Grows with each change of the rate.
    changes: u64,
    /// What it was after the last cut: answers to requests from before it do not cut again.
    last_cut: u64,
    /// Good answers that are still to come until the last complaint is forgotten.
    unforgiven: u32,
}

/// How many changes of the rate there had been when a request started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Since(u64);

/// How many requests have started in a second: in the present one or the one before, whichever had more. Seconds in
/// which nothing starts do not count, so that slow answers are held against what they are the answers to.
#[derive(Debug, Clone, Copy, Default)]
struct Starts {
    since: Timestamp,
    present: u32,
    before: u32,
}

/// The rate of a host that has complained.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// **Microseconds** from one start to the next.
    interval: i64,
    /// In microseconds, as all moments here: when the next one is due.
    due: i64,
    /// Good answers since the last change.
    good: i64,
    /// Complaints since the last change.
    refused: i64,
    /// The interval that needs no rate.
    relief: i64,
    heard: Heard,
}

/// What has come since the last cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Answers,
    /// Nothing, at the slowest rate too.
    Down,
}

impl Pace {
    /// Takes the next start.
    ///
    /// # Errors
    /// When it is not due yet: when it will be.
    pub(crate) fn start(&mut self, now: Timestamp) -> Result<Since, Timestamp> {
        if let Some(rate) = &mut self.rate {
            rate.start(now)?;
        }
        self.starts.count(now);
        Ok(Since(self.changes))
    }

    /// A good answer. Only to requests from after the last change does it tell how that went.
    pub(crate) fn went_well(&mut self, since: Since) {
        self.unforgiven = self.unforgiven.saturating_sub(1);
        if since.0 == self.changes
            && let Some(rate) = &mut self.rate
            && rate.climb()
        {
            self.changes += 1;
            self.rate = self.rate.filter(Rate::is_needed);
        }
    }

    /// A complaint; whether the host is asked less often now.
    pub(crate) fn slow_down(&mut self, since: Since, now: Timestamp) -> bool {
        if since.0 < self.last_cut {
            return false;
        }
        let is_first = self.unforgiven == 0;
        let is_enough = self.rate.as_mut().is_none_or(Rate::refuse);
        self.unforgiven = FORGIVEN;
        if is_first || !is_enough {
            return false;
        }
        match &mut self.rate {
            Some(rate) => rate.cut(now),
            None => self.rate = Some(Rate::after(self.starts, now)),
        }
        self.changes += 1;
        self.last_cut = self.changes;
        true
    }

    pub(crate) const fn has_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether nothing has started for so long.
    pub(crate) fn has_rested(&self, long: Duration, now: Timestamp) -> bool {
        now.since(self.starts.since) > long
    }
}

impl Starts {
    fn count(&mut self, now: Timestamp) {
        // A clock that is set back begins a second as well.
        if now.as_millis().abs_diff(self.since.as_millis()) >= 1_000 {
            self.before = self.present;
            self.present = 0;
            self.since = now;
        }
        self.present = self.present.saturating_add(1);
    }

    /// **Microseconds** from one to the next.
    fn interval(self) -> i64 {
        SECOND / i64::from(self.present.max(self.before).max(1))
    }
}

impl Rate {
    /// Of a host that had none.
    fn after(starts: Starts, now: Timestamp) -> Self {
        let interval = (starts.interval() * 2).clamp(1, MODEST);
        Self {
            interval,
            due: micros(now).saturating_add(interval),
            good: 0,
            refused: 0,
            relief: interval / RELIEF,
            heard: Heard::Nothing,
        }
    }

    /// Counts a complaint; whether it is reason to cut. For a modest rate it must be one of many.
    fn refuse(&mut self) -> bool {
        self.refused += 1;
        let are_many = self.refused >= MANY && self.refused * 3 >= self.good;
        are_many || self.interval * 2 <= MODEST
    }

    /// The host has complained again. What has started lately does not count here: it lags behind a rate that climbs.
    fn cut(&mut self, now: Timestamp) {
        (self.interval, self.heard) = match self.heard {
            Heard::Down => (self.interval, Heard::Down),
            Heard::Nothing if self.interval == SLOWEST => (MODEST, Heard::Down),
            Heard::Nothing | Heard::Answers => ((self.interval * 2).min(SLOWEST), Heard::Nothing),
        };
        (self.good, self.refused) = (0, 0);
        self.due = micros(now).saturating_add(self.interval);
    }

    /// The host has answered without complaint at this rate; whether the rate has been raised.
    fn climb(&mut self) -> bool {
        self.heard = Heard::Answers;
        self.good += 1;
        if self.good < STEP_ANSWERS || self.good * self.interval < STEP {
            return false;
        }
        self.interval = self.interval * 4 / 5;
        (self.good, self.refused) = (0, 0);
        true
    }

    /// Whether it is far from what was too much.
    const fn is_needed(&self) -> bool {
        self.interval > self.relief
    }

    /// Takes the next start.
    ///
    /// # Errors
    /// When it is not due yet: when it will be.
    fn start(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let now = micros(now);
        // Not further away than one interval: it may have become shorter, or the clock was set back.
        let soonest = now.saturating_sub(SLACK);
        self.due = self.due.clamp(soonest, now.saturating_add(self.interval));
        if self.due > now {
            return Err(Timestamp::from_millis(self.due.saturating_add(999) / 1_000));
        }
        self.due = self.due.saturating_add(self.interval);
        Ok(())
    }
}

fn micros(moment: Timestamp) -> i64 {
    moment.as_millis().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn later(milliseconds: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(milliseconds))
    }

    fn starts(count: u32, now: Timestamp) -> Starts {
        let mut starts = Starts::default();
        for _ in 0..count {
            starts.count(now);
        }
        starts
    }

    /// How many start when asked every millisecond of so many.
    fn started(rate: &mut Rate, milliseconds: std::ops::Range<u64>) -> usize {
        milliseconds.filter(|at| rate.start(later(*at)).is_ok()).count()
    }

    #[test]
    fn the_fuller_of_two_seconds_counts() {
        let mut starts = starts(40, NOW);
        assert_eq!(starts.interval(), 25_000);
        for at in [1_000, 1_500, 9_000] {
            starts.count(later(at));
            assert_eq!(starts.interval(), if at < 2_000 { 25_000 } else { 500_000 }, "{at}");
        }
    }

    #[test]
    fn a_complaint_halves_what_started_and_spreads_it() {
        let mut rate = Rate::after(starts(80, NOW), NOW);
        assert_eq!(rate.start(NOW), Err(later(25)));
        assert_eq!(started(&mut rate, 1..1_001), 40);
    }

    #[test]
    fn one_request_is_no_measure() {
        let mut rate = Rate::after(starts(1, NOW), NOW);
        assert_eq!(started(&mut rate, 1..1_001), 20);
    }

    #[test]
    fn a_wait_earns_no_burst() {
        let mut rate = Rate::after(starts(80, NOW), NOW);
        assert_eq!(rate.start(later(9_000)), Ok(()));
        assert_eq!(rate.start(later(9_000)), Err(later(9_015)));
        // A thousand a second: ten milliseconds may be made up for.
        let mut rate = Rate::after(starts(2_000, NOW), NOW);
        let at_once = std::iter::repeat_with(|| rate.start(later(9_000)));
        assert_eq!(at_once.take_while(Result::is_ok).count(), 11);
    }

    /// A pace that has just got the rate of so many a second.
    fn cut_to(per_second: u32) -> Pace {
        let mut pace = Pace {
            starts: starts(per_second * 2, NOW),
            ..Pace::default()
        };
        let is_slower: Vec<_> = (0..3).map(|_| pace.slow_down(Since(0), NOW)).collect();
        assert_eq!(is_slower, [false, true, false], "the third is from before");
        pace
    }

    fn interval(pace: &Pace) -> i64 {
        pace.rate.unwrap().interval
    }

    #[test]
    fn a_complaint_among_many_good_answers_is_forgotten() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert!(!pace.slow_down(Since(0), NOW));
            for _ in 0..FORGIVEN {
                pace.went_well(Since(0));
            }
        }
        assert!(!pace.has_rate());
    }

    #[test]
    fn answers_from_before_a_change_neither_cut_nor_raise() {
        let mut pace = cut_to(100);
        for _ in 0..200 {
            pace.went_well(Since(0));
            pace.slow_down(Since(0), NOW);
        }
        assert_eq!(interval(&pace), 10_000);
        for _ in 0..25 {
            pace.went_well(Since(1));
        }
        assert_eq!(interval(&pace), 8_000);
        pace.went_well(Since(1));
        pace.slow_down(Since(1), NOW);
        pace.slow_down(Since(1), NOW);
        assert_eq!(interval(&pace), 16_000, "it complains of less already");
    }

    #[test]
    fn cuts_end_at_one_a_second_when_there_are_answers() {
        let mut rate = Rate::after(starts(80, NOW), NOW);
        for expected in [50_000, 100_000, 200_000, 400_000, 800_000, 1_000_000, 1_000_000] {
            rate.climb();
            rate.cut(NOW);
            assert_eq!(rate.interval, expected);
        }
    }

    #[test]
    fn a_modest_rate_falls_only_when_many_are_refused() {
        let complaints = |good| {
            let mut rate = Rate::after(starts(1, NOW), NOW);
            rate.good = good;
            (1..=20).find(|_| rate.refuse())
        };
        assert_eq!(
            (complaints(0), complaints(9), complaints(30)),
            (Some(3), Some(3), Some(10))
        );
    }

    #[test]
    fn a_host_that_never_answers_is_down_and_not_waited_for() {
        let mut rate = Rate::after(starts(2, NOW), NOW);
        let mut intervals = Vec::new();
        for _ in 0..8 {
            rate.cut(NOW);
            intervals.push(rate.interval / 1_000);
        }
        assert_eq!(intervals, [100, 200, 400, 800, 1_000, 50, 50, 50]);
        // It is up again, and still has its limit.
        rate.climb();
        rate.cut(NOW);
        assert_eq!(rate.interval, 100_000);
    }

    /// After how many milliseconds the rate goes away when the host answers everything at once and well.
    fn relieved(rate: &mut Rate) -> u64 {
        let mut at = 0;
        while rate.is_needed() {
            at += 1;
            while rate.start(later(at)).is_ok() && rate.is_needed() {
                rate.climb();
            }
        }
        at
    }

    #[test]
    fn one_complaint_is_over_in_three_seconds() {
        for (per_second, expected) in [
            (10_000, 2_200..=2_600),
            (1_000, 2_200..=2_600),
            (100, 2_200..=2_700),
            (1, 2_800..=3_300),
        ] {
            let took = relieved(&mut Rate::after(starts(per_second, NOW), NOW));
            assert!(expected.contains(&took), "{per_second}: {took} ms");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let mut rate = Rate::after(starts(80, NOW), NOW);
        let earlier = Timestamp::from_millis(0);
        let due = earlier.plus(Duration::from_millis(25));
        assert_eq!(rate.start(earlier), Err(due));
        assert_eq!(rate.start(due), Ok(()));
    }
}
