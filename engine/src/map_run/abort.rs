//! How a map run ends before its time: it has failed, or its execution has given it up.

use asl::{ExecutionType, StateError};
use ports::{ErrorKind, ExecutionArn, RunFailure};

use super::attempt::AttemptStart;
use super::{ChildrenEnd, MapRun, joined};
use crate::error::while_doing;
use crate::naming::InFlight;
use crate::{Result, limits};

impl MapRun {
    /// Children that run are aborted, and that is written down together with the reason; none when the execution gave
    /// the run up.
    pub(super) async fn abort(&mut self, error: Option<StateError>) -> Result<ChildrenEnd> {
        let error = error.filter(|_| !self.control.abort.is_requested());
        // The execution gives a run up that was never to begin, but not for a reason of its own.
        let error = self.request.doomed.clone().or(error);
        let reason = error.map_or_else(RunFailure::default, failure_of);
        let reason = self.state.failing.take().unwrap_or(reason);
        match self.request.execution_type {
            // Nothing of them is written down.
            ExecutionType::Express => self.end_children().await?,
            ExecutionType::Standard => {
                // A child that is aborted stays so: no later life may go on as if nothing had been.
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
        // Until the results are written this is what there is to tell.
        self.state.pending = self.pending();
        self.dirty = true;
        self.flush().await?;
        Ok(ChildrenEnd::Over)
    }

    /// Children are asked to end, and have. What they have started goes on.
    async fn end_children(&mut self) -> Result<()> {
        self.abort_children.request();
        while let Some(returned) = self.children.join_next().await {
            self.settle(joined(returned)?)?;
        }
        Ok(())
    }

    /// Takes children on that an earlier life had started and this one has not come to: those that run, and those
    /// that ended without a word of it in the ledger. Children are started in order, so that none is missed that has
    /// more than all that may run at once missing before it.
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

    /// The child there, if this attempt has started it.
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
