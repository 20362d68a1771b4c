//! One machine: folders, `SQLite` files, the wall clock.

pub(crate) mod clock;
mod directory;
mod private;
mod records;
mod router;
mod state;
mod table;

pub use clock::Clock;
pub use directory::{Access, Directory, stamp};
pub use private::create_private;
pub use records::Records;
pub use router::Router;
pub use state::{Opening, StateDir};
pub use table::Table;
