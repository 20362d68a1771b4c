//! A map run from its command to its end, as the execution sees it.

use super::command::Command;
use super::event::{MapRunId, MapRunResult};
use super::execution::Execution;
use super::fault::Fault;
use super::map_run::MapRunRequest;
use super::track::{Doing, MapRunning, TrackId};
use crate::data::Document;
use crate::history::{Details, EventKind, Failure};
use crate::{Text, error_name};

impl Execution {
    pub(super) fn start_map_run(&mut self, id: TrackId, request: MapRunRequest, doomed: Option<Fault>) {
        let (run, redrive) = (request.map_run, request.redrive);
        self.next.map_run = self.next.map_run.max(run.0 + 1);
        self.map_runs.insert(run, id);
        self.set_doing(
            id,
            Doing::MapRun(Box::new(MapRunning {
                id: run,
                doomed,
                started: false,
                redrive,
            })),
        );
        self.command(Command::StartMapRun(Box::new(request)));
    }

    pub(super) fn map_run_started(&mut self, run: MapRunId, arn: &str) {
        let Some(id) = self.map_runs.get(&run).copied() else {
            return;
        };
        let Some(Doing::MapRun(running)) = self.track_mut(id).map(|track| &mut track.doing) else {
            return;
        };
        if std::mem::replace(&mut running.started, true) {
            return;
        }
        let (doomed, redrive) = (running.doomed.take(), running.redrive);
        let (kind, details) = announcement(arn.into(), redrive);
        self.record(id, kind, || Some(details));
        if let Some(fault) = doomed {
            self.command(Command::StopMapRun(run));
            self.end_map_run(run, Err(fault));
        }
    }

    pub(super) fn map_run_ended(&mut self, run: MapRunId, result: MapRunResult) {
        let outcome = match result {
            MapRunResult::Succeeded { output } => Document::from_text(&output).map_err(|error| {
                Fault::plain(
                    Some(error_name::RUNTIME.into()),
                    Some(format!("The map run's output is not valid JSON: {error}").into()),
                )
            }),
            MapRunResult::Failed { error, cause } => Err(Fault::plain(error.map(Into::into), cause.map(Into::into))),
            MapRunResult::Aborted => Err(Fault::plain(None, None)),
        };
        self.end_map_run(run, outcome);
    }

    fn end_map_run(&mut self, run: MapRunId, outcome: Result<Document, Fault>) {
        let Some(id) = self.map_runs.remove(&run) else { return };
        let Some(current) = self.current(id) else { return };
        let Some(active) = current.active() else { return };
        self.leave_map_run(id);
        let progress = match outcome {
            Ok(result) => {
                // If its result cannot be taken, a redrive starts another run.
                self.forget_wreck(id);
                // What follows the state follows the map run's start. In recordings before November 2024 it followed its end.
                let started = self.tracks.get(&id).map_or(0, |track| track.previous);
                let ended = self
                    .recorder
                    .add(EventKind::MapRunSucceeded, started, self.now, || None);
                self.recorder
                    .add(EventKind::MapStateSucceeded, ended, self.now, || None);
                self.finish_with_result(active, &result)
            }
            Err(fault) => {
                let failure = Failure {
                    error: fault.error.clone(),
                    cause: fault.cause.clone(),
                };
                let aborted = fault.error.is_none() && fault.cause.is_none();
                let kind = if aborted {
                    EventKind::MapRunAborted
                } else {
                    EventKind::MapRunFailed
                };
                self.record(id, kind, || (!aborted).then_some(Details::MapRunFailed(failure)));
                Err(fault)
            }
        };
        self.proceed(active, progress);
    }
}

/// What the history says of a map run that exists, or goes on.
fn announcement(map_run_arn: Text, redrive: u32) -> (EventKind, Details) {
    if redrive == 0 {
        (EventKind::MapRunStarted, Details::MapRunStarted { map_run_arn })
    } else {
        let details = Details::MapRunRedriven {
            map_run_arn,
            redrive_count: redrive,
        };
        (EventKind::MapRunRedriven, details)
    }
}
