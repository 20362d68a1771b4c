//! How far a run has come, to be read at any moment while it runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use manifest::request::SuspiciousField;
use ports::Meter;

/// A run's counts, as they change. Clones read the same counts.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    meter: Arc<Meter>,
    expected: Arc<Expected>,
    earlier: Earlier,
}

/// What earlier processes have settled of the run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Earlier {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Outcomes that the whole run will have, as far as it is known.
    pub(crate) items: u64,
}

/// What a [`Progress`] said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProgressReading {
    /// Items in the whole manifest, at each destination of a copy, once the batcher has counted them.
    pub items: Option<u64>,
    /// Items that succeeded, those of earlier processes included.
    pub succeeded: u64,
    /// Items that failed, those of earlier processes included.
    pub failed: u64,
    /// Items that earlier processes have settled.
    pub earlier: u64,
    /// **Bytes** of bodies that were written.
    pub bytes: u64,
}

impl Progress {
    /// Of a run whose items have so many outcomes each.
    pub(crate) fn new(destinations: u64) -> Self {
        let expected = Expected {
            destinations,
            ..Expected::default()
        };
        Self {
            expected: Arc::new(expected),
            ..Self::default()
        }
    }

    /// Goes on from what earlier processes have done.
    pub(crate) fn add_earlier(&mut self, earlier: Earlier) {
        self.earlier = earlier;
        self.expected.items.fetch_max(earlier.items, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> ProgressReading {
        let counts = self.meter.read();
        ProgressReading {
            items: self.expected.get(),
            succeeded: self.earlier.succeeded + counts.succeeded,
            failed: self.earlier.failed + counts.failed,
            earlier: self.earlier.succeeded + self.earlier.failed,
            bytes: counts.bytes,
        }
    }

    /// Calls a listener with the manifest's suspicious field before the first item is processed. Only the first listener is called.
    pub fn on_suspicious_field(&self, listener: Box<dyn Fn(SuspiciousField) + Send + Sync>) {
        self.expected.listener.get_or_init(|| listener);
    }

    /// What the processors count with.
    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// What the batcher's answers are told to.
    pub(crate) fn expected(&self) -> &Arc<Expected> {
        &self.expected
    }
}

impl ProgressReading {
    /// Items that are settled.
    pub fn done(&self) -> u64 {
        self.succeeded + self.failed
    }
}

/// How many items there are, once the batcher has counted them; known from the first round on.
#[derive(Default)]
pub(crate) struct Expected {
    items: AtomicU64,
    listener: OnceLock<Listener>,
    /// Outcomes of each item: one for each destination.
    destinations: u64,
}

/// Is called with a suspicious field of the manifest.
type Listener = Box<dyn Fn(SuspiciousField) + Send + Sync>;

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected")
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

impl Expected {
    /// Takes the number from the first answer that has one: later rounds work on what is left of it.
    pub(crate) fn learn(&self, answer: &batcher::Response) {
        let items = match answer {
            batcher::Response::Tasks(tasks) => tasks.tasks.iter().map(|task| task.resource_paths.len() as u64).sum(),
            batcher::Response::Batched(batched) => {
                if let (Some(found), Some(listener)) = (batched.suspicious_field, self.listener.get()) {
                    listener(found);
                }
                batched.items * self.destinations.max(1)
            }
        };
        self.items.fetch_max(items, Ordering::Relaxed);
    }

    fn get(&self) -> Option<u64> {
        Some(self.items.load(Ordering::Relaxed)).filter(|items| *items > 0)
    }
}
