//! The map runs of an execution: announced, run beside the execution, aborted and waited for.

use std::sync::Arc;

use asl::{Ending, Event, Execution, MapRunRequest};
use futures::{FutureExt, StreamExt};

use super::effect::Completion;
use super::{Driven, Driver};
use crate::Result;
use crate::map_run::{self, MapRunEnd};
use crate::naming;
use crate::stop::Control;
use crate::wait::Wait;

impl Driver {
    /// Announces a map run: the journal says that it has started before its first child can start. In an Express execution
    /// the run fails, because AWS has no DISTRIBUTED Map there.
    pub(super) fn start_map(&mut self, request: Box<MapRunRequest>) {
        let Some(execution) = &self.execution else { return };
        if self.recorder.is_none() {
            let result = asl::MapRunResult::Failed {
                error: Some(asl::error_name::RUNTIME.to_owned()),
                cause: Some("an EXPRESS execution cannot run a DISTRIBUTED Map".to_owned()),
            };
            let map_run = request.map_run;
            self.ready.push(Event::MapRunEnded { map_run, result }.into());
            return;
        }
        let arn = naming::arn(execution.identity(), &request);
        let started = Event::MapRunStarted {
            map_run: request.map_run,
            arn: arn.0,
        };
        self.map_runs.insert(request.map_run, request);
        self.ready.push(started.into());
    }

    pub(super) fn run_map(&mut self, map_run: asl::MapRunId) {
        let (Some(request), Some(execution)) = (self.map_runs.remove(&map_run), &self.execution) else {
            return;
        };
        let control = Control {
            stop: self.stop.clone(),
            ..Control::default()
        };
        self.aborts.insert(map_run, control.abort.clone());
        let parent = execution.identity().clone();
        let run = map_run::run(
            Arc::clone(&self.context),
            parent,
            *request,
            self.item_subset.clone(),
            control,
        );
        let answer = run.map(move |end| match end {
            Ok((end, started)) => Completion::MapRun(map_run, end, started),
            Err(error) => Completion::Broken(error),
        });
        self.wait(Wait::MapRun(map_run), answer.boxed());
    }

    /// Aborts a map run again after a recovery: the run may have missed the first request.
    pub(super) fn end_map(&mut self, request: Box<MapRunRequest>) {
        let map_run = request.map_run;
        self.map_runs.insert(map_run, request);
        self.run_map(map_run);
        self.cancel(Wait::MapRun(map_run));
    }

    /// The end of the execution, after all map runs that it has aborted have ended.
    pub(super) async fn end(&mut self, ending: Ending) -> Result<Driven> {
        while !self.aborted.is_empty() {
            match self.waits.next().await {
                Some(Completion::MapRun(map_run, MapRunEnd::Result(_), started)) => {
                    self.companions.take_on(started);
                    self.aborted.remove(&map_run);
                }
                Some(Completion::Broken(error)) => return Err(error),
                Some(Completion::MapRun(_, MapRunEnd::Stopped, started)) => {
                    self.companions.take_on(started);
                    return Ok(Driven::Stopped);
                }
                None => return Ok(Driven::Stopped),
                // The execution has ended and waits for no other answer.
                Some(
                    Completion::Event(_)
                    | Completion::Accepted(..)
                    | Completion::Resumed(_)
                    | Completion::Halted(_)
                    | Completion::Stopped
                    | Completion::Cancelled,
                ) => {}
            }
        }
        let execution = self.execution.as_ref();
        Ok(Driven::Ended {
            ending,
            redrive_count: execution.map_or(0, |execution| execution.identity().redrive_count),
            redrivable: execution.is_some_and(Execution::may_redrive),
        })
    }
}
