//! Every bound of the endpoint, each with its reason.

use std::time::Duration;

/// **Bytes** of a request's body: a definition of 1 MiB in which every second character is escaped, and the other members.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024 + 64 * 1024;

/// **Bytes** of a request's line and headers. AWS takes 8 KiB; signed requests with session tokens come near it.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Connections at once: 200 open polls and 1,000 clients that wait for an answer, with room for as many again.
pub const CONNECTIONS_MAX: usize = 2048;

/// How long a client may take for a request's headers, and how long a connection may be idle.
pub const HEADER_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a client may take for a request's body.
pub const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long requests in flight may take to finish once the endpoint shuts down.
pub const DRAIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long the listener rests when the process has no file descriptor left for a connection.
pub const ACCEPT_REST: Duration = Duration::from_millis(50);
