//! Numbers the events of the history, and keeps them if a history is kept.

use crate::Timestamp;
use crate::history::{Details, EventKind, HistoryEvent};
use serde::{Deserialize, Serialize};

/// Whether a history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recording {
    /// Every event with its payloads.
    Full,
    /// None: nothing of it is built.
    Off,
}

/// The history in the making.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    last_id: u64,
    events: Vec<HistoryEvent>,
}

impl Recorder {
    pub(crate) const fn new(recording: Recording) -> Self {
        Self {
            recording,
            last_id: 0,
            events: Vec::new(),
        }
    }

    pub(crate) const fn recording(&self) -> Recording {
        self.recording
    }

    /// Events so far, kept or not.
    pub(crate) const fn count(&self) -> u64 {
        self.last_id
    }

    pub(crate) fn take(&mut self) -> Vec<HistoryEvent> {
        std::mem::take(&mut self.events)
    }

    /// Takes back the last event if it is still here; whether it was.
    pub(crate) fn retract(&mut self, id: u64) -> Option<u64> {
        let last = self
            .events
            .last()
            .filter(|event| event.id == id && id == self.last_id)?;
        let previous = last.previous_event_id;
        self.events.pop();
        self.last_id -= 1;
        Some(previous)
    }

    /// Adds an event; details are only made if they are kept.
    pub(crate) fn add(
        &mut self,
        kind: EventKind,
        previous_event_id: u64,
        now: Timestamp,
        details: impl FnOnce() -> Option<Details>,
    ) -> u64 {
        self.last_id += 1;
        if self.recording == Recording::Full {
            self.events.push(HistoryEvent {
                timestamp: now,
                kind,
                id: self.last_id,
                previous_event_id,
                details: details(),
            });
        }
        self.last_id
    }
}
