//! Redrive: an execution that ended without success goes on from the states that were not left.
//!
//! Whatever has no `…StateExited` runs again: of a Parallel or an inline Map only the branches and iterations that had not
//! succeeded, of a distributed Map the same map run. No state is entered again. Source: redrive-executions.html and
//! redrive-map-run.html, November 2026; no recording shows the order of events beyond `ExecutionRedriven`, `MapRunRedriven`.

use super::event::MapRunId;
use super::execution::{Execution, Phase};
use super::track::{Doing, Track, TrackId, Wreck};
use crate::data::Context;
use crate::definition::state::Kind;
use crate::history::{Details, EventKind};
use crate::limits::REDRIVABLE_EVENTS_MAX;
use crate::{ExecutionType, Identity};
use serde_json::Value;
use std::sync::Arc;

impl Execution {
    /// Whether it can be redriven: a Standard execution that ended without success and has room in its history.
    pub fn may_redrive(&self) -> bool {
        self.phase == Phase::Unsuccessful
            && self.identity.execution_type == ExecutionType::Standard
            && self.recorder.count() <= REDRIVABLE_EVENTS_MAX
    }

    pub(super) fn redrive(&mut self) {
        self.phase = Phase::Running;
        let redrive_count = self.count_redrive();
        let last = self.recorder.count();
        let redriven = self.recorder.add(EventKind::ExecutionRedriven, last, self.now, || {
            Some(Details::ExecutionRedriven { redrive_count })
        });
        self.start_deadline();
        self.raise_wrecks();
        let all: Vec<TrackId> = self.tracks.keys().copied().collect();
        for id in all {
            self.rerun(id, redriven);
        }
    }

    /// The context object tells of it from now on.
    fn count_redrive(&mut self) -> u32 {
        let identity = Identity {
            redrive_count: self.identity.redrive_count + 1,
            redrive_time: Some(self.now),
            ..Identity::clone(&self.identity)
        };
        let input = self.shared_context.pointer("/Execution/Input");
        self.shared_context = Context::of_execution(&identity, input.unwrap_or(&Value::Null));
        let count = identity.redrive_count;
        self.identity = Arc::new(identity);
        count
    }

    /// Branches and iterations that were cut off or failed are there again, at any depth.
    fn raise_wrecks(&mut self) {
        let mut open: Vec<TrackId> = self.tracks.keys().copied().collect();
        while let Some(id) = open.pop() {
            let Some(track) = self.tracks.get_mut(&id) else {
                continue;
            };
            if let Some(Wreck::Children { .. }) = track.wreck.as_deref()
                && let Some(Wreck::Children { mut children, tracks }) = track.wreck.take().map(|wreck| *wreck)
            {
                children.live = tracks
                    .iter()
                    .filter(|child| child.parent.is_some_and(|parent| parent.track == id))
                    .map(|child| child.id)
                    .collect();
                track.doing = Doing::Children(children);
                open.extend(tracks.iter().map(|child| child.id));
                self.tracks.extend(tracks.into_iter().map(|child| (child.id, child)));
            }
        }
    }

    /// One track goes on: it waits for its children, starts more of them, or runs its state again.
    fn rerun(&mut self, id: TrackId, redriven: u64) {
        let Some(track) = self.tracks.get_mut(&id) else { return };
        track.previous = redriven;
        track.retries.fill(0);
        match &track.doing {
            Doing::Children(children) if !children.live.is_empty() => return,
            Doing::Children(_) => return self.start_the_rest(id),
            Doing::Entering => {}
            Doing::Retrying | Doing::Waiting(_) | Doing::BackingOff(_) | Doing::Task(_) | Doing::MapRun(_) => {
                track.stand_still();
            }
        }
        self.ready.push_back(id);
    }

    /// No iteration was under way: the one that could not be started is tried again.
    fn start_the_rest(&mut self, id: TrackId) {
        let Some(current) = self.current(id) else { return };
        let Some(active) = current.active() else { return };
        if let Kind::Map(map) = &active.state.kind {
            let started = self.start_iterations(active, map);
            self.proceed(active, started.map(|()| super::flow::Progress::Waiting));
        }
    }

    /// The map run that a redriven Map goes on with, and how often it was redriven by then.
    pub(super) fn map_run_to_redrive(&mut self, id: TrackId) -> Option<(MapRunId, u32)> {
        let wreck = self.tracks.get_mut(&id)?.wreck.take()?;
        match *wreck {
            Wreck::MapRun { id, redrive } => Some((id, redrive + 1)),
            Wreck::Children { .. } => None,
        }
    }

    /// The map run is over; if the Map fails with it, a redrive goes on with it.
    pub(super) fn leave_map_run(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.stand_still();
        }
    }

    /// There is nothing to go on with.
    pub(super) fn forget_wreck(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.wreck = None;
        }
    }
}

impl Track {
    /// Nothing is waited for any more; a map run that had started is remembered.
    fn stand_still(&mut self) {
        if let Doing::MapRun(run) = &self.doing
            && run.started
        {
            let (id, redrive) = (run.id, run.redrive);
            self.wreck = Some(Box::new(Wreck::MapRun { id, redrive }));
        }
        self.doing = Doing::Retrying;
    }
}
