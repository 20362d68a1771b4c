//! Executions that an execution has started, and that run beside it.

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use crate::Result;

/// Executions that an execution has started and that still run.
#[derive(Default)]
pub(crate) struct Companions(pub(crate) FuturesUnordered<BoxFuture<'static, Result<()>>>);

impl Companions {
    pub(crate) fn take_on(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Drives the started executions beside other work, until that work is done.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(ended) = self.0.next() => ended?,
            }
        }
    }

    /// Waits for the end of all started executions.
    pub(crate) async fn finish(mut self) -> Result<()> {
        while let Some(ended) = self.0.next().await {
            ended?;
        }
        Ok(())
    }
}
