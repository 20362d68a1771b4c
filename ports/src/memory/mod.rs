//! Every port in memory: implementations that keep what they are given as long as they live.
//!
//! They have the names of the traits and are used with the name of the module: `memory::Journal::default()`. Besides
//! the methods of its trait each has a few plain ones, to fill it before a test and to look into it afterwards. They
//! pass [`crate::conformance`] like every other implementation. They neither limit memory nor fail: for tests of
//! failures there is [`crate::FaultInjector`].

mod activities;
mod clock;
mod journal;
mod ledger;
mod notifier;
mod object_store;
mod origin;
mod resolver;
mod state_machines;
mod table;
mod task_invoker;

pub use activities::Activities;
pub use clock::{Clock, PausedClock};
pub use journal::Journal;
pub use ledger::Ledger;
pub use notifier::Notifier;
pub use object_store::ObjectStore;
pub use origin::{Origin, Reply};
pub use resolver::Resolver;
pub use state_machines::StateMachines;
pub use table::Table;
pub use task_invoker::TaskInvoker;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock; a panic elsewhere leaves nothing half-changed here, since every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries with their ordinals, the newest first, from the cursor on.
fn newest_first<'a, T: Clone + 'a>(
    entries: impl Iterator<Item = &'a (u64, T)>,
    after: Option<crate::Cursor>,
) -> impl Iterator<Item = (u64, T)> {
    let before = after.map_or(u64::MAX, crate::Cursor::ordinal);
    let mut entries: Vec<&(u64, T)> = entries.filter(|(ordinal, _)| *ordinal < before).collect();
    entries.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    entries.into_iter().cloned()
}
