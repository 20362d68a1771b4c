//! Express executions: not journalled, at most five minutes, their history handed to a sink while they run.

use std::sync::Arc;

use asl::{Ending, Execution, ExecutionType, Identity, Recording};
use ports::{ExecutionArn, Timestamp};
use uuid::Uuid;

use crate::context::{Context, to_asl};
use crate::driver::{Driven, Driver};
use crate::executions::compile;
use crate::history_sink::HistorySink;
use crate::stop::Control;
use crate::{Error, Result, limits, naming};

/// An Express execution to be run.
#[derive(Debug, Clone)]
pub struct NewExpress {
    /// The state machine's name.
    pub state_machine: String,
    /// The text of the state machine's definition, with every placeholder filled in.
    pub definition: String,
    /// The execution's name. Two executions of one name are two executions.
    pub name: String,
    /// JSON text.
    pub input: String,
}

/// How an Express execution ended.
#[derive(Debug, Clone)]
pub struct ExpressEnd {
    /// Names the execution: `…:express:Machine:name:id`.
    pub arn: ExecutionArn,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Timestamp,
    /// Its output or its error.
    pub ending: Ending,
}

/// An Express execution that has been accepted and not begun.
pub(crate) struct Express {
    pub(crate) arn: ExecutionArn,
    execution: Execution,
    input: String,
    started: Timestamp,
}

/// Names the execution and compiles its definition. The `ordinal` tells executions of one name apart.
pub(crate) fn accept(context: &Context, new: NewExpress, ordinal: u64) -> Result<Express> {
    let machine = compile(&new.state_machine, &new.definition)?;
    let (settings, started) = (&context.settings, context.ports.clock.now());
    let seed = format!("{}/{}/{}/{ordinal}", new.state_machine, new.name, started.as_millis());
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes());
    let arn = settings.arn("express", &format!("{}:{}:{id}", new.state_machine, new.name));
    let identity = Identity {
        token_prefix: naming::token_prefix(&arn).into(),
        execution_arn: arn.as_str().into(),
        name: new.name.as_str().into(),
        role_arn: settings.role_arn().into(),
        start_time: to_asl(started),
        state_machine_arn: settings.state_machine_arn(&new.state_machine).into(),
        state_machine_name: new.state_machine.as_str().into(),
        execution_type: ExecutionType::Express,
        redrive_count: 0,
        redrive_time: None,
        map_run_arn: None,
        synchronous: false,
    };
    Ok(Express {
        arn: ExecutionArn(arn),
        execution: Execution::new(machine, identity, Recording::Full),
        input: new.input,
        started,
    })
}

impl Express {
    /// Runs to the end, five minutes from its acceptance at the latest. What the execution has started ends too.
    pub(crate) async fn run(self, context: Arc<Context>, sink: HistorySink) -> Result<ExpressEnd> {
        let clock = Arc::clone(&context.ports.clock);
        let until = self.started.plus(limits::EXPRESS_DURATION_MAX);
        let mut run = Driver::unrecorded(context, self.execution, self.input, Control::default(), until);
        run.report_history_to(sink);
        let (driven, companions) = run.drive_alone().await?;
        companions.finish().await?;
        let Driven::Ended { ending, .. } = driven else {
            return Err(Error::Stuck { name: self.arn.0 });
        };
        Ok(ExpressEnd {
            arn: self.arn,
            started: self.started,
            stopped: clock.now(),
            ending,
        })
    }
}
