//! The limits of an origin.

/// Connections at once: more than any test opens, fewer than a process has file descriptors.
pub(super) const CONNECTIONS_MAX: usize = 900;
