//! What a map run writes when its children have ended, and the result that it gives to its execution.

use std::sync::{Arc, Mutex, PoisonError};

use asl::{MapRunResult, StateError};
use futures::FutureExt;
use futures::future::BoxFuture;
use manifest::result_file::ResultFiles;
use ports::{Amount, LedgerState, MapRunStatus, ResultStatus, RunFailure};
use serde::{Deserialize, Serialize};

use super::MapRun;
use super::abort::failure_of;
use super::attempt::mark;
use crate::Result;
use crate::error::while_doing;
use crate::json::to_json;
use crate::result_sink::{self, NeverStarted, Sink};

/// The last complete result set.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// The attempt that wrote the set. The records of an attempt that could not write are still in the ledger.
    #[serde(default)]
    redrive: Option<u32>,
    #[serde(flatten)]
    files: ResultFiles,
}

impl MapRun {
    /// Writes the results, once, and returns how the run has ended.
    pub(super) async fn close(&mut self) -> Result<MapRunResult> {
        // From here on, the ledger answers what is asked about the run.
        self.inbox = None;
        let mut output = None;
        if !self.state.is_over() {
            output = self.leave_results().await?;
            self.state.status = match &self.state.failure {
                None => MapRunStatus::Succeeded,
                Some(failure) if *failure == RunFailure::default() => MapRunStatus::Aborted,
                Some(_) => MapRunStatus::Failed,
            };
            self.state.stopped = Some(self.context.ports.clock.now());
            self.dirty = true;
            self.flush().await?;
        }
        if written(&self.state).redrive == Some(self.state.redrives()) {
            self.forget_results().await?;
        }
        self.answer(output).await
    }

    /// Writes the result files, or returns the state's output of a successful run without result files.
    async fn leave_results(&mut self) -> Result<Option<String>> {
        let request = Arc::clone(&self.request);
        let counted = Arc::new(Mutex::new(Amount::default()));
        let never_started = self.never_started(&counted).await;
        match result_sink::exporting(&request) {
            Some(writer) if self.has_results() => {
                let earlier = earlier_files(&self.state);
                let redrive = self.state.redrives();
                match self.sink().export(writer, redrive, earlier, never_started).await? {
                    Ok(files) => {
                        let redrive = Some(redrive);
                        self.state.result_files = Some(to_json(&Written { redrive, files }));
                        self.state.results_written = Amount {
                            executions: self.state.executions.ended(),
                            items: self.state.items.ended(),
                        };
                    }
                    Err(error) => {
                        // The export may have broken off before all of them were counted.
                        *counted.lock().unwrap_or_else(PoisonError::into_inner) = Amount::default();
                        if let Some(never_started) = self.never_started(&counted).await {
                            never_started.count().await;
                        }
                        self.fail(error);
                    }
                }
            }
            Some(_) | None => {
                if let Some(never_started) = never_started {
                    never_started.count().await;
                }
            }
        }
        self.state.pending = *counted.lock().unwrap_or_else(PoisonError::into_inner);
        if result_sink::exporting(&request).is_some() || self.state.failure.is_some() {
            return Ok(None);
        }
        let collected = self.sink().collect(&request.state).await?;
        Ok(collected.map_err(|error| self.fail(error)).ok())
    }

    /// Marks the run as failed; the first reason counts.
    fn fail(&mut self, error: StateError) {
        self.state.failure.get_or_insert_with(|| failure_of(error));
    }

    /// The result of the run. The outputs of a run that an earlier process has closed are collected again.
    async fn answer(&mut self, collected: Option<String>) -> Result<MapRunResult> {
        if self.state.status == MapRunStatus::Aborted {
            return Ok(MapRunResult::Aborted);
        }
        if let Some(failure) = self.state.failure.clone() {
            return Ok(failed(failure));
        }
        let output = match (result_sink::exporting(&self.request), collected) {
            (Some(writer), _) => result_sink::export_output(writer, &self.naming.arn, self.state.redrives()),
            (None, Some(output)) => Ok(output),
            (None, None) => self.sink().collect(&self.request.state).await?,
        };
        Ok(match output {
            Ok(output) => MapRunResult::Succeeded { output },
            Err(error) => failed(failure_of(error)),
        })
    }

    fn sink(&self) -> Sink {
        let ports = &self.context.ports;
        Sink::new(&ports.store, &ports.ledger, &self.naming.arn)
    }

    /// Clears the records in the ledger that are in result files.
    async fn forget_results(&mut self) -> Result<()> {
        for status in [ResultStatus::Succeeded, ResultStatus::Failed] {
            let forgotten = self.context.ports.ledger.forget_results(&self.naming.arn, status).await;
            forgotten.map_err(while_doing("clear the map run's ledger"))?;
        }
        Ok(())
    }

    /// Whether there are results: a run that failed before its first child ended has none.
    const fn has_results(&self) -> bool {
        self.state.failure.is_none() || self.state.executions.ended() > 0
    }

    /// The inputs of a failed run's children that this attempt has not started, if the source can still be read. `counted`
    /// receives the number of those that no attempt has started. A run that fails at its start does not read its source.
    fn never_started(&self, counted: &Arc<Mutex<Amount>>) -> BoxFuture<'static, Option<NeverStarted>> {
        if self.state.failure.is_none() || self.request.doomed.is_some() {
            return futures::future::ready(None).boxed();
        }
        let (next, done, to_do) = (self.state.low_water, self.state.done.clone(), self.to_do.clone());
        let inputs = self.open(mark(&self.state));
        let counted = Arc::clone(counted);
        async move {
            let inputs = inputs.await.ok()?;
            Some(NeverStarted {
                inputs,
                next,
                is_left: Box::new(move |dispatch| {
                    let position = dispatch.position;
                    if to_do.has(position) && !to_do.is_again(position) && !done.contains(position) {
                        let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                        counted.add_child(dispatch.items);
                    }
                    to_do.has(position) && !done.contains(position)
                }),
            })
        }
        .boxed()
    }
}

/// Files of earlier attempts that stay valid: those of children that have succeeded, which do not run again.
fn earlier_files(state: &LedgerState) -> ResultFiles {
    ResultFiles {
        succeeded: written(state).files.succeeded,
        ..ResultFiles::default()
    }
}

fn written(state: &LedgerState) -> Written {
    let written = state.result_files.as_deref();
    let written = written.and_then(|written| serde_json::from_str(written).ok());
    written.unwrap_or_default()
}

fn failed(failure: RunFailure) -> MapRunResult {
    let RunFailure { error, cause } = failure;
    MapRunResult::Failed { error, cause }
}
