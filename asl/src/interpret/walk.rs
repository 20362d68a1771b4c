//! Walks tracks from state to state until every one of them waits for the world.

use super::command::{Command, Ending};
use super::execution::{Execution, Purpose};
use super::fault::Fault;
use super::flow::{Assigned, Progress, Scene};
use super::track::{ActiveState, Doing, ROOT, Track, TrackId};
use crate::Text;
use crate::data::context::{Local, StateContext};
use crate::data::document::measure;
use crate::data::{Context, Document};
use crate::definition::state::{Kind, State};
use crate::definition::{Next, States};
use crate::history::{Details, EventKind, Failure, Output, StateEntered, StateExited, Truncation};
use crate::limits::{
    ASSIGN_BYTES_MAX, HISTORY_EVENTS_MAX, OUTPUT_BYTES_PER_STEP_MAX, TRANSITIONS_PER_STEP_MAX, VARIABLES_BYTES_MAX,
};
use crate::{ExecutionType, error_name};
use serde_json::Value;
use std::sync::Arc;

/// A state with everything it needs to be held on to while the execution changes.
pub(super) struct Current {
    track: TrackId,
    states: Arc<States>,
    at: usize,
}

impl Current {
    pub(super) fn active(&self) -> Option<ActiveState<'_>> {
        Some(ActiveState {
            track: self.track,
            state: self.states.get(self.at)?,
        })
    }
}

impl Execution {
    /// Runs whatever is ready.
    pub(super) fn run(&mut self) {
        let mut transitions = 0;
        while let Some(track) = self.ready.pop_front() {
            if self.recorder.count() >= HISTORY_EVENTS_MAX && self.identity.execution_type == ExecutionType::Standard {
                return self.fail_execution(
                    track,
                    Fault::plain(
                        Some(error_name::RUNTIME.into()),
                        Some("The execution reached the maximum number of history events (25000).".into()),
                    ),
                );
            }
            transitions += 1;
            if transitions > TRANSITIONS_PER_STEP_MAX || self.step_bytes > OUTPUT_BYTES_PER_STEP_MAX {
                return self.fail_execution(
                    track,
                    Fault::plain(
                        Some(error_name::RUNTIME.into()),
                        Some("The execution ran through too many states without waiting.".into()),
                    ),
                );
            }
            self.advance(track);
        }
    }

    /// The current state of a track, held.
    pub(super) fn current(&self, track: TrackId) -> Option<Current> {
        let found = self.tracks.get(&track)?;
        Some(Current {
            track,
            states: found.states.clone(),
            at: found.at,
        })
    }

    /// Enters and runs the current state of one track.
    fn advance(&mut self, id: TrackId) {
        let Some(current) = self.current(id) else { return };
        let Some(active) = current.active() else { return };
        if matches!(self.tracks.get(&id).map(|track| &track.doing), Some(Doing::Entering)) {
            self.enter(active);
        }
        let progress = self.run_state(active);
        self.proceed(active, progress);
    }

    /// Goes where the outcome of a state leads.
    pub(super) fn proceed(&mut self, active: ActiveState<'_>, progress: Result<Progress, Fault>) {
        match progress {
            Ok(Progress::Waiting) => {}
            Ok(Progress::Done { output, assigned, next }) => {
                self.exit(active, output, assigned, next.or(active.state.next));
            }
            Err(fault) => self.fail_state(active, fault),
        }
    }

    fn enter(&mut self, active: ActiveState<'_>) {
        let Some(track) = self.tracks.get_mut(&active.track) else {
            return;
        };
        let (name, input) = (&active.state.name, &track.input);
        let entry = self
            .recorder
            .add(active.state.kind.entered(), track.previous, self.now, || {
                let details = StateEntered {
                    name: name.clone(),
                    input: input.text().clone(),
                    input_details: Truncation::default(),
                };
                Some(Details::StateEntered(details))
            });
        track.before_entry = track.previous;
        track.previous = entry;
        track.entry = entry;
        track.entered_at = self.now;
        track.retries.clear();
        track.retries.resize(active.state.retry.len(), 0);
        track.doing = Doing::Retrying;
        track.wreck = None;
    }

    fn run_state(&mut self, active: ActiveState<'_>) -> Result<Progress, Fault> {
        match &active.state.kind {
            Kind::Pass(result) => self.run_pass(active, result.as_ref()),
            Kind::Task(task) => self.run_task(active, task),
            Kind::Choice(choice) => self.run_choice(active, choice),
            Kind::Wait(wait) => self.run_wait(active, wait),
            Kind::Succeed => self.run_succeed(active),
            Kind::Fail(fail) => self.run_fail(active, fail),
            Kind::Parallel(branches) => self.run_parallel(active, branches),
            Kind::Map(map) => self.run_map(active, map),
        }
    }

    /// What the expressions of a track's state see.
    pub(super) fn scene<'s>(&'s self, active: ActiveState<'s>, task_token: Option<Text>) -> Option<Scene<'s>> {
        let track = self.tracks.get(&active.track)?;
        let state_context = StateContext {
            name: active.state.name.clone(),
            entered: track.entered_at,
            retry_count: matches!(active.state.kind, Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_))
                .then(|| track.retry_count()),
        };
        let (shared, state_context, task_token) = match self.shown_context() {
            Some(shown) => {
                let task_token = task_token.filter(|_| shown.get("Task").is_none());
                (shown, None, task_token)
            }
            None => (self.shared_context.clone(), Some(state_context), task_token),
        };
        let local = Local {
            state: state_context,
            task_token,
            item: track.item.clone(),
        };
        Some(Scene {
            context: Context::new(shared, local),
            variables: track.variables.clone(),
            random: &self.random,
            now: self.now,
            name: &active.state.name,
            raw: track.input.clone(),
        })
    }

    /// Leaves a state with its output.
    pub(super) fn exit(
        &mut self,
        active: ActiveState<'_>,
        output: Document,
        assigned: Option<Assigned>,
        next: Option<Next>,
    ) {
        let assigned = match assigned
            .map(|assigned| self.check_assigned(active.track, assigned, &active.state.name))
            .transpose()
        {
            Ok(assigned) => assigned,
            Err(fault) => return self.fail_state(active, fault),
        };
        if self.is_inspected() {
            return self.end_inspection(active.state, &output, next);
        }
        self.step_bytes += output.bytes() as u64;
        let Some(track) = self.tracks.get_mut(&active.track) else {
            return;
        };
        let exited = self
            .recorder
            .add(active.state.kind.exited(), track.previous, self.now, || {
                Some(exit_details(active.state, &output, assigned.as_ref()))
            });
        track.previous = exited;
        track.wreck = None;
        if let Some(assigned) = assigned {
            track.assign(assigned);
        }
        match next {
            Some(Next::State(at)) => {
                track.at = at;
                track.input = output;
                track.doing = Doing::Entering;
                self.ready.push_front(active.track);
            }
            Some(Next::End) | None => self.end_track(active.track, &output),
        }
    }

    /// The context object that an inspection asked for.
    fn shown_context(&self) -> Option<Arc<Value>> {
        self.inspection
            .as_ref()
            .and_then(|inspection| inspection.borrow().context.clone())
    }

    /// The one state that was asked for is through.
    fn end_inspection(&mut self, state: &State, output: &Document, next: Option<Next>) {
        let named = match next.or(state.next) {
            Some(Next::State(at)) => self
                .tracks
                .get(&ROOT)
                .and_then(|track| track.states.get(at))
                .map(|state| state.name.clone()),
            Some(Next::End) | None => None,
        };
        self.inspect(|inspection| inspection.next_state = named);
        self.end(Ending::Succeeded {
            output: output.text().clone(),
        });
    }

    /// A track is through: the machine succeeded, or a branch or iteration did.
    fn end_track(&mut self, id: TrackId, output: &Document) {
        let Some(track) = self.tracks.get(&id) else { return };
        let (previous, parent) = (track.previous, track.parent);
        if let Some(parent) = parent {
            self.tracks.remove(&id);
            return self.child_succeeded(parent, id, output, previous);
        }
        self.recorder
            .add(EventKind::ExecutionSucceeded, previous, self.now, || {
                Some(Details::ExecutionSucceeded(Output {
                    output: output.text().clone(),
                    output_details: Truncation::default(),
                }))
            });
        self.end(Ending::Succeeded {
            output: output.text().clone(),
        });
    }

    /// The execution fails.
    pub(super) fn fail_execution(&mut self, id: TrackId, fault: Fault) {
        let previous = self.tracks.get(&id).map_or(0, |track| track.previous);
        let failure = crate::StateError {
            error: fault.error,
            cause: fault.cause,
        };
        let details = Failure {
            error: failure.error.clone(),
            cause: failure.cause.clone(),
        };
        self.recorder.add(EventKind::ExecutionFailed, previous, self.now, || {
            Some(Details::ExecutionFailed(details))
        });
        self.end(Ending::Failed(failure));
    }

    /// A timer that a track slept on is due.
    pub(super) fn resume(&mut self, id: TrackId) {
        let Some(current) = self.current(id) else { return };
        let Some(active) = current.active() else { return };
        match self.tracks.get(&id).map(|track| &track.doing) {
            Some(Doing::BackingOff(_)) => self.retry_now(id),
            Some(Doing::Waiting(_)) => {
                let progress = self.finish_wait(active);
                self.proceed(active, progress);
            }
            _ => {}
        }
    }

    fn retry_now(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.doing = Doing::Retrying;
            track.wreck = None;
            self.ready.push_back(id);
        }
    }

    /// Sets what a track does, with a timer that resumes it.
    pub(super) fn sleep(&mut self, id: TrackId, millis: i64, doing: fn(super::TimerId) -> Doing) {
        let timer = self.start_timer(Purpose::Resume(id), millis);
        self.set_doing(id, doing(timer));
    }

    pub(super) fn set_doing(&mut self, id: TrackId, doing: Doing) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.doing = doing;
        }
    }

    pub(super) fn track_mut(&mut self, id: TrackId) -> Option<&mut Track> {
        self.tracks.get_mut(&id)
    }

    /// Records an event of a track, which the track's next event follows.
    pub(super) fn record(&mut self, id: TrackId, kind: EventKind, details: impl FnOnce() -> Option<Details>) -> u64 {
        let previous = self.tracks.get(&id).map_or(0, |track| track.previous);
        let event = self.recorder.add(kind, previous, self.now, details);
        if let Some(track) = self.tracks.get_mut(&id) {
            track.previous = event;
        }
        event
    }

    /// Refuses assignments that are larger than AWS allows, by themselves or with all that is stored already.
    fn check_assigned(&self, id: TrackId, assigned: Assigned, state: &str) -> Result<Assigned, Fault> {
        let bytes: usize = assigned.iter().map(|(_, value)| measure(value)).sum();
        let replaced: usize = self.tracks.get(&id).map_or(0, |track| {
            let sizes = assigned
                .iter()
                .filter_map(|(name, _)| track.assigned_bytes.get(name.as_str()));
            sizes.sum()
        });
        let stored: usize = self.tracks.values().map(Track::variable_bytes).sum();
        if bytes > ASSIGN_BYTES_MAX || stored - replaced + bytes > VARIABLES_BYTES_MAX {
            Err(Fault::too_large(state))
        } else {
            Ok(assigned)
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        self.commands.push(command);
    }
}

fn exit_details(state: &State, output: &Document, assigned: Option<&Assigned>) -> Details {
    let variables = assigned.filter(|assigned| !assigned.is_empty()).map(|assigned| {
        assigned
            .iter()
            .map(|(name, value)| (Text::from(name.as_str()), Text::from(value.to_string())))
            .collect()
    });
    Details::StateExited(StateExited {
        name: state.name.clone(),
        output: output.text().clone(),
        output_details: Truncation::default(),
        assigned_variables_details: variables.is_some().then(Truncation::default),
        assigned_variables: variables,
    })
}
