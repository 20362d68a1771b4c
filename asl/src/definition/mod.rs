//! The compiled definition: what the parser makes of the JSON, and the interpreter walks over.
//!
//! One file per kind of state holds its fields and how they are read. Nothing here is changed after parsing.

pub(crate) mod choice;
pub(crate) mod fields;
pub(crate) mod io;
mod machine;
pub(crate) mod map;
pub(crate) mod resource;
pub(crate) mod retry;
pub(crate) mod setting;
pub(crate) mod state;
pub(crate) mod states;
pub(crate) mod task;
pub(crate) mod wait;

pub use machine::StateMachine;
pub use resource::{Integration, Pattern, Resource};
pub(crate) use setting::Next;
pub(crate) use states::States;
