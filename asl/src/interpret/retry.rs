//! What happens when a state fails: another try, a catcher, or the end of its track.

use super::command::Ending;
use super::execution::Execution;
use super::fault::{Evaluation, Fault};
use super::flow::Progress;
use super::flow::{Outcome, error_output};
use super::track::{ActiveState, Doing};
use crate::data::Document;
use crate::definition::retry::{CatchIo, Catcher, matches};
use crate::definition::state::Kind;
use crate::history::{Details, EvaluationFailed, EventKind};
use crate::{StateError, Text};

impl Execution {
    /// A state failed: retry it, catch it, or let the track fail.
    pub(super) fn fail_state(&mut self, active: ActiveState<'_>, mut fault: Fault) {
        let Some(track) = self.tracks.get(&active.track) else {
            return;
        };
        let evaluation = fault.evaluation.take();
        let fault = fault.told(&active.state.name, track.entry);
        if let Some(evaluation) = &evaluation {
            self.record_evaluation(active, &fault, evaluation);
        }
        let failure = StateError {
            error: fault.error.clone(),
            cause: fault.cause.clone(),
        };
        self.inspect(|inspection| inspection.failure = Some(failure));
        if fault.is_fatal() {
            return self.fail_execution(active.track, fault);
        }
        // An iteration that could not be started takes those that run with it.
        let previous = self.tracks.get(&active.track).map_or(0, |track| track.previous);
        self.cut_off_children(active, previous, &mut Vec::new());
        let name = fault.error.clone().unwrap_or_default();
        if self.retry_later(active, &name, fault.of_task) {
            return;
        }
        self.record_failed(active);
        let catcher = active
            .state
            .catch
            .iter()
            .position(|catcher| matches(&catcher.errors, &name, fault.of_task));
        match catcher.and_then(|at| Some((at, active.state.catch.get(at)?))) {
            Some((at, catcher)) => self.catch(active, at, catcher, &fault),
            None => self.fail_track(active, fault),
        }
    }

    fn record_evaluation(&mut self, active: ActiveState<'_>, fault: &Fault, evaluation: &Evaluation) {
        if let Some(track) = self.track_mut(active.track)
            && !evaluation.after_entry
            && track.previous == track.entry
        {
            track.previous = track.before_entry;
        }
        self.record(active.track, EventKind::EvaluationFailed, || {
            Some(Details::EvaluationFailed(EvaluationFailed {
                error: fault.error.clone().unwrap_or_default(),
                cause: fault.cause.clone().unwrap_or_default(),
                location: evaluation.location.clone(),
                state: active.state.name.clone(),
            }))
        });
    }

    /// Whether a retrier takes it; the first that matches decides.
    fn retry_later(&mut self, active: ActiveState<'_>, name: &str, of_task: bool) -> bool {
        let Some(at) = active
            .state
            .retry
            .iter()
            .position(|retrier| matches(&retrier.errors, name, of_task))
        else {
            return false;
        };
        let jitter = self.jitter;
        let Some(retrier) = active.state.retry.get(at) else {
            return false;
        };
        let Some(used) = self
            .track_mut(active.track)
            .and_then(|track| track.retries.get(at).copied())
        else {
            return false;
        };
        self.inspect(|inspection| inspection.retry_index = Some(at));
        if used >= retrier.attempts_max {
            return false;
        }
        if self.is_inspected() {
            self.inspect(|inspection| inspection.retry_backoff_seconds = Some(retrier.delay_seconds(used)));
            self.end(Ending::Aborted(StateError::default()));
            return true;
        }
        let millis = retrier.delay_millis(used, jitter);
        if let Some(used) = self.track_mut(active.track).and_then(|track| track.retries.get_mut(at)) {
            *used += 1;
        }
        self.sleep(active.track, millis, Doing::BackingOff);
        true
    }

    /// Map and Parallel say that they failed, caught or not.
    fn record_failed(&mut self, active: ActiveState<'_>) {
        let kind = match active.state.kind {
            Kind::Map(_) => EventKind::MapStateFailed,
            Kind::Parallel(_) => EventKind::ParallelStateFailed,
            Kind::Pass(_) | Kind::Task(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => return,
        };
        self.record(active.track, kind, || None);
    }

    fn catch(&mut self, active: ActiveState<'_>, at: usize, catcher: &Catcher, fault: &Fault) {
        let error = Document::from(error_output(fault));
        self.inspect(|inspection| inspection.catch_index = Some(at));
        let progress = self.caught(active, at, &catcher.io, &error);
        let progress = progress.map(|(output, assigned)| Progress::Done {
            output,
            assigned,
            next: Some(catcher.next),
        });
        match progress {
            // A catcher that fails is not caught itself.
            Err(fault) => {
                let entry = self.tracks.get(&active.track).map_or(0, |track| track.entry);
                let mut fault = fault.told(&active.state.name, entry);
                if let Some(evaluation) = fault.evaluation.take() {
                    self.record_evaluation(active, &fault, &evaluation);
                }
                self.fail_track(active, fault);
            }
            progress => self.proceed(active, progress),
        }
    }

    fn caught(
        &self,
        active: ActiveState<'_>,
        at: usize,
        io: &CatchIo,
        error: &Document,
    ) -> Result<(Document, Option<super::flow::Assigned>), Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok((error.clone(), None));
        };
        match io {
            CatchIo::Paths { result, assign } => {
                let assigned = scene.assign(assign.as_ref(), error)?;
                Ok((scene.limited(scene.combine(result, error.clone())?)?, assigned))
            }
            CatchIo::Query { output, assign } => {
                let outcome = Outcome {
                    result: None,
                    error_output: Some(error.value()),
                };
                let relocate = |fault: Fault| relocated(fault, at);
                let assigned = scene.query_assign(assign.as_ref(), outcome).map_err(relocate)?;
                Ok((
                    scene.query_output(output.as_ref(), error, outcome).map_err(relocate)?,
                    assigned,
                ))
            }
        }
    }

    /// Nobody caught it: the execution fails, or the parent's child does.
    pub(super) fn fail_track(&mut self, active: ActiveState<'_>, fault: Fault) {
        match self.tracks.get(&active.track).and_then(|track| track.parent) {
            None => self.fail_execution(active.track, fault),
            Some(parent) => self.child_failed(parent, active, fault),
        }
    }
}

/// A fault in a catcher's field, placed under `Catch`.
fn relocated(mut fault: Fault, at: usize) -> Fault {
    if let Some(evaluation) = &mut fault.evaluation {
        evaluation.location = evaluation
            .location
            .as_deref()
            .map(|location| Text::from(format!("Catch[{at}]/{location}")));
    }
    fault
}
