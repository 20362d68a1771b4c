//! How a map run ends before its time: it has failed, or its execution has given it up.

use asl::{ExecutionType, StateError};
use ports::{ExecutionStatus, RunFailure};

use super::{MapRun, Progress, joined};
use crate::child::{Ended, InFlight};
use crate::error::while_doing;
use crate::result_sink::ChildEnding;
use crate::{Error, Result};

/// Children of an earlier life that are looked for at once.
const PAGE: usize = 100;

impl MapRun {
    /// Children that run are aborted, and that is written down together with the reason; none when the execution gave
    /// the run up.
    pub(super) async fn give_up(&mut self, error: Option<StateError>) -> Result<Progress> {
        match self.request.execution_type {
            ExecutionType::Express => self.drop_children().await?,
            ExecutionType::Standard => {
                self.end_children().await?;
                if self.stopped_children {
                    return Ok(Progress::Stopped);
                }
            }
        }
        self.state.failure = Some(error.map_or_else(RunFailure::default, failure_of));
        self.dirty = true;
        self.flush().await?;
        Ok(Progress::Over)
    }

    /// Nothing of Express children is written down: they are dropped where they are.
    async fn drop_children(&mut self) -> Result<()> {
        self.children.abort_all();
        while let Some(returned) = self.children.join_next().await {
            match returned {
                // It had ended before it could be aborted.
                Ok(returned) => self.settle(returned)?,
                Err(error) if error.is_cancelled() => {}
                Err(error) => return Err(Error::Child(error.to_string())),
            }
        }
        let now = self.world.ports.clock.now();
        for (_, child) in std::mem::take(&mut self.in_flight) {
            let ended = Ended {
                started: child.started,
                stopped: now,
                redrive_count: 0,
                redrivable: true,
                ending: ChildEnding::Aborted(StateError::default()),
            };
            self.count(child, ended);
        }
        Ok(())
    }

    /// Standard children are stopped, also those that an earlier life had started.
    async fn end_children(&mut self) -> Result<()> {
        self.abort_children.request();
        self.adopt().await?;
        while let Some(returned) = self.children.join_next().await {
            self.settle(joined(returned)?)?;
        }
        Ok(())
    }

    /// Takes children on that an earlier life had started and this one has not come to.
    async fn adopt(&mut self) -> Result<()> {
        let mut orphans = Vec::new();
        loop {
            let running = Some(ExecutionStatus::Running);
            let journal = &self.world.ports.journal;
            let page = journal.children(&self.naming.arn, running, orphans.len(), PAGE).await;
            let page = page.map_err(while_doing("list the map run's children"))?;
            if page.is_empty() {
                break;
            }
            orphans.extend(page);
        }
        for row in orphans {
            let Some(child_of) = row.child_of else { continue };
            let position = child_of.position;
            if self.in_flight.contains_key(&position) || self.state.done.contains(position) {
                continue;
            }
            let child = InFlight {
                position,
                items: child_of.items,
                input: row.input.into(),
                name: row.name.into(),
                arn: row.arn.0.into(),
                again: self.to_do.is_again(position),
                started: row.started,
            };
            let run = self.launch(child);
            self.children.spawn(run);
        }
        Ok(())
    }
}

pub(super) fn failure_of(error: StateError) -> RunFailure {
    RunFailure {
        error: error.error.map(|error| error.to_string()),
        cause: error.cause.map(|cause| cause.to_string()),
    }
}
