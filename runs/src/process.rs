//! What the process asks of its surroundings before it begins: an allocator that gives back, many descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// Descriptors for everything but requests: the process's own, databases with their logs, folders, the manifest. Measured:
/// a run holds 30 beside its requests.
const DESCRIPTORS_BESIDE: u64 = 48;

/// Descriptors for each request in flight: its connection and the file that it is written to.
const DESCRIPTORS_PER_REQUEST: u64 = 2;

/// Arenas of the allocator: one for each thread that runs requests and stages.
///
/// By default every thread gets its own, up to eight for a core, and keeps what it has once used; the threads for disk
/// work come and go with the phases of a run. A million URLs peaked at 37 MiB with arenas for all, at 30 with two.
const ARENAS_MAX: i32 = 2;

/// **Bytes** from which on a buffer has pages of its own, which go back when it does.
///
/// By default this bound rises to whatever was freed: pieces of a megabyte then leave holes that nothing else fits into.
/// A map run over 10,000,000 rows peaked at 19.3 MiB so, at 17.2 with the bound; one over 100,000 at 15.6 and 14.9.
const OWN_PAGES_FROM: i32 = 256 << 10;

/// Sets both bounds. To be called before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's allocator has no other way to be told")]
pub fn bound_allocator() {
    let bounds = [
        (libc::M_ARENA_MAX, ARENAS_MAX),
        (libc::M_MMAP_THRESHOLD, OWN_PAGES_FROM),
    ];
    for (setting, value) in bounds {
        // SAFETY: `mallopt` takes two numbers and touches the allocator's own settings; no other thread runs yet. It
        // says whether it knew the setting; one that it does not know costs memory, nothing else.
        let _known = unsafe { libc::mallopt(setting, value) };
    }
}

/// Other allocators share out as they see fit.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn bound_allocator() {}

/// Raises the number of descriptors that this process may have, to what `connections` need.
///
/// The usual limit of 1,024 is for programs that use `select`; the hard limit is what the system is willing to give.
///
/// # Errors
/// When the system does not give so many.
pub fn allow_connections(connections: usize) -> Result<()> {
    let wanted = (connections as u64)
        .saturating_mul(DESCRIPTORS_PER_REQUEST)
        .saturating_add(DESCRIPTORS_BESIDE);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_refused| {
        let most = maximum.unwrap_or(0);
        let text = format!("{connections} requests in flight need {wanted} file descriptors, the system gives {most}");
        Error::invalid(text).with_hint("lower --concurrency or --max-concurrency, or raise the limit with `ulimit -n`")
    })
}

/// Whether the process was started to ignore SIGHUP, as `nohup` does.
pub fn ignores_hangup() -> bool {
    const SIGHUP_BIT: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGHUP_BIT != 0)
}
