//! Every port without a world: real implementations that live as long as the process.
//!
//! They carry the traits' names and are meant to be used with the module's: `memory::Journal::default()`. Besides
//! the trait each has a few plain methods to fill it before and look into it after. They pass [`crate::conformance`]
//! like any other implementation. What they do not do: limit memory, or fail; see [`crate::Fault`] for that.

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
