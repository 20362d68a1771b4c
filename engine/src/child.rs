//! One child of a map run: an execution of its own. An Express child is unrecorded and under its time limit; a Standard
//! one has a row and a journal like any other execution, from which a later process or a redrive continues.

use std::sync::Arc;

use asl::{Ending, Execution, ExecutionType, Identity, MapRunRequest, Recording, StateError};
use ports::{ChildOf, ErrorKind, ExecutionArn, ExecutionRow, ExecutionStatus, MapRunArn};

use crate::child_ending::ChildEnding;
use crate::companions::Companions;
use crate::context::{Context, to_asl};
use crate::driver::{Driven, Driver};
use crate::error::while_doing;
use crate::executions::RunEnd;
use crate::lifecycle;
use crate::naming::InFlight;
use crate::stop::Control;
use crate::{Error, Result, Stop, limits};

/// A child whose task has returned.
pub(crate) struct Returned {
    pub(crate) position: u64,
    /// How the child ended, and the executions that it has started and that still run.
    pub(crate) end: Result<(ChildEnd, Companions)>,
}

/// How the running of a child ended.
pub(crate) enum ChildEnd {
    Ended(Ended),
    /// The child stopped half-way and can be resumed later.
    Stopped,
    /// The map run was aborted before the child had started.
    NeverStarted,
}

/// A child's end.
pub(crate) struct Ended {
    pub(crate) started: ports::Timestamp,
    pub(crate) stopped: ports::Timestamp,
    pub(crate) redrive_count: u32,
    pub(crate) redrivable: bool,
    pub(crate) ending: ChildEnding,
}

/// Everything that a child needs while it runs.
pub(crate) struct Child {
    pub(crate) context: Arc<Context>,
    pub(crate) request: Arc<MapRunRequest>,
    pub(crate) identity: Identity,
    pub(crate) map_run: MapRunArn,
    pub(crate) stop: Stop,
    /// Asks the child to end.
    pub(crate) abort: Stop,
}

impl Child {
    /// Runs the child to its end, or until it is asked to stop.
    pub(crate) async fn run(self, child: InFlight) -> Returned {
        let position = child.position;
        let end = match self.request.execution_type {
            ExecutionType::Express => self.run_express(child).await,
            ExecutionType::Standard => self.run_standard(child).await,
        };
        Returned { position, end }
    }

    fn control(&self) -> Control {
        Control {
            stop: self.stop.clone(),
            abort: self.abort.clone(),
            request: None,
        }
    }

    async fn run_express(self, child: InFlight) -> Result<(ChildEnd, Companions)> {
        let (clock, control) = (Arc::clone(&self.context.ports.clock), self.control());
        let execution = Execution::new(Arc::clone(&self.request.processor), self.identity, Recording::Off);
        let until = child.started.plus(limits::EXPRESS_DURATION_MAX);
        let run = Driver::unrecorded(self.context, execution, child.input.to_string(), control, until);
        let (driven, started) = run.drive_alone().await?;
        let Driven::Ended { ending, .. } = driven else {
            return Ok((ChildEnd::Stopped, started));
        };
        let ended = ChildEnd::Ended(Ended {
            started: child.started,
            stopped: clock.now(),
            redrive_count: 0,
            redrivable: true,
            ending: child_ending(ending),
        });
        Ok((ended, started))
    }

    async fn run_standard(self, child: InFlight) -> Result<(ChildEnd, Companions)> {
        let alone = |end| Ok((end, Companions::default()));
        let Some(row) = self.row(&child).await? else {
            return alone(ChildEnd::NeverStarted);
        };
        let row = match row.status {
            ExecutionStatus::Running => row,
            ExecutionStatus::Succeeded => return alone(ended(row)),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
                let attempt = row.child_of.as_ref().map_or(0, |child_of| child_of.attempt);
                if attempt == self.request.redrive || !row.redrivable {
                    return alone(ended(row));
                }
                self.redrive(row).await?
            }
        };
        let execution = self.execution(&row);
        let (end, started) = lifecycle::drive_alone(&self.context, row, execution, self.control()).await?;
        let end = match end {
            RunEnd::Ended(row) => ended(*row),
            RunEnd::Stopped => ChildEnd::Stopped,
        };
        Ok((end, started))
    }

    /// The execution of a row. Its start is the one in the row, even if an earlier process wrote it.
    fn execution(&self, row: &ExecutionRow) -> Execution {
        let identity = Identity {
            start_time: to_asl(row.started),
            ..self.identity.clone()
        };
        Execution::new(Arc::clone(&self.request.processor), identity, Recording::Full)
    }

    /// Creates the child's row, or loads the one that exists; `None` once the map run was aborted.
    async fn row(&self, child: &InFlight) -> Result<Option<ExecutionRow>> {
        let journal = &self.context.ports.journal;
        let arn = ExecutionArn(child.arn.to_string());
        if !self.abort.is_requested() && !child.again {
            let row = self.new_row(child, arn.clone());
            match journal.create(row.clone()).await {
                Ok(()) => return Ok(Some(row)),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(while_doing("write down a child")(error)),
            }
        }
        match journal.execution(&arn).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.kind() == ErrorKind::NotFound && self.abort.is_requested() => Ok(None),
            Err(error) => Err(while_doing("read a child")(error)),
        }
    }

    /// The row of a new child. It has no definition of its own: a child runs a part of its parent's.
    fn new_row(&self, child: &InFlight, arn: ExecutionArn) -> ExecutionRow {
        ExecutionRow {
            arn,
            name: child.name.to_string(),
            state_machine: self.identity.state_machine_name.to_string(),
            definition: String::new(),
            input: child.input.to_string(),
            interpreter: limits::INTERPRETER_VERSION,
            identity: None,
            rerun_of: None,
            item_subset: None,
            child_of: Some(self.child_of(child.position, child.items)),
            composition: None,
            status: ExecutionStatus::Running,
            started: child.started,
            stopped: None,
            output: None,
            error: None,
            cause: None,
            redrive_count: 0,
            redrivable: false,
        }
    }

    fn child_of(&self, position: u64, items: u64) -> ChildOf {
        ChildOf {
            map_run: self.map_run.clone(),
            position,
            items,
            attempt: self.request.redrive,
        }
    }

    async fn redrive(&self, row: ExecutionRow) -> Result<ExecutionRow> {
        let child_of = row.child_of.as_ref();
        let child_of = child_of.map(|child_of| self.child_of(child_of.position, child_of.items));
        let row = ExecutionRow { child_of, ..row };
        match lifecycle::redrive(&self.context, row.clone(), self.execution(&row)).await {
            // The child cannot be redriven: its earlier end counts.
            Err(Error::NotRedrivable { .. }) => Ok(row),
            redriven => redriven,
        }
    }
}

/// The end of a child as its row tells it.
fn ended(row: ExecutionRow) -> ChildEnd {
    let error = StateError {
        error: row.error.map(Into::into),
        cause: row.cause.map(Into::into),
    };
    let ending = match row.status {
        ExecutionStatus::Succeeded => ChildEnding::Succeeded {
            output: row.output.unwrap_or_default(),
        },
        ExecutionStatus::Failed => ChildEnding::Failed(error),
        ExecutionStatus::TimedOut => ChildEnding::TimedOut(error),
        ExecutionStatus::Aborted => ChildEnding::Aborted(error),
        ExecutionStatus::Running => return ChildEnd::Stopped,
    };
    ChildEnd::Ended(Ended {
        started: row.started,
        stopped: row.stopped.unwrap_or(row.started),
        redrive_count: row.redrive_count,
        redrivable: row.redrivable,
        ending,
    })
}

fn child_ending(ending: Ending) -> ChildEnding {
    match ending {
        Ending::Succeeded { output } => ChildEnding::Succeeded {
            output: output.to_string(),
        },
        Ending::Failed(error) => ChildEnding::Failed(error),
        Ending::TimedOut(error) => ChildEnding::TimedOut(error),
        Ending::Aborted(error) => ChildEnding::Aborted(error),
    }
}
