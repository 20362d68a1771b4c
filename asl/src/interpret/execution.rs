//! One execution: its tracks, what it waits for, and how events find the track that they concern.

use super::command::{Command, Ending};
use super::event::{Event, MapRunId, Moment, RefusedReason, TaskId, TimerId};
use super::fault::Fault;
use super::inspection::Inspection;
use super::recorder::{Recorder, Recording};
use super::track::{Doing, ROOT, Track, TrackId};
use crate::data::context::Context;
use crate::data::{Document, Random, Variables, random};
use crate::definition::States;
use crate::error_name::{self, StateError};
use crate::history::{Details, EventKind, ExecutionStarted, Failure, HistoryEvent, Truncation};
use crate::identity::Identity;
use crate::{StateMachine, Text, Timestamp};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// One execution's whole state. `Send`, and no I/O in it.
#[derive(Debug)]
pub struct Execution {
    pub(super) machine: Arc<StateMachine>,
    pub(super) identity: Arc<Identity>,
    pub(super) phase: Phase,
    /// The part of the context object that never changes.
    pub(super) shared_context: Arc<Value>,
    pub(super) recorder: Recorder,
    pub(super) tracks: BTreeMap<TrackId, Track>,
    pub(super) tasks: BTreeMap<TaskId, TrackId>,
    pub(super) timers: BTreeMap<TimerId, Timer>,
    pub(super) map_runs: BTreeMap<MapRunId, TrackId>,
    /// Tracks that can go on.
    pub(super) ready: VecDeque<TrackId>,
    pub(super) commands: Vec<Command>,
    pub(super) next: Counters,
    /// **Bytes** of output that this step has made.
    pub(super) step_bytes: u64,
    pub(super) now: Timestamp,
    pub(super) jitter: f64,
    pub(super) random: Random,
    pub(super) inspection: Option<Box<RefCell<Inspection>>>,
    /// Where to start instead of the machine's own start.
    pub(super) start_at: Option<(Arc<States>, usize)>,
    /// Variables to start with.
    pub(super) variables: Variables,
}

/// How far the execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Running,
    Succeeded,
    /// Ended without success: a redrive can go on from here.
    Unsuccessful,
}

/// The next number of each kind.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) track: u64,
    pub(super) task: u64,
    pub(super) timer: u64,
    pub(super) map_run: u64,
}

/// A timer that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) purpose: Purpose,
    pub(super) at: Timestamp,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The end of a Wait state, or of the delay before a retry.
    Resume(TrackId),
    /// A task's time-out or missed heartbeat.
    TimeOut(TrackId),
    /// The machine's `TimeoutSeconds`.
    Deadline,
}

impl Execution {
    /// An execution that waits for `Event::Start`.
    pub fn new(machine: Arc<StateMachine>, identity: Identity, recording: Recording) -> Self {
        let seed = random::seed(&identity.execution_arn) ^ random::mix(identity.start_time.as_millis().unsigned_abs());
        Self {
            machine,
            identity: Arc::new(identity),
            phase: Phase::New,
            shared_context: Arc::new(Value::Null),
            recorder: Recorder::new(recording),
            tracks: BTreeMap::new(),
            tasks: BTreeMap::new(),
            timers: BTreeMap::new(),
            map_runs: BTreeMap::new(),
            ready: VecDeque::new(),
            commands: Vec::new(),
            next: Counters::default(),
            step_bytes: 0,
            now: Timestamp::default(),
            jitter: 0.0,
            random: Random::new(seed),
            inspection: None,
            start_at: None,
            variables: Variables::default(),
        }
    }

    /// The history since the last call. Ids go on counting.
    pub fn take_history(&mut self) -> Vec<HistoryEvent> {
        self.recorder.take()
    }

    /// Events of the history so far, kept or not.
    pub const fn history_count(&self) -> u64 {
        self.recorder.count()
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it runs.
    pub fn machine(&self) -> &Arc<StateMachine> {
        &self.machine
    }

    /// Whether a history is kept.
    pub const fn recording(&self) -> Recording {
        self.recorder.recording()
    }

    /// Whether it is over.
    pub const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Unsuccessful)
    }

    /// Applies an event; unchanged if it is refused.
    pub(super) fn apply(&mut self, event: Event, moment: Moment) -> Result<Vec<Command>, RefusedReason> {
        self.admit(&event)?;
        (self.now, self.jitter, self.step_bytes) = (moment.now, moment.jitter, 0);
        self.dispatch(event)?;
        self.run();
        Ok(std::mem::take(&mut self.commands))
    }

    /// Whether the event can happen at all in this phase.
    fn admit(&self, event: &Event) -> Result<(), RefusedReason> {
        match (self.phase, event) {
            (_, Event::Redrive) => self.may_redrive().then_some(()).ok_or(RefusedReason::NotRedrivable),
            (Phase::Succeeded | Phase::Unsuccessful, _) => Err(RefusedReason::Ended),
            (Phase::New, Event::Start { .. }) | (Phase::Running, _) if self.is_expected(event) => Ok(()),
            (Phase::New, Event::Start { .. }) => Err(RefusedReason::AlreadyStarted),
            (Phase::New, _) => Err(RefusedReason::NotStarted),
            (Phase::Running, event) => Err(unexpected(event)),
        }
    }

    fn is_expected(&self, event: &Event) -> bool {
        match event {
            Event::Start { .. } => self.phase == Phase::New,
            Event::Stop { .. } => true,
            Event::Redrive => self.may_redrive(),
            Event::TaskStarted { task, .. }
            | Event::TaskSubmitted { task, .. }
            | Event::TaskHeartbeat { task }
            | Event::TaskSucceeded { task, .. }
            | Event::TaskFailed { task, .. } => self.tasks.contains_key(task),
            Event::TimerFired { timer } => self.timers.contains_key(timer),
            Event::MapRunStarted { map_run, .. } | Event::MapRunEnded { map_run, .. } => {
                self.map_runs.contains_key(map_run)
            }
        }
    }

    fn dispatch(&mut self, event: Event) -> Result<(), RefusedReason> {
        match event {
            Event::Start { input } => self.start(&input)?,
            Event::TaskStarted { task, worker } => self.task_started(task, worker.as_deref()),
            Event::TaskSubmitted { task, output } => self.task_submitted(task, &output),
            Event::TaskHeartbeat { task } => self.task_heartbeat(task),
            Event::TaskSucceeded { task, output } => self.task_succeeded(task, &output),
            Event::TaskFailed {
                task,
                phase,
                error,
                cause,
            } => {
                self.task_failed(task, phase, Fault::plain(error.map(Into::into), cause.map(Into::into)));
            }
            Event::TimerFired { timer } => self.timer_fired(timer),
            Event::MapRunStarted { map_run, arn } => self.map_run_started(map_run, &arn),
            Event::MapRunEnded { map_run, result } => self.map_run_ended(map_run, result),
            Event::Stop { error, cause } => self.stop(error, cause),
            Event::Redrive => self.redrive(),
        }
        Ok(())
    }

    fn start(&mut self, input: &str) -> Result<(), RefusedReason> {
        let document = Document::from_text(input).map_err(|error| RefusedReason::InvalidInput(error.to_string()))?;
        self.phase = Phase::Running;
        self.shared_context = Context::of_execution(&self.identity, document.value());
        let (text, role) = (document.text(), &self.identity.role_arn);
        self.recorder.add(EventKind::ExecutionStarted, 0, self.now, || {
            let details = ExecutionStarted {
                input: text.clone(),
                input_details: Truncation::default(),
                role_arn: role.clone(),
            };
            Some(Details::ExecutionStarted(details))
        });
        self.start_deadline();
        let own_start = || (self.machine.states.clone(), self.machine.states.start_at);
        let (states, at) = self.start_at.clone().unwrap_or_else(own_start);
        self.next.track = 1;
        self.add_track(Track {
            id: ROOT,
            parent: None,
            at,
            states,
            input: document,
            variables: self.variables.clone(),
            item: None,
            previous: 0,
            before_entry: 0,
            entry: 0,
            entered_at: self.now,
            retries: Vec::new(),
            doing: Doing::Entering,
            wreck: None,
            assigned_bytes: BTreeMap::new(),
        });
        Ok(())
    }

    /// The machine's `TimeoutSeconds` begins.
    pub(super) fn start_deadline(&mut self) {
        if let Some(seconds) = self.machine.timeout_seconds {
            self.start_timer(Purpose::Deadline, seconds.saturating_mul(1_000));
        }
    }

    /// The Region of the execution's ARN.
    pub(super) fn region(&self) -> Text {
        self.identity.execution_arn.split(':').nth(3).unwrap_or_default().into()
    }

    pub(super) fn add_track(&mut self, track: Track) {
        self.ready.push_back(track.id);
        self.tracks.insert(track.id, track);
    }

    pub(super) fn start_timer(&mut self, purpose: Purpose, millis: i64) -> TimerId {
        let timer = TimerId(self.next.timer);
        self.next.timer += 1;
        let at = self.now.plus_millis(millis);
        self.timers.insert(timer, Timer { purpose, at });
        self.commands.push(Command::StartTimer { timer, at });
        timer
    }

    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        if self.timers.remove(&timer).is_some() {
            self.commands.push(Command::CancelTimer(timer));
        }
    }

    fn timer_fired(&mut self, timer: TimerId) {
        let Some(Timer { purpose, at }) = self.timers.remove(&timer) else {
            return;
        };
        match purpose {
            Purpose::Resume(track) => self.resume(track),
            Purpose::TimeOut(track) => self.time_out_with(track, timer, at),
            Purpose::Deadline => self.time_out(),
        }
    }

    fn time_out(&mut self) {
        self.abort_everything();
        let failure = StateError::named(error_name::TIMEOUT);
        let previous = self.previous_of_root();
        self.recorder.add(EventKind::ExecutionTimedOut, previous, self.now, || {
            Some(Details::ExecutionTimedOut(Failure::default()))
        });
        self.end(Ending::TimedOut(failure));
    }

    fn stop(&mut self, error: Option<String>, cause: Option<String>) {
        self.abort_everything();
        let failure = StateError {
            error: error.map(Into::into),
            cause: cause.map(Into::into),
        };
        let previous = self.previous_of_root();
        self.recorder.add(EventKind::ExecutionAborted, previous, self.now, || {
            Some(Details::ExecutionAborted(as_details(&failure)))
        });
        self.end(Ending::Aborted(failure));
    }

    pub(super) fn previous_of_root(&self) -> u64 {
        self.tracks.get(&ROOT).map_or(0, |track| track.previous)
    }

    /// Nobody waits for anything any more.
    pub(super) fn abort_everything(&mut self) {
        let tasks = std::mem::take(&mut self.tasks).into_keys().map(Command::CancelTask);
        let timers = std::mem::take(&mut self.timers).into_keys().map(Command::CancelTimer);
        let map_runs = std::mem::take(&mut self.map_runs).into_keys().map(Command::StopMapRun);
        self.commands.extend(tasks.chain(timers).chain(map_runs));
        self.ready.clear();
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.abort_everything();
        self.phase = match &ending {
            Ending::Succeeded { .. } => Phase::Succeeded,
            Ending::Failed(_) | Ending::TimedOut(_) | Ending::Aborted(_) => Phase::Unsuccessful,
        };
        self.commands.push(Command::Finish(ending));
    }
}

/// The same failure as the history shows it.
pub(super) fn as_details(failure: &StateError) -> Failure {
    Failure {
        error: failure.error.clone(),
        cause: failure.cause.clone(),
    }
}

fn unexpected(event: &Event) -> RefusedReason {
    match event {
        Event::Start { .. } | Event::Stop { .. } | Event::Redrive => RefusedReason::AlreadyStarted,
        Event::TaskStarted { task, .. }
        | Event::TaskSubmitted { task, .. }
        | Event::TaskHeartbeat { task }
        | Event::TaskSucceeded { task, .. }
        | Event::TaskFailed { task, .. } => RefusedReason::UnknownTask(*task),
        Event::TimerFired { timer } => RefusedReason::UnknownTimer(*timer),
        Event::MapRunStarted { map_run, .. } | Event::MapRunEnded { map_run, .. } => {
            RefusedReason::UnknownMapRun(*map_run)
        }
    }
}

/// An event that cannot happen to the execution; the execution comes back as it was.
#[derive(Debug, thiserror::Error)]
#[error("failed to apply the event: {reason}")]
pub struct Refused {
    /// Unchanged.
    pub execution: Box<Execution>,
    /// Why.
    pub reason: RefusedReason,
}

/// One step: what `event` makes of the execution, and what is to be done.
///
/// # Errors
/// When the event cannot happen to this execution (a late answer, say). The execution comes back unchanged.
pub fn step(mut execution: Execution, event: Event, moment: Moment) -> Result<(Execution, Vec<Command>), Refused> {
    match execution.apply(event, moment) {
        Ok(commands) => Ok((execution, commands)),
        Err(reason) => Err(Refused {
            execution: Box::new(execution),
            reason,
        }),
    }
}
