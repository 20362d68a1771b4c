//! Every port without a world: real implementations that live as long as the process.
//!
//! They carry the traits' names and are meant to be used with the module's: `memory::Journal::default()`. Besides
//! the trait each has a few plain methods to fill it before and look into it after. They pass [`crate::conformance`]
//! like any other implementation. What they do not do: limit memory, or fail; see [`crate::Fault`] for that.

mod clock;
mod journal;
mod ledger;
mod notifier;
mod object_store;
mod origin;
mod resolver;
mod table;
mod task_invoker;

pub use clock::{Clock, PausedClock};
pub use journal::Journal;
pub use ledger::Ledger;
pub use notifier::Notifier;
pub use object_store::ObjectStore;
pub use origin::{Origin, Reply};
pub use resolver::Resolver;
pub use table::Table;
pub use task_invoker::TaskInvoker;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock; a panic elsewhere leaves nothing half-changed here, since every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
