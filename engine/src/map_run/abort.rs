//! How a map run ends before its children have ended: it has failed, or its execution has aborted it.

use asl::{ExecutionType, StateError};
use ports::{ErrorKind, ExecutionArn, RunFailure};

use super::attempt::AttemptStart;
use super::{ChildrenEnd, MapRun, joined};
use crate::error::while_doing;
use crate::naming::InFlight;
use crate::{Result, limits};

impl MapRun {
    /// Aborts the children that run and commits the reason with their ends. There is no error when the execution aborted the
    /// run.
    pub(super) async fn abort(&mut self, error: Option<StateError>) -> Result<ChildrenEnd> {
        let error = error.filter(|_| !self.control.abort.is_requested());
        // A run that fails at its start is aborted by its execution too, but its own reason counts.
        let error = self.request.doomed.clone().or(error);
        let reason = error.map_or_else(RunFailure::default, failure_of);
        let reason = self.state.failing.take().unwrap_or(reason);
        match self.request.execution_type {
            // Express children have no journal that could disagree with the ledger.
            ExecutionType::Express => self.end_children().await?,
            ExecutionType::Standard => {
                // An aborted child stays aborted, so a later process must know why before the first child is aborted.
                self.state.failing = Some(reason.clone());
                self.dirty = true;
                self.flush().await?;
                self.abort_children.request();
                self.adopt().await?;
                self.end_children().await?;
                if self.stopped_children {
                    return Ok(ChildrenEnd::Stopped);
                }
            }
        }
        self.state.failing = None;
        self.state.failure = Some(reason);
        // `DescribeMapRun` tells this number until the results are written.
        self.state.pending = self.pending();
        self.dirty = true;
        self.flush().await?;
        Ok(ChildrenEnd::Over)
    }

    /// Asks the children to end and waits until they have ended. Executions that they have started run on.
    async fn end_children(&mut self) -> Result<()> {
        self.abort_children.request();
        while let Some(returned) = self.children.join_next().await {
            self.settle(joined(returned)?)?;
        }
        Ok(())
    }

    /// Adopts children that an earlier process had started and this process has not come to: those that run, and those
    /// whose end is not in the ledger. Children are started in order, so the search ends after as many missing positions as
    /// children may run at once.
    async fn adopt(&mut self) -> Result<()> {
        let (mut from, mut missing) = (self.next, 0);
        while self.start == AttemptStart::Resumed && missing < limits::CHILD_CONCURRENCY_MAX {
            let Some(position) = self.to_do.next(from) else { break };
            from = position + 1;
            if self.state.done.contains(position) {
                continue;
            }
            match self.started_before(position).await? {
                Some(child) => {
                    missing = 0;
                    let run = self.launch(child);
                    self.children.spawn(run);
                }
                None => missing += 1,
            }
        }
        Ok(())
    }

    /// The child at a position, if this attempt has started it.
    async fn started_before(&mut self, position: u64) -> Result<Option<InFlight>> {
        let (_, arn) = self.naming.child(position, self.request.redrive);
        let row = self
            .context
            .ports
            .journal
            .execution(&ExecutionArn(arn.to_string()))
            .await;
        let row = match row {
            Ok(row) => row,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(while_doing("read a child")(error)),
        };
        let child_of = row.child_of.filter(|child_of| child_of.attempt == self.request.redrive);
        Ok(child_of.map(|child_of| InFlight {
            position,
            items: child_of.items,
            input: row.input.into(),
            name: row.name.into(),
            arn,
            again: self.to_do.is_again(position),
            started: row.started,
        }))
    }
}

pub(super) fn failure_of(error: StateError) -> RunFailure {
    RunFailure {
        error: error.error.map(|error| error.to_string()),
        cause: error.cause.map(|cause| cause.to_string()),
    }
}
