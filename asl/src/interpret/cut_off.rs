//! Branches and iterations that end in the middle because another one failed.

use super::command::Command;
use super::execution::Execution;
use super::track::{ActiveState, Doing, Track, TrackId, Wreck};
use crate::definition::state::{Kind, State};
use crate::history::{Details, EventKind};

impl Execution {
    /// The children that run, while the track goes on to have them.
    fn live_children(&self, id: TrackId) -> Vec<TrackId> {
        match self.tracks.get(&id).map(|track| &track.doing) {
            Some(Doing::Children(children)) => children.live.clone(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Ends all branches or iterations of a state in the middle; what is left of them is kept for a redrive. `tracks` are
    /// those that have ended already.
    pub(super) fn cut_off_children(&mut self, active: ActiveState<'_>, previous: u64, tracks: &mut Vec<Track>) {
        let map = matches!(active.state.kind, Kind::Map(_)).then_some(active.state);
        for child in self.live_children(active.track) {
            self.cut_off(child, map, previous, tracks);
        }
        let Some(track) = self.tracks.get_mut(&active.track) else {
            return;
        };
        if !matches!(track.doing, Doing::Children(_)) {
            return;
        }
        if let Doing::Children(children) = std::mem::replace(&mut track.doing, Doing::Retrying) {
            let tracks = std::mem::take(tracks);
            track.wreck = Some(Box::new(Wreck::Children { children, tracks }));
        }
    }

    /// Ends a track in the middle, and all below it. `map` is the Map whose iteration it is.
    fn cut_off(&mut self, id: TrackId, map: Option<&State>, previous: u64, ended: &mut Vec<Track>) {
        let below = self.live_children(id);
        let Some(current) = self.current(id) else { return };
        let Some(track) = self.tracks.remove(&id) else { return };
        self.ready.retain(|ready| *ready != id);
        self.release(&track.doing);
        for child in below {
            let map = current
                .active()
                .map(|active| active.state)
                .filter(|state| matches!(state.kind, Kind::Map(_)));
            self.cut_off(child, map, previous, ended);
        }
        if let (Some(map), Some(parent)) = (map, track.parent) {
            self.record_iteration(
                EventKind::MapIterationAborted,
                Details::MapIterationAborted,
                map,
                parent.index,
                previous,
            );
        }
        if let Some(kind) = current
            .active()
            .and_then(|active| active.state.kind.aborted())
            .filter(|_| track.entry > 0)
        {
            self.recorder.add(kind, previous, self.now, || None);
        }
        ended.push(track);
    }

    /// Nobody waits any more for what a track was doing.
    fn release(&mut self, doing: &Doing) {
        match doing {
            Doing::Waiting(timer) | Doing::BackingOff(timer) => self.cancel_timer(*timer),
            Doing::Task(run) => {
                self.tasks.remove(&run.id);
                self.command(Command::CancelTask(run.id));
                let timers = run
                    .timeout
                    .into_iter()
                    .chain(run.heartbeat.map(|heartbeat| heartbeat.timer));
                timers.for_each(|timer| self.cancel_timer(timer));
            }
            Doing::MapRun(run) => {
                self.map_runs.remove(&run.id);
                self.command(Command::StopMapRun(run.id));
            }
            Doing::Entering | Doing::Retrying | Doing::Children(_) => {}
        }
    }
}
