//! Transactions that callers share: what is asked for while one is being written goes into the next.
//!
//! A transaction costs more than what is in it, so a thousand children of a map run that write at once write in a few.
//! Each call is a savepoint: one that fails is undone alone. No caller is told before the commit.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::{Error, ErrorKind, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{disk_full, failed, kind_of};

/// Calls in one transaction, at most: their changes are held in memory and in the log.
const CALLS_MAX: usize = 256;

/// A connection, and the calls that wait for it.
pub(super) struct Groups {
    connection: Mutex<Connection>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Call>,
    /// A thread takes the calls.
    attended: bool,
}

/// Does its work in a transaction.
type Call = Box<dyn FnOnce(&Connection) -> Done + Send>;

/// Tells the caller what its call has come to; it is given what broke the transaction, if something did.
type Reply = Box<dyn FnOnce(Option<&Broken>)>;

/// What a call has come to, before the transaction is over.
struct Done {
    /// Why it has failed.
    failure: Option<Broken>,
    /// Tells the caller.
    reply: Reply,
}

/// Why a transaction was not committed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
struct Broken {
    kind: ErrorKind,
    text: String,
}

impl From<&rusqlite::Error> for Broken {
    fn from(error: &rusqlite::Error) -> Self {
        Self {
            kind: kind_of(error),
            text: error.to_string(),
        }
    }
}

impl Broken {
    /// The error of a call that had succeeded by then.
    fn error(&self, doing: &str) -> Error {
        if self.kind == ErrorKind::Full {
            return disk_full(doing);
        }
        Error::new(self.kind, format!("failed to {doing}")).because(self.clone())
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Groups {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection: Mutex::new(connection),
            waiting: Mutex::default(),
        }
    }

    /// Does the work in a transaction: all of it, or nothing and an error.
    ///
    /// # Cancel safety
    /// When the future is dropped, the work is done or not, as by a process that has died.
    pub(super) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let call = move |connection: &Connection| {
            let done = in_savepoint(connection, work);
            let failure = done.as_ref().err().map(Broken::from);
            let reply = Box::new(move |broken: Option<&Broken>| {
                let result = match (done, broken) {
                    (Err(error), _) => Err(failed(doing, error)),
                    (Ok(_), Some(broken)) => Err(broken.error(doing)),
                    (Ok(result), None) => Ok(result),
                };
                // The caller may have gone.
                drop(sender.send(result));
            });
            Done { failure, reply }
        };
        self.queue(Box::new(call));
        receiver.await.unwrap_or_else(|_dropped| {
            let text = format!("failed to {doing}: the transaction broke off");
            Err(Error::new(ErrorKind::Unavailable, text))
        })
    }

    fn queue(self: &Arc<Self>, call: Call) {
        let mut waiting = lock(&self.waiting);
        waiting.calls.push_back(call);
        if !std::mem::replace(&mut waiting.attended, true) {
            let groups = Arc::clone(self);
            tokio::task::spawn_blocking(move || groups.attend());
        }
    }

    /// Takes calls until there are none.
    fn attend(&self) {
        while let Some(mut calls) = self.next() {
            let mut connection = lock(&self.connection);
            // Calls are answered when they are dropped, too: where no transaction can begin, they broke off.
            while !calls.is_empty() && transact(&mut connection, &mut calls).is_ok() {}
        }
    }

    /// Takes the calls of the next transaction; `None` ends the attendance.
    fn next(&self) -> Option<VecDeque<Call>> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.calls.len().min(CALLS_MAX);
        waiting.attended = count > 0;
        (count > 0).then(|| waiting.calls.drain(..count).collect())
    }
}

/// Does the calls in one transaction, and tells each caller.
///
/// Some failures, a full disk among them, undo the whole transaction at once. Those before are told of it, those after
/// get another one.
fn transact(connection: &mut Connection, calls: &mut VecDeque<Call>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let mut done = Vec::with_capacity(calls.len());
    let mut broken = None;
    while broken.is_none()
        && let Some(call) = calls.pop_front()
    {
        let Done { failure, reply } = call(&transaction);
        done.push(reply);
        broken = failure.filter(|_| transaction.is_autocommit());
    }
    if broken.is_none() {
        broken = transaction.commit().err().as_ref().map(Broken::from);
    }
    for reply in done {
        reply(broken.as_ref());
    }
    Ok(())
}

/// Does the work in a savepoint and undoes it if it fails. A panic is the failure of this call alone.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let run = |statement| connection.prepare_cached(statement)?.execute([]).map(|_none| ());
    run("SAVEPOINT call")?;
    // What a panic leaves half-done in the connection is undone below.
    let done = catch_unwind(AssertUnwindSafe(|| work(connection)))
        .unwrap_or_else(|_panic| Err(rusqlite::Error::UserFunctionError("it panicked".into())));
    if done.is_err() && !connection.is_autocommit() {
        run("ROLLBACK TO call")?;
    }
    if !connection.is_autocommit() {
        run("RELEASE call")?;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use rusqlite::params;

    fn numbers() -> Arc<Groups> {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        Arc::new(Groups::new(connection))
    }

    async fn kept(groups: &Arc<Groups>) -> Vec<i64> {
        let read = groups.call("read", |connection| {
            let mut select = connection.prepare("SELECT n FROM numbers ORDER BY n")?;
            select.query_map([], |row| row.get(0))?.collect()
        });
        read.await.unwrap()
    }

    async fn insert(groups: &Arc<Groups>, numbers: Vec<i64>) -> Result<()> {
        let inserted = groups.call("insert", move |connection| {
            for n in numbers {
                connection.execute("INSERT INTO numbers (n) VALUES (?1)", params![n])?;
            }
            Ok(())
        });
        inserted.await
    }

    #[tokio::test]
    async fn of_many_at_once_only_those_fail_that_do() {
        let groups = numbers();
        // Every third repeats a number after it has inserted another.
        let calls = (0..900).map(|n| {
            let numbers = if n % 3 == 2 { vec![10_000 + n, n, n] } else { vec![n] };
            insert(&groups, numbers)
        });
        let answers = join_all(calls).await;
        for (n, answer) in (0..).zip(&answers) {
            let kind = answer.as_ref().err().map(Error::kind);
            assert_eq!(kind, (n % 3 == 2).then_some(ErrorKind::Conflict), "{n}: {answer:?}");
        }
        let expected: Vec<i64> = (0..900).filter(|n| n % 3 != 2).collect();
        assert_eq!(kept(&groups).await, expected);
    }

    #[tokio::test]
    async fn a_panic_is_told_to_its_caller_alone() {
        let groups = numbers();
        let before = insert(&groups, vec![1]);
        let panics = groups.call::<()>("panic", |connection| {
            connection.execute("INSERT INTO numbers (n) VALUES (2)", [])?;
            panic!("a test panics")
        });
        let (before, broken, after) = tokio::join!(before, panics, insert(&groups, vec![3]));
        before.unwrap();
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::Unavailable);
        after.unwrap();
        insert(&groups, vec![4]).await.unwrap();
        assert_eq!(kept(&groups).await, [1, 3, 4]);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_to_everybody_and_the_next_goes_on() {
        let groups = numbers();
        let full = groups.call("fill", |connection| connection.pragma_update(None, "max_page_count", 3));
        full.await.unwrap();
        let fills = insert(&groups, (0..100_000).collect());
        let (filled, beside) = tokio::join!(fills, insert(&groups, vec![-1]));
        assert_eq!(filled.unwrap_err().kind(), ErrorKind::Full);
        let kept_beside = beside.is_ok();
        insert(&groups, vec![-2]).await.unwrap();
        let expected = if kept_beside { vec![-2, -1] } else { vec![-2] };
        assert_eq!(kept(&groups).await, expected);
    }
}
