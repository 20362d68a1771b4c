//! Many executions in one process: accepted under a bound, recovered, drained.
//!
//! ```text
//!   start, redrive, resume ──▶ waiting (≤ waiting_max) ──▶ running (≤ running_max) ──▶ ended · left · broken
//!          open: RUNNING rows ────────▲                                                  │
//!   wait ◀───────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A [`Supervisor`] is a handle that callers clone; [`Executor::run`] is the future that owns every task. Dropping that
//! future is like a crash: what was running is `RUNNING` in the journal, and the next [`Supervisor::open`] takes it up.

mod bounds;
mod executor;
mod queue;

use std::collections::VecDeque;
use std::sync::Arc;

use ports::{ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, ExecutionStatus, PAGE_MAX};
use tokio::sync::watch;

use crate::error::while_doing;
use crate::executions;
use crate::express::{self, ExpressEnd, NewExpress};
use crate::history_sink::HistorySink;
use crate::stop::StopRequest;
use crate::{Engine, Error, InvalidRequest, NewExecution, Result, RunEnd};

pub use bounds::SupervisorBounds;
pub use executor::{ExecutionFailure, Executor};
use queue::{Phase, Queue, Work};

/// Starts, finds and ends executions that an [`Executor`] runs. Clones are handles of the same supervisor.
#[derive(Debug, Clone)]
pub struct Supervisor {
    engine: Engine,
    queue: Arc<Queue>,
}

impl Supervisor {
    /// A supervisor with everything that is `RUNNING` in the journal in its queue, the oldest first, and the executor
    /// that runs it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn open(engine: Engine, bounds: SupervisorBounds) -> Result<(Self, Executor)> {
        let recovered = running_executions(&engine).await?;
        let queue = Arc::new(Queue::new(bounds, recovered));
        let supervisor = Self {
            engine: engine.clone(),
            queue: Arc::clone(&queue),
        };
        Ok((supervisor, Executor::new(engine, queue, bounds.running_max)))
    }

    /// `StartExecution`: writes a Standard execution down and queues it. The same request again returns the same ARN
    /// while the execution runs.
    ///
    /// # Errors
    /// [`Error::Busy`] when the queue is full, [`Error::Draining`] during shutdown, and what [`Engine::start`] refuses.
    ///
    /// # Cancel safety
    /// An execution that was written down before the future was dropped is taken up by the next [`Supervisor::open`].
    pub async fn start(&self, new: NewExecution) -> Result<ExecutionArn> {
        let seat = self.queue.reserve()?;
        let arn = executions::arn(&self.engine.context, &new);
        let (input, machine) = (new.input.clone(), new.state_machine.clone());
        match self.engine.start(new).await {
            Ok(_) => {
                seat.take(arn.clone(), Work::Standard);
                Ok(arn)
            }
            Err(Error::Port { source, doing }) if source.kind() == ErrorKind::Conflict => {
                let found = executions::read(&self.engine.context, &arn).await?;
                let repeated = found.status == ExecutionStatus::Running && found.input == input;
                if repeated && found.state_machine == machine {
                    return Ok(arn);
                }
                Err(Error::Port { source, doing })
            }
            Err(error) => Err(error),
        }
    }

    /// `RedriveExecution`: writes the redrive down and queues the execution.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Draining`], and what [`Engine::redrive`] refuses.
    pub async fn redrive(&self, arn: &ExecutionArn) -> Result<()> {
        let seat = self.queue.reserve()?;
        self.engine.redrive(arn).await?;
        seat.take(arn.clone(), Work::Standard);
        Ok(())
    }

    /// Queues an execution that is `RUNNING` in the journal and that no supervisor runs, such as one that broke off.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Draining`], or the journal cannot be read.
    pub async fn resume(&self, arn: &ExecutionArn) -> Result<()> {
        let seat = self.queue.reserve()?;
        let row = executions::read(&self.engine.context, arn).await?;
        if row.status == ExecutionStatus::Running {
            seat.take(arn.clone(), Work::Standard);
        }
        Ok(())
    }

    /// `StopExecution`: ends an execution as `ABORTED`. One that waits for its turn ends at once, beside the others. The
    /// request survives a crash once this method has returned.
    ///
    /// # Errors
    /// [`Error::Request`] when this supervisor does not have the execution.
    pub async fn stop(&self, arn: &ExecutionArn, error: Option<String>, cause: Option<String>) -> Result<()> {
        let ended = match self.queue.stop(arn, StopRequest { error, cause }) {
            Phase::Running(StopRequest { error, cause }) => return self.engine.stop_execution(arn, error, cause).await,
            Phase::Waiting(end) => end,
            Phase::Unknown => return Err(Error::Request(InvalidRequest::Execution)),
        };
        match self.wait_for(arn, ended).await? {
            RunEnd::Ended(_) => Ok(()),
            RunEnd::Stopped => Err(Error::Draining),
        }
    }

    /// Waits until an execution has ended. [`RunEnd::Stopped`] when the supervisor has left it for the next start.
    ///
    /// # Errors
    /// [`Error::Broken`] when the execution broke off, [`Error::Request`] when it runs and this supervisor does not
    /// have it, or the journal cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future does nothing to the execution.
    pub async fn wait(&self, arn: &ExecutionArn) -> Result<RunEnd> {
        if let Some(end) = self.queue.end_of(arn) {
            return self.wait_for(arn, end).await;
        }
        let row = executions::read(&self.engine.context, arn).await?;
        if row.status == ExecutionStatus::Running {
            return Err(Error::Request(InvalidRequest::Execution));
        }
        Ok(RunEnd::Ended(Box::new(row)))
    }

    async fn wait_for(&self, arn: &ExecutionArn, mut end: watch::Receiver<Option<String>>) -> Result<RunEnd> {
        // The sender is dropped when the execution has ended or was left, after it has told of what broke off.
        while end.changed().await.is_ok() {}
        if let Some(reason) = end.borrow().clone() {
            return Err(Error::Broken {
                name: arn.0.clone(),
                reason,
            });
        }
        let row: ExecutionRow = executions::read(&self.engine.context, arn).await?;
        Ok(match row.status {
            ExecutionStatus::Running => RunEnd::Stopped,
            ExecutionStatus::Succeeded
            | ExecutionStatus::Failed
            | ExecutionStatus::TimedOut
            | ExecutionStatus::Aborted => RunEnd::Ended(Box::new(row)),
        })
    }

    /// `StartExecution` of an Express state machine: queues the execution and returns its ARN. Its history goes to the
    /// sink, the last events of which tell how it ended. It is lost when the process dies: the caller starts it again.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Draining`], or the definition has faults.
    pub fn start_express(&self, new: NewExpress, sink: HistorySink) -> Result<ExecutionArn> {
        let seat = self.queue.reserve()?;
        let express = express::accept(&self.engine.context, new, self.queue.next_ordinal())?;
        let arn = express.arn.clone();
        seat.take(arn.clone(), Work::Express(Box::new(express), sink));
        Ok(arn)
    }

    /// `StartSyncExecution`: runs an Express execution to its end within the caller's future. Its history goes to the
    /// sink.
    ///
    /// # Errors
    /// [`Error::Busy`] when as many run as may, [`Error::Draining`], or the definition has faults.
    ///
    /// # Cancel safety
    /// Dropping the future ends the execution; tasks that were called may still run.
    pub async fn run_express_sync(&self, new: NewExpress, sink: HistorySink) -> Result<ExpressEnd> {
        let _seat = self.queue.reserve_express_sync()?;
        let express = express::accept(&self.engine.context, new, self.queue.next_ordinal())?;
        express.run(Arc::clone(&self.engine.context), sink).await
    }

    /// Executions that wait for their turn and executions that run.
    pub fn load(&self) -> (usize, usize) {
        self.queue.load()
    }
}

/// What is `RUNNING` in the journal, the oldest first. Children of map runs run with their parents.
async fn running_executions(engine: &Engine) -> Result<VecDeque<ExecutionArn>> {
    let filter = ExecutionFilter::default().with_status(ExecutionStatus::Running);
    let (mut found, mut after) = (VecDeque::new(), None);
    loop {
        let page = engine.context.ports.journal.executions(&filter, after, PAGE_MAX).await;
        let page = page.map_err(while_doing("list the executions that run"))?;
        for row in page.items {
            found.push_front(row.arn);
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
