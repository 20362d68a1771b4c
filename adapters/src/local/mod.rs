//! One machine: folders, `SQLite` files, functions in this process, the wall clock.

mod clock;
mod directory;
mod records;
mod state;

pub use clock::Clock;
pub use directory::{Access, Directory};
pub use records::Records;
pub use state::{Opening, StateDir};
