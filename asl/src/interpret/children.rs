//! Branches of a Parallel and iterations of an inline Map: started, counted, collected, and cut off together.

use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Progress, select};
use super::track::{ActiveState, Children, Doing, Parent, Track, TrackId};
use crate::Text;
use crate::data::Document;
use crate::data::context::Item;
use crate::definition::States;
use crate::definition::io::Io;
use crate::definition::map::Map;
use crate::definition::state::{Kind, State};
use crate::history::{Details, EventKind, Iteration};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Iterations of an inline Map at once. AWS: about 40. Source: state-map-inline.html.
const INLINE_CONCURRENCY_MAX: usize = 40;

impl Execution {
    pub(super) fn run_parallel(
        &mut self,
        active: ActiveState<'_>,
        branches: &[Arc<States>],
    ) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let input = match &active.state.io {
            Io::Paths(io) => self.path_input(&scene, io)?.1,
            Io::Query(io) => match &io.arguments {
                None => scene.raw.clone(),
                Some(template) => Document::from(scene.query(template, "Arguments", Outcome::default())?),
            },
        };
        let input = scene.limited(input)?;
        if self.is_inspected() {
            return Ok(Progress::Waiting);
        }
        self.record(active.track, EventKind::ParallelStateStarted, || None);
        let live = Children {
            pending: Vec::new(),
            count: branches.len(),
            concurrency: branches.len(),
            live: Vec::new(),
            outputs: vec![None; branches.len()],
            input: input.clone(),
            last_success: None,
        };
        self.set_doing(active.track, Doing::Children(Box::new(live)));
        for (index, branch) in branches.iter().enumerate() {
            let item = self.tracks.get(&active.track).and_then(|track| track.item.clone());
            self.start_child(
                Parent {
                    track: active.track,
                    index,
                },
                branch,
                input.clone(),
                item,
            );
        }
        Ok(Progress::Waiting)
    }

    /// Starts an inline Map over its items.
    pub(super) fn run_iterations(
        &mut self,
        active: ActiveState<'_>,
        map: &Map,
        input: Document,
        items: Vec<Value>,
        concurrency: i64,
    ) -> Result<Progress, Fault> {
        let count = items.len();
        let asked = usize::try_from(concurrency).ok().filter(|asked| *asked > 0);
        let children = Children {
            pending: items.into_iter().rev().collect(),
            count,
            concurrency: asked.unwrap_or(INLINE_CONCURRENCY_MAX).min(INLINE_CONCURRENCY_MAX),
            live: Vec::new(),
            outputs: vec![None; count],
            input,
            last_success: None,
        };
        self.set_doing(active.track, Doing::Children(Box::new(children)));
        if count == 0 {
            return self.finish_children(active);
        }
        self.start_iterations(active, map)?;
        Ok(Progress::Waiting)
    }

    /// Starts as many more iterations as there is room for.
    pub(super) fn start_iterations(&mut self, active: ActiveState<'_>, map: &Map) -> Result<(), Fault> {
        while let Some((index, value)) = self.next_item(active.track) {
            let item = Item {
                index: index as u64,
                value,
                key: None,
                source: None,
            };
            let item = Arc::new(item);
            let input = match self.iteration_input(active, map, &item) {
                Ok(input) => input,
                Err(fault) => {
                    self.put_back(active.track, &item);
                    return Err(fault);
                }
            };
            let name = &active.state.name;
            let previous = self.tracks.get(&active.track).map_or(0, |track| track.previous);
            let started = self
                .recorder
                .add(EventKind::MapIterationStarted, previous, self.now, || {
                    Some(Details::MapIterationStarted(Iteration {
                        name: name.clone(),
                        index: index as u64,
                    }))
                });
            let child = self.start_child(
                Parent {
                    track: active.track,
                    index,
                },
                &map.processor,
                input,
                Some(item),
            );
            if let Some(track) = self.track_mut(child) {
                track.previous = started;
            }
        }
        Ok(())
    }

    fn next_item(&mut self, id: TrackId) -> Option<(usize, Value)> {
        let Some(Doing::Children(children)) = self.track_mut(id).map(|track| &mut track.doing) else {
            return None;
        };
        if children.live.len() >= children.concurrency {
            return None;
        }
        let index = children.count - children.pending.len();
        children.pending.pop().map(|value| (index, value))
    }

    /// An item whose iteration could not be started is the next one again.
    fn put_back(&mut self, id: TrackId, item: &Item) {
        if let Some(Doing::Children(children)) = self.track_mut(id).map(|track| &mut track.doing) {
            children.pending.push(item.value.clone());
        }
    }

    fn iteration_input(&self, active: ActiveState<'_>, map: &Map, item: &Arc<Item>) -> Result<Document, Fault> {
        let Some(selector) = &map.selector else {
            return Ok(Document::from(item.value.clone()));
        };
        let Some(Doing::Children(children)) = self.tracks.get(&active.track).map(|track| &track.doing) else {
            return Ok(Document::from(item.value.clone()));
        };
        let Some(mut scene) = self.scene(active, None) else {
            return Ok(Document::from(item.value.clone()));
        };
        scene.context = scene.context.with_item(item.clone());
        select(&scene, selector, &children.input)
    }

    fn start_child(
        &mut self,
        parent: Parent,
        states: &Arc<States>,
        input: Document,
        item: Option<Arc<Item>>,
    ) -> TrackId {
        let id = TrackId(self.next.track);
        self.next.track += 1;
        let Some(mother) = self.tracks.get_mut(&parent.track) else {
            return id;
        };
        if let Doing::Children(children) = &mut mother.doing {
            children.live.push(id);
        }
        let track = Track {
            id,
            parent: Some(parent),
            states: states.clone(),
            at: states.start_at,
            input,
            variables: mother.variables.clone(),
            item,
            previous: mother.previous,
            before_entry: mother.previous,
            entry: 0,
            entered_at: self.now,
            retries: Vec::new(),
            doing: Doing::Entering,
            wreck: None,
            assigned_bytes: BTreeMap::new(),
        };
        self.add_track(track);
        id
    }

    /// A branch or iteration is through.
    pub(super) fn child_succeeded(&mut self, parent: Parent, child: TrackId, output: &Document, previous: u64) {
        let Some(current) = self.current(parent.track) else {
            return;
        };
        let Some(active) = current.active() else { return };
        let Some(Doing::Children(children)) = self.track_mut(parent.track).map(|track| &mut track.doing) else {
            return;
        };
        children.live.retain(|live| *live != child);
        if let Some(slot) = children.outputs.get_mut(parent.index) {
            *slot = Some(Value::clone(output.value()));
        }
        let finished = children.live.is_empty() && children.pending.is_empty();
        self.note_success(parent, active.state, previous);
        let progress = if finished {
            self.finish_children(active)
        } else if let Kind::Map(map) = &active.state.kind {
            self.start_iterations(active, map).map(|()| Progress::Waiting)
        } else {
            Ok(Progress::Waiting)
        };
        self.proceed(active, progress);
    }

    /// Records `MapIterationSucceeded`; the next iteration follows the child's last event, not this one.
    fn note_success(&mut self, parent: Parent, state: &State, previous: u64) {
        let mut last = previous;
        if matches!(state.kind, Kind::Map(_)) {
            let name = &state.name;
            last = self
                .recorder
                .add(EventKind::MapIterationSucceeded, previous, self.now, || {
                    Some(Details::MapIterationSucceeded(Iteration {
                        name: name.clone(),
                        index: parent.index as u64,
                    }))
                });
        }
        let Some(track) = self.track_mut(parent.track) else {
            return;
        };
        track.previous = previous;
        if let Doing::Children(children) = &mut track.doing {
            children.last_success = Some(last);
        }
    }

    /// All children are through: their outputs are the result.
    fn finish_children(&mut self, active: ActiveState<'_>) -> Result<Progress, Fault> {
        let Some(track) = self.track_mut(active.track) else {
            return Ok(Progress::Waiting);
        };
        let Doing::Children(children) = std::mem::replace(&mut track.doing, Doing::Retrying) else {
            return Ok(Progress::Waiting);
        };
        track.previous = children.last_success.unwrap_or(track.previous);
        let previous = track.previous;
        let outputs = children.outputs.into_iter().map(Option::unwrap_or_default).collect();
        let kind = if matches!(active.state.kind, Kind::Map(_)) {
            EventKind::MapStateSucceeded
        } else {
            EventKind::ParallelStateSucceeded
        };
        // What follows the state follows its last child, as this event does.
        self.recorder.add(kind, previous, self.now, || None);
        self.finish_with_result(active, &Document::from(Value::Array(outputs)))
    }

    /// A branch or iteration failed: its siblings are cut off, and the state fails.
    pub(super) fn child_failed(&mut self, parent: Parent, failed: ActiveState<'_>, fault: Fault) {
        let Some(current) = self.current(parent.track) else {
            return;
        };
        let Some(active) = current.active() else { return };
        let previous = self.tracks.get(&failed.track).map_or(0, |track| track.previous);
        let is_map = matches!(active.state.kind, Kind::Map(_));
        if is_map {
            self.record_iteration(
                EventKind::MapIterationFailed,
                Details::MapIterationFailed,
                active.state,
                parent.index,
                previous,
            );
        }
        if matches!(failed.state.kind, Kind::Task(_)) {
            self.recorder
                .add(EventKind::TaskStateAborted, previous, self.now, || None);
        }
        let mut tracks: Vec<Track> = self.tracks.remove(&failed.track).into_iter().collect();
        self.cut_off_children(active, previous, &mut tracks);
        if let Some(track) = self.track_mut(parent.track) {
            track.previous = previous;
        }
        self.fail_state(
            active,
            Fault {
                of_task: false,
                ..fault
            },
        );
    }

    pub(super) fn record_iteration(
        &mut self,
        kind: EventKind,
        details: fn(Iteration) -> Details,
        state: &State,
        index: usize,
        previous: u64,
    ) {
        let name: &Text = &state.name;
        self.recorder.add(kind, previous, self.now, || {
            Some(details(Iteration {
                name: name.clone(),
                index: index as u64,
            }))
        });
    }
}
