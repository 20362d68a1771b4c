//! One machine: folders, `SQLite` files, functions in this process, the wall clock.

mod clock;
mod directory;
mod functions;
mod records;
mod router;
mod state;
mod table;

pub use clock::Clock;
pub use directory::{Access, Directory, stamp};
pub use functions::Functions;
pub use records::Records;
pub use router::Router;
pub use state::{Opening, StateDir};
pub use table::Table;
