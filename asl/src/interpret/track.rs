//! One line of states being walked: the machine itself, a branch of a Parallel, an iteration of a Map.

use super::event::{MapRunId, TaskId, TimerId};
use super::fault::Fault;
use super::flow::Assigned;
use crate::data::context::Item;
use crate::data::document::measure;
use crate::data::{Document, Variables};
use crate::definition::States;
use crate::definition::state::State;
use crate::{Text, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A track of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrackId(pub(crate) u64);

/// The track of the machine itself.
pub(crate) const ROOT: TrackId = TrackId(0);

/// A track together with the state that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActiveState<'s> {
    pub(crate) track: TrackId,
    pub(crate) state: &'s State,
}

/// Where a track is and what it is waiting for.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) parent: Option<Parent>,
    pub(crate) states: Arc<States>,
    /// The current state.
    pub(crate) at: usize,
    /// The current state's input, before `InputPath`.
    pub(crate) input: Document,
    pub(crate) variables: Variables,
    /// The item of the innermost Map around it.
    pub(crate) item: Option<Arc<Item>>,
    /// The event that the next one follows.
    pub(crate) previous: u64,
    /// The event that the entry of the current state followed.
    pub(crate) before_entry: u64,
    /// The event that entered the current state.
    pub(crate) entry: u64,
    pub(crate) entered_at: Timestamp,
    /// Retries by retrier.
    pub(crate) retries: Vec<u32>,
    pub(crate) doing: Doing,
    /// What a failed Map or Parallel has left, for a redrive.
    pub(crate) wreck: Option<Box<Wreck>>,
    /// **Bytes** of the variables that were assigned here, by name.
    pub(crate) assigned_bytes: BTreeMap<Text, usize>,
}

/// What a redrive goes on from when a Map or Parallel has failed.
#[derive(Debug)]
pub(crate) enum Wreck {
    /// Branches or iterations: those that had succeeded, and the tracks that had not.
    Children {
        children: Box<Children>,
        tracks: Vec<Track>,
    },
    /// A map run that had started, and how often it was redriven.
    MapRun { id: MapRunId, redrive: u32 },
}

/// Whose child a track is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    pub(crate) track: TrackId,
    pub(crate) index: usize,
}

/// What a track does.
#[derive(Debug)]
pub(crate) enum Doing {
    /// About to enter its current state.
    Entering,
    /// About to run it once more.
    Retrying,
    /// Waiting in a Wait state.
    Waiting(TimerId),
    /// Waiting before a retry.
    BackingOff(TimerId),
    Task(Box<TaskRun>),
    Children(Box<Children>),
    MapRun(Box<MapRunning>),
}

/// A task under way.
#[derive(Debug)]
pub(crate) struct TaskRun {
    pub(crate) id: TaskId,
    pub(crate) started: bool,
    pub(crate) timeout: Option<TimerId>,
    pub(crate) heartbeat: Option<Heartbeat>,
}

/// A heartbeat that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heartbeat {
    pub(crate) timer: TimerId,
    pub(crate) seconds: i64,
}

/// Branches or iterations under way.
#[derive(Debug)]
pub(crate) struct Children {
    /// Items not yet started, last first; empty for a Parallel.
    pub(crate) pending: Vec<Value>,
    /// Items in all.
    pub(crate) count: usize,
    /// Children at once.
    pub(crate) concurrency: usize,
    pub(crate) live: Vec<TrackId>,
    pub(crate) outputs: Vec<Option<Value>>,
    /// For a Map: what items are made from.
    pub(crate) input: Document,
    /// The event after which the last iteration ended.
    pub(crate) last_success: Option<u64>,
}

/// A distributed map under way.
#[derive(Debug)]
pub(crate) struct MapRunning {
    pub(crate) id: MapRunId,
    /// A fault that AWS only tells after the run has started.
    pub(crate) doomed: Option<Fault>,
    pub(crate) started: bool,
    /// How often it was redriven.
    pub(crate) redrive: u32,
}

impl Track {
    /// Sets variables.
    pub(crate) fn assign(&mut self, assigned: Assigned) {
        let variables = Arc::make_mut(&mut self.variables);
        for (name, value) in assigned {
            let name = Text::from(name);
            self.assigned_bytes.insert(name.clone(), measure(&value));
            variables.insert(name, Arc::new(value));
        }
    }

    /// **Bytes** of the variables that were assigned here.
    pub(crate) fn variable_bytes(&self) -> usize {
        self.assigned_bytes.values().sum()
    }

    /// Retries of the current state so far.
    pub(crate) fn retry_count(&self) -> u32 {
        self.retries.iter().sum()
    }
}
