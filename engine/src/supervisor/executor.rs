//! Runs what a supervisor has accepted: the one owner of every task.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use ports::ExecutionArn;
use tokio::task::JoinSet;

use super::queue::{Queue, Turn, Work};
use crate::stop::Control;
use crate::{Engine, Error, Result, Stop, executions};

/// An execution that broke off; it is still `RUNNING` in the journal, and [`super::Supervisor::resume`] takes it up.
#[derive(Debug)]
pub struct ExecutionFailure {
    /// The execution.
    pub execution: ExecutionArn,
    /// Why it broke off.
    pub error: Error,
}

/// Runs what its supervisor has accepted.
#[derive(Debug)]
pub struct Executor {
    engine: Engine,
    queue: Arc<Queue>,
    running_max: usize,
    running: JoinSet<(ExecutionArn, Result<()>)>,
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Executor {
    pub(super) fn new(engine: Engine, queue: Arc<Queue>, running_max: usize) -> Self {
        Self {
            engine,
            queue,
            running_max: running_max.max(1),
            running: JoinSet::new(),
        }
    }

    /// Runs executions until `stop` is requested and all that ran have left: Standard executions are in the journal and
    /// go on at the next start, Express executions have ended. An execution that breaks off is reported, and the others
    /// run on.
    ///
    /// # Cancel safety
    /// Dropping the future is like a crash: Standard executions go on at the next start.
    pub async fn run(mut self, stop: &Stop, mut report: impl FnMut(ExecutionFailure)) {
        let queue = Arc::clone(&self.queue);
        loop {
            let draining = stop.is_requested();
            if draining {
                queue.drain();
            }
            while let Some(turn) = queue.next(self.running.len() < self.running_max) {
                self.spawn(turn, stop);
            }
            if draining && self.running.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                () = stop.requested(), if !draining => {}
                Some(Ok((execution, result))) = self.running.join_next() => self.settle(execution, result, &mut report),
                () = queue.changed(), if !draining => {}
            }
        }
    }

    fn spawn(&mut self, turn: Turn, stop: &Stop) {
        let arn = turn.arn.clone();
        let work = self.work(turn, stop);
        self.running.spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            (
                arn,
                ended.unwrap_or_else(|panic| Err(Error::Panicked(text_of(&*panic)))),
            )
        });
    }

    fn work(&self, turn: Turn, stop: &Stop) -> BoxFuture<'static, Result<()>> {
        let (context, stop, arn) = (Arc::clone(&self.engine.context), stop.clone(), turn.arn);
        match turn.work {
            Work::Standard => {
                let control = Control {
                    stop,
                    abort: Stop::default(),
                    request: turn.stop,
                };
                async move { executions::run(&context, &arn, control).await.map(drop) }.boxed()
            }
            // An Express execution that is to end before its turn never begins.
            Work::Express(..) if turn.stop.is_some() => async { Ok(()) }.boxed(),
            Work::Express(express, sink) => async move { express.run(context, sink).await.map(drop) }.boxed(),
        }
    }

    fn settle(&self, execution: ExecutionArn, result: Result<()>, report: &mut impl FnMut(ExecutionFailure)) {
        self.queue
            .settle(&execution, result.as_ref().err().map(ToString::to_string));
        if let Err(error) = result {
            report(ExecutionFailure { execution, error });
        }
    }
}

/// What a panic said.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no text").to_owned()
}
