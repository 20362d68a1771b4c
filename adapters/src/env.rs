//! The environment: nothing else in the workspace reads it.
//!
//! Configurations are read with `Config::from_lookup(adapters::env::lookup)`; tests give them a map instead.

/// The value of a variable; `None` when it is not set, empty or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
