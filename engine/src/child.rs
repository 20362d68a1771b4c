//! One child of a map run: an execution of its own, unrecorded, under its time limit.

use std::sync::Arc;

use asl::{Ending, Execution, ExecutionType, Identity, MapRunRequest, Recording, StateError, error_name};
use futures::FutureExt;

use crate::catalog::World;
use crate::execution::{Driven, Driver};
use crate::result_sink::ChildEnding;
use crate::{Error, Stop, limits};

/// A child that runs.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) position: u64,
    pub(crate) items: u64,
    pub(crate) input: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) started: ports::Timestamp,
}

/// A child's end, or none when it was stopped half-way.
pub(crate) struct Returned {
    pub(crate) position: u64,
    pub(crate) ended: Result<Option<Ended>, Error>,
}

/// A child's end.
pub(crate) struct Ended {
    pub(crate) stopped: ports::Timestamp,
    pub(crate) ending: ChildEnding,
}

/// What a child needs to run on its own.
pub(crate) struct Child {
    pub(crate) world: Arc<World>,
    pub(crate) request: Arc<MapRunRequest>,
    pub(crate) identity: Identity,
    pub(crate) stop: Stop,
}

impl Child {
    /// Runs it to its end, or until it is asked to stop.
    pub(crate) async fn run(self, child: InFlight) -> Returned {
        let clock = Arc::clone(&self.world.ports.clock);
        let execution = Execution::new(Arc::clone(&self.request.processor), self.identity, Recording::Off);
        let run = Driver::unrecorded(self.world, execution, child.input.to_string(), self.stop);
        let limit = match self.request.execution_type {
            ExecutionType::Express => clock.sleep_until(child.started.plus(limits::EXPRESS_DURATION_MAX)),
            ExecutionType::Standard => futures::future::pending().boxed(),
        };
        let end = tokio::select! {
            biased;
            end = run.drive() => end,
            () = limit => Ok(Driven::Ended(Ending::TimedOut(StateError::named(error_name::TIMEOUT)))),
        };
        let ended = |driven| match driven {
            Driven::Ended(ending) => Some(Ended {
                stopped: clock.now(),
                ending: child_ending(ending),
            }),
            Driven::Stopped => None,
        };
        Returned {
            position: child.position,
            ended: end.map(ended),
        }
    }
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
