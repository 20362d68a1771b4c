//! A port that fails now and then, in the same way each time: for tests of what callers do about failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::{
    BodyStream, Commit, CopyOptions, Cursor, Error, ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, FetchError,
    FetchErrorKind, GetOptions, Invocation, Journal, JournalRecord, Ledger, LedgerState, Listing, MapRunArn,
    Notification, Notifier, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, Origin, OriginRequest, OriginResponse,
    Page, PutOptions, PutResult, Result, ResultStatus, Row, Table, TableSchema, TaskFailure, TaskInvoker,
};

/// When calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// Each call fails with a probability of `per_mille` thousandths, drawn from the seed and the call's number.
    Seeded {
        /// Which calls fail: another seed makes other calls fail.
        seed: u64,
        /// 0 ..= 1,000
        per_mille: u16,
    },
    /// Every call from the one with this number (counted from 0) fails without an effect, as after the death of the
    /// process.
    DeadFrom(u64),
}

/// How one call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passes,
    /// The call fails without an effect.
    FailsBefore,
    /// The call has its effect, and its answer is lost.
    FailsAfter,
}

/// A port whose calls fail now and then: before they have an effect, after it, or in the middle of a body.
///
/// ```
/// use std::sync::Arc;
/// use ports::{ErrorKind, FaultInjector, Faults, Notification, Notifier, memory};
///
/// # futures::executor::block_on(async {
/// let list = Arc::new(memory::Notifier::default());
/// let dead = FaultInjector::<dyn Notifier>::new(list.clone(), Faults::DeadFrom(0));
/// let notification = Notification {
///     topic: "arn:aws:sns:us-east-1:000000000000:runs".to_owned(),
///     subject: None,
///     message: "a run has ended".to_owned(),
///     id: "run-1/report".to_owned(),
/// };
/// assert_eq!(dead.publish(notification).await.unwrap_err().kind(), ErrorKind::Unavailable);
/// assert!(list.published().is_empty());
/// # });
/// ```
#[derive(Debug)]
pub struct FaultInjector<P: ?Sized> {
    inner: Arc<P>,
    faults: Faults,
    calls: AtomicU64,
}

impl<P: ?Sized + Send + Sync> FaultInjector<P> {
    /// Passes calls on to `inner`, except for those that `faults` names.
    pub fn new(inner: Arc<P>, faults: Faults) -> Self {
        let calls = AtomicU64::new(0);
        Self { inner, faults, calls }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn next(&self) -> Fate {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.faults {
            Faults::Seeded { seed, per_mille } => {
                let drawn = mix(seed ^ mix(call));
                match (drawn % 1_000 < u64::from(per_mille), drawn & (1 << 40)) {
                    (false, _) => Fate::Passes,
                    (true, 0) => Fate::FailsBefore,
                    (true, _) => Fate::FailsAfter,
                }
            }
            Faults::DeadFrom(first) if call >= first => Fate::FailsBefore,
            Faults::DeadFrom(_) => Fate::Passes,
        }
    }

    async fn call<T, E>(&self, failure: fn() -> E, work: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        match self.next() {
            Fate::Passes => work.await,
            Fate::FailsBefore => Err(failure()),
            Fate::FailsAfter => {
                work.await?;
                Err(failure())
            }
        }
    }
}

/// Spreads a number's bits: the finaliser of splitmix64.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn failure() -> Error {
    Error::new(ErrorKind::Unavailable, "a fault was injected")
}

fn fetch_failure() -> FetchError {
    FetchError {
        kind: FetchErrorKind::Broken,
        message: "a fault was injected".to_owned(),
    }
}

fn task_failure() -> TaskFailure {
    TaskFailure {
        error: "Lambda.ServiceException".to_owned(),
        cause: "a fault was injected".to_owned(),
    }
}

/// The body's first piece, then an error.
fn cut(body: BodyStream) -> BodyStream {
    body.take(1).chain(stream::iter([Err(failure())])).boxed()
}

#[async_trait]
impl<P: ObjectStore + ?Sized> ObjectStore for FaultInjector<P> {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.call(failure, self.inner.head(at)).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        match self.next() {
            Fate::Passes => self.inner.get(at, options).await,
            Fate::FailsBefore => Err(failure()),
            Fate::FailsAfter => {
                let (info, body) = self.inner.get(at, options).await?;
                Ok((info, cut(body)))
            }
        }
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.call(failure, self.inner.put(at, body, options)).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        self.call(failure, self.inner.copy(from, to, options)).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.call(failure, self.inner.list(bucket, prefix, continuation)).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.call(failure, self.inner.delete(at)).await
    }
}

#[async_trait]
impl<P: Table + ?Sized> Table for FaultInjector<P> {
    async fn ensure(&self, schema: &TableSchema) -> Result<()> {
        self.call(failure, self.inner.ensure(schema)).await
    }

    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()> {
        self.call(failure, self.inner.batch_write(table, rows)).await
    }

    async fn put(&self, table: &str, row: Row) -> Result<()> {
        self.call(failure, self.inner.put(table, row)).await
    }

    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>> {
        self.call(failure, self.inner.get(table, key)).await
    }

    async fn count(&self, table: &str) -> Result<u64> {
        self.call(failure, self.inner.count(table)).await
    }
}

#[async_trait]
impl<P: Notifier + ?Sized> Notifier for FaultInjector<P> {
    async fn publish(&self, notification: Notification) -> Result<String> {
        self.call(failure, self.inner.publish(notification)).await
    }
}

#[async_trait]
impl<P: TaskInvoker + ?Sized> TaskInvoker for FaultInjector<P> {
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure> {
        self.call(task_failure, self.inner.invoke(invocation)).await
    }
}

#[async_trait]
impl<P: Origin + ?Sized> Origin for FaultInjector<P> {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginResponse, FetchError> {
        match self.next() {
            Fate::Passes => self.inner.fetch(request).await,
            Fate::FailsBefore => Err(fetch_failure()),
            Fate::FailsAfter => {
                let mut response = self.inner.fetch(request).await?;
                response.body = cut(response.body);
                Ok(response)
            }
        }
    }
}

#[async_trait]
impl<P: Journal + ?Sized> Journal for FaultInjector<P> {
    async fn create(&self, row: ExecutionRow) -> Result<()> {
        self.call(failure, self.inner.create(row)).await
    }

    async fn append(&self, execution: &ExecutionArn, records: Vec<JournalRecord>) -> Result<()> {
        self.call(failure, self.inner.append(execution, records)).await
    }

    async fn read(&self, execution: &ExecutionArn, sequence: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        self.call(failure, self.inner.read(execution, sequence, limit)).await
    }

    async fn update(&self, row: ExecutionRow) -> Result<()> {
        self.call(failure, self.inner.update(row)).await
    }

    async fn execution(&self, execution: &ExecutionArn) -> Result<ExecutionRow> {
        self.call(failure, self.inner.execution(execution)).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ExecutionRow>> {
        self.call(failure, self.inner.executions(filter, after, limit)).await
    }
}

#[async_trait]
impl<P: Ledger + ?Sized> Ledger for FaultInjector<P> {
    async fn state(&self, map_run: &MapRunArn) -> Result<Option<LedgerState>> {
        self.call(failure, self.inner.state(map_run)).await
    }

    async fn commit(&self, map_run: &MapRunArn, commit: Commit) -> Result<()> {
        self.call(failure, self.inner.commit(map_run, commit)).await
    }

    async fn result(&self, map_run: &MapRunArn, status: ResultStatus, position: u64) -> Result<Option<Bytes>> {
        self.call(failure, self.inner.result(map_run, status, position)).await
    }

    async fn forget_results(&self, map_run: &MapRunArn, status: ResultStatus) -> Result<()> {
        self.call(failure, self.inner.forget_results(map_run, status)).await
    }

    async fn unsuccessful(&self, map_run: &MapRunArn, attempt: u32, position: u64) -> Result<Option<Bytes>> {
        self.call(failure, self.inner.unsuccessful(map_run, attempt, position))
            .await
    }

    async fn map_runs(
        &self,
        execution: &ExecutionArn,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<(MapRunArn, LedgerState)>> {
        self.call(failure, self.inner.map_runs(execution, skip, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;
    use futures::executor::block_on;

    fn failures(seed: u64) -> Vec<u64> {
        let store = Arc::new(memory::ObjectStore::default());
        let faulty = FaultInjector::<dyn ObjectStore>::new(store, Faults::Seeded { seed, per_mille: 100 });
        let at = ObjectKey::new("b", "k");
        let failed = |_: &u64| block_on(faulty.delete(&at)).is_err();
        (0..1_000).filter(failed).collect()
    }

    #[test]
    fn the_same_seed_fails_the_same_calls() {
        let first = failures(1);
        assert_eq!(first, failures(1));
        assert_ne!(first, failures(2));
        assert!((50..200).contains(&first.len()), "{}", first.len());
    }

    #[test]
    fn a_dead_process_does_nothing_more() {
        let store = Arc::new(memory::ObjectStore::default());
        let faulty =
            FaultInjector::<dyn ObjectStore>::new(Arc::clone(&store) as Arc<dyn ObjectStore>, Faults::DeadFrom(2));
        for number in 0..5 {
            let at = ObjectKey::new("b", number.to_string());
            let body = ObjectBody::Bytes(Bytes::from_static(b"x"));
            assert_eq!(
                block_on(faulty.put(&at, body, PutOptions::default())).is_ok(),
                number < 2
            );
        }
        assert_eq!(store.keys("b"), ["0", "1"]);
    }
}
