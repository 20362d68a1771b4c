//! How the C library's allocator shares memory out between threads.

/// Arenas of the allocator: one for each thread that runs requests and stages.
///
/// By default every thread gets its own, up to eight for a core, and keeps what it has once used; the threads for disk
/// work come and go with the phases of a run. A million URLs peaked at 37 MiB with arenas for all, at 30 with two.
const ARENAS_MAX: i32 = 2;

/// Sets the bound. To be called before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's allocator has no other way to be told")]
pub(crate) fn bound_arenas() {
    // SAFETY: `mallopt` takes two numbers and touches the allocator's own settings; no other thread runs yet. It says
    // whether it knew the setting; one that it does not know costs memory, nothing else.
    let _known = unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS_MAX) };
}

/// Other allocators share out as they see fit.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn bound_arenas() {}
