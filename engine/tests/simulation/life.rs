//! One life of the process: its calls of the ports are counted, take time, fail once, and one of them is its last.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ports::{Clock, ErrorKind, memory};
use tokio::sync::watch;

use super::chance::Chance;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    FailsBefore,
    FailsAfter,
    DiesBefore,
    DiesAfter,
}

/// Which calls a death may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The n-th journal append or ledger commit of this life.
    Write(u64),
    /// The n-th call of this life, whatever port it is of.
    Call(u64),
}

/// How a life ends, if the execution does not end before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It does not.
    None,
    /// It dies at a call, before or after the call has its effect.
    At(Reach, Fate),
    /// It dies so much time after its beginning.
    After(Duration),
    /// It is asked to stop so much time after its beginning.
    Stopped(Duration),
}

/// Errors of ports by the number of the call in the whole story; each comes once.
pub(crate) type Faults = Arc<Mutex<Story>>;

/// What all lives of a process share.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    pub(crate) faults: BTreeMap<u64, Fate>,
    pub(crate) faults_injected: u64,
    /// What was called, for a look at a failure and for the proof that a seed always does the same.
    pub(crate) trace: Vec<(&'static str, i64)>,
}

/// Calls of one process after which the world believes that it is in a loop.
const CALLS_MAX: u64 = 200_000;

/// One life.
#[derive(Debug)]
pub(crate) struct Life {
    clock: Arc<memory::PausedClock>,
    story: Faults,
    end: End,
    calls: AtomicU64,
    writes: AtomicU64,
    dead: AtomicBool,
    died: watch::Sender<bool>,
    delays: Mutex<Option<Chance>>,
}

impl Life {
    pub(crate) fn new(clock: Arc<memory::PausedClock>, story: Faults, end: End, delays: Option<Chance>) -> Self {
        Self {
            clock,
            story,
            end,
            calls: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            died: watch::Sender::new(false),
            delays: Mutex::new(delays),
        }
    }

    pub(crate) const fn end(&self) -> End {
        self.end
    }

    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.send_replace(true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(crate) async fn died(&self) {
        let mut receiver = self.died.subscribe();
        receiver.wait_for(|died| *died).await.unwrap();
    }

    /// One call of a port. A dead process neither does anything nor hears anything.
    pub(crate) async fn call<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = ports::Result<T>>,
    ) -> ports::Result<T> {
        let fate = self.fate(name).await;
        match fate {
            Fate::FailsBefore => return Err(failure()),
            Fate::Passes | Fate::FailsAfter | Fate::DiesBefore | Fate::DiesAfter => {}
        }
        let answer = work.await;
        self.afterwards(fate).await;
        if fate == Fate::FailsAfter {
            Err(failure())
        } else {
            answer
        }
    }

    /// What becomes of the next call. Never returns if the process dies before the call has an effect.
    pub(crate) async fn fate(&self, name: &'static str) -> Fate {
        self.silence().await;
        let fate = self.next(name);
        self.delay().await;
        self.silence().await;
        if fate == Fate::DiesBefore {
            self.die();
        }
        self.silence().await;
        fate
    }

    /// Never returns if the process dies before it hears the answer.
    pub(crate) async fn afterwards(&self, fate: Fate) {
        if fate == Fate::DiesAfter {
            self.die();
        }
        self.silence().await;
        self.delay().await;
        self.silence().await;
    }

    async fn silence(&self) {
        if self.is_dead() {
            futures::future::pending::<()>().await;
        }
    }

    fn next(&self, name: &'static str) -> Fate {
        let is_write = matches!(name, "append" | "commit");
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let write = is_write.then(|| self.writes.fetch_add(1, Ordering::SeqCst));
        let mut story = self.story.lock().unwrap();
        let number = story.calls;
        story.calls += 1;
        story.writes += u64::from(is_write);
        story.trace.push((name, self.clock.now().as_millis()));
        assert!(
            story.calls < CALLS_MAX,
            "it calls and calls: {:?}",
            &story.trace[story.trace.len() - 20..]
        );
        match self.end {
            End::At(Reach::Call(last), fate) if last == call => return fate,
            End::At(Reach::Write(last), fate) if Some(last) == write => return fate,
            End::None | End::At(..) | End::After(_) | End::Stopped(_) => {}
        }
        let due = story
            .faults
            .first_key_value()
            .is_some_and(|(first, _)| *first <= number);
        // A task fails in its own ways.
        if !due || name == "invoke" {
            return Fate::Passes;
        }
        story.faults_injected += 1;
        story.faults.pop_first().unwrap().1
    }

    async fn delay(&self) {
        let delay = match &mut *self.delays.lock().unwrap() {
            Some(chance) => chance.one_of(&[0, 0, 0, 1, 5, 40, 700]),
            None => 0,
        };
        if delay > 0 {
            self.clock
                .sleep_until(self.clock.now().plus(Duration::from_millis(delay)))
                .await;
        }
    }
}

pub(crate) fn failure() -> ports::Error {
    ports::Error::new(ErrorKind::Unavailable, "a fault was injected")
}
