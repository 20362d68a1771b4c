//! Which job runs when: a cap on what is in flight, back-off, hosts that want a pause, and the deadline.
//!
//! A job that waits holds no place among those in flight. Everything runs inside the caller's task; when the
//! deadline comes, what is in flight is dropped and comes back without an end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use ports::{Clock, Timestamp};

use crate::failure::{Again, AttemptError, Broken};
use crate::limits::HOST_RECHECK;
use crate::politeness::{Grant, Permission, Politeness};
use crate::retry::Retry;

/// What decides about the jobs of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) politeness: &'a Politeness,
    pub(crate) retry: Retry,
    pub(crate) deadline: Timestamp,
    /// In flight at most.
    pub(crate) cap: usize,
}

/// One thing to do, perhaps several times.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Makes its back-off its own.
    pub(crate) seed: u64,
    /// Who has to be treated politely.
    pub(crate) host: Arc<str>,
}

/// What became of a job.
#[derive(Debug)]
pub(crate) struct JobReport<T> {
    pub(crate) attempts: u32,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// Absent when the deadline came first.
    pub(crate) end: Option<Result<T, AttemptError>>,
    /// Why the last attempt failed.
    pub(crate) last: Option<AttemptError>,
}

impl<T> Default for JobReport<T> {
    fn default() -> Self {
        Self {
            attempts: 0,
            started: None,
            ended: None,
            end: None,
            last: None,
        }
    }
}

impl<T> JobReport<T> {
    /// **Milliseconds** from the first attempt to the end.
    pub(crate) fn milliseconds(&self) -> u64 {
        let (Some(started), Some(ended)) = (self.started, self.ended) else {
            return 0;
        };
        u64::try_from(ended.since(started).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What has ended everything.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// The job that met it.
    pub(crate) job: usize,
    /// What the store said.
    pub(crate) error: ports::Error,
}

/// Runs the jobs, the first ones first, until all have ended or the deadline comes. `attempt` makes one attempt at
/// the job of that position, the first of which is number 1; `ended` hears of each end.
///
/// # Errors
/// The first error of the store: it ends everything.
///
/// # Cancel safety
/// Dropping the future drops what is in flight.
pub(crate) async fn run<T, A, F>(
    rules: Rules<'_>,
    jobs: &[Job],
    attempt: A,
    ended: impl Fn(&Result<T, AttemptError>),
) -> Result<Vec<JobReport<T>>, Stopped>
where
    A: Fn(usize, u32) -> F,
    F: Future<Output = Result<T, Broken>>,
{
    let mut queue = Queue::new(rules, jobs);
    let mut progress: Vec<_> = jobs.iter().map(|_| JobReport::default()).collect();
    let mut in_flight = FuturesUnordered::new();
    let mut deadline = rules.clock.sleep_until(rules.deadline);
    loop {
        let now = rules.clock.now();
        if now >= rules.deadline {
            break;
        }
        while in_flight.len() < rules.cap
            && let Some((job, grant)) = queue.next(now)
        {
            let mut number = 1;
            if let Some(progress) = progress.get_mut(job) {
                progress.attempts += 1;
                progress.started.get_or_insert(now);
                number = progress.attempts;
            }
            let work = attempt(job, number);
            in_flight.push(async move { (job, grant, work.await) });
        }
        let wake = queue.wake(now);
        if in_flight.is_empty() && wake.is_none_or(|wake| wake >= rules.deadline) {
            break;
        }
        let has_room = in_flight.len() < rules.cap;
        tokio::select! {
            biased;
            Some((job, grant, result)) = in_flight.next() => {
                let now = rules.clock.now();
                let Some(progress) = progress.get_mut(job) else { continue };
                let settled = settle(progress, (rules, jobs), job, grant, result, now);
                if let Some(wait) = settled.map_err(|error| Stopped { job, error })? {
                    queue.delay(job, wait);
                } else if let Some(end) = &progress.end {
                    ended(end);
                }
            }
            () = sleep(rules.clock, wake), if wake.is_some() && has_room => {}
            () = &mut deadline => break,
        }
        // Copies within a file system never wait: others must get their turn.
        tokio::task::consume_budget().await;
    }
    Ok(progress)
}

async fn sleep(clock: &dyn Clock, until: Option<Timestamp>) {
    if let Some(until) = until {
        clock.sleep_until(until).await;
    }
}

/// Writes down how an attempt went; returns when the next one may be made, if there is one.
fn settle<T>(
    progress: &mut JobReport<T>,
    (rules, jobs): (Rules<'_>, &[Job]),
    job: usize,
    grant: Grant<'_>,
    result: Result<T, Broken>,
    now: Timestamp,
) -> Result<Option<Timestamp>, ports::Error> {
    let failure = match result {
        Ok(done) => {
            grant.went_well();
            progress.ended = Some(now);
            progress.end = Some(Ok(done));
            return Ok(None);
        }
        Err(Broken::Store(error)) => return Err(error),
        Err(Broken::Item(failure) | Broken::Name(failure, _)) => failure,
    };
    let seed = jobs.get(job).map_or(0, |job| job.seed);
    let wait = match failure.again {
        Again::Yes(after) if progress.attempts < rules.retry.attempts => {
            Some(rules.retry.delay(seed, progress.attempts, after))
        }
        Again::Yes(_) | Again::No => None,
    };
    if failure.slow_down {
        let asked = match failure.again {
            Again::Yes(after) => after.map(|after| after.min(rules.retry.retry_after_max)),
            Again::No => None,
        };
        grant.slow_down(now, asked);
    } else if failure.status.is_some() {
        grant.went_well();
    }
    if wait.is_some() {
        progress.last = Some(failure);
    } else {
        progress.ended = Some(now);
        progress.end = Some(Err(failure));
    }
    Ok(wait.map(|wait| now.plus(wait)))
}

/// The jobs that are not in flight.
struct Queue<'a> {
    rules: Rules<'a>,
    jobs: &'a [Job],
    ready: VecDeque<usize>,
    /// Back-offs.
    delayed: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Jobs of hosts that take none now.
    parked: BTreeMap<Arc<str>, VecDeque<usize>>,
    /// When one of those hosts may be asked again.
    recheck: Option<Timestamp>,
}

impl<'a> Queue<'a> {
    fn new(rules: Rules<'a>, jobs: &'a [Job]) -> Self {
        Self {
            rules,
            jobs,
            ready: (0..jobs.len()).collect(),
            delayed: BinaryHeap::new(),
            parked: BTreeMap::new(),
            recheck: None,
        }
    }

    fn delay(&mut self, job: usize, until: Timestamp) {
        self.delayed.push(Reverse((until, job)));
    }

    /// The next job that may start now.
    fn next(&mut self, now: Timestamp) -> Option<(usize, Grant<'a>)> {
        while let Some(Reverse((until, job))) = self.delayed.peek().copied()
            && until <= now
        {
            self.delayed.pop();
            self.ready.push_back(job);
        }
        self.next_parked(now).or_else(|| self.next_ready(now))
    }

    fn next_parked(&mut self, now: Timestamp) -> Option<(usize, Grant<'a>)> {
        self.recheck = None;
        let mut found = None;
        for (host, jobs) in &mut self.parked {
            match self.rules.politeness.ask(host, now) {
                Permission::Granted(grant) => {
                    found = jobs.pop_front().map(|job| (job, grant));
                    break;
                }
                Permission::NotBefore(until) => self.recheck = Some(sooner(self.recheck, until)),
                Permission::Full => self.recheck = Some(sooner(self.recheck, now.plus(HOST_RECHECK))),
            }
        }
        if found.is_some() {
            self.parked.retain(|_, jobs| !jobs.is_empty());
        }
        found
    }

    fn next_ready(&mut self, now: Timestamp) -> Option<(usize, Grant<'a>)> {
        while let Some(job) = self.ready.pop_front() {
            let host = &self.jobs.get(job)?.host;
            if let Some(jobs) = self.parked.get_mut(host) {
                jobs.push_back(job);
                continue;
            }
            let until = match self.rules.politeness.ask(host, now) {
                Permission::Granted(grant) => return Some((job, grant)),
                Permission::NotBefore(until) => until,
                Permission::Full => now.plus(HOST_RECHECK),
            };
            self.recheck = Some(sooner(self.recheck, until));
            self.parked.entry(Arc::clone(host)).or_default().push_back(job);
        }
        None
    }

    /// When something may start that may not now.
    fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.ready.is_empty() {
            // There was no room; whoever ends makes some.
            return Some(now.plus(HOST_RECHECK));
        }
        let delayed = self.delayed.peek().map(|Reverse((until, _))| *until);
        match (delayed, self.recheck) {
            (Some(delayed), Some(recheck)) => Some(delayed.min(recheck)),
            (delayed, recheck) => delayed.or(recheck),
        }
    }
}

fn sooner(found: Option<Timestamp>, other: Timestamp) -> Timestamp {
    found.map_or(other, |found| found.min(other))
}
