//! Files that are still being written.
//!
//! They lie beside their target under a name of their own, `.gantry-PID-START-NUMBER.part`, so that a rename makes
//! the object, and so that whoever comes after a crash can tell them from objects and from the files of a process
//! that is still alive.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, test_kill_process};

use crate::local::clock;

const PREFIX: &str = ".gantry-";
const SUFFIX: &str = ".part";

/// This process's part of the names: its id, and when it began, since ids come again.
static OWN: LazyLock<(u32, u64)> = LazyLock::new(|| (std::process::id(), clock::nanos_since_1970()));
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Whether a name is one of ours for unfinished files.
pub(super) fn is_part(name: &str) -> bool {
    owner(name).is_some()
}

/// Whether the process that was writing this file is gone.
pub(super) fn is_abandoned(name: &str) -> bool {
    let Some((pid, start)) = owner(name) else { return false };
    if pid == OWN.0 {
        return start != OWN.1;
    }
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

fn owner(name: &str) -> Option<(u32, u64)> {
    let inner = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let mut numbers = inner.split('-');
    let owner = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let is_number = numbers.next()?.parse::<u64>().is_ok();
    (is_number && numbers.next().is_none()).then_some(owner)
}

/// A file that becomes an object, or goes away when it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    folder: Arc<OwnedFd>,
    name: String,
    is_object: bool,
}

/// Whether an object that is there already may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    Yes,
    No,
}

impl Part {
    /// An empty file in a folder.
    pub(super) fn create(folder: Arc<OwnedFd>) -> Result<(Self, File)> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{}-{number}{SUFFIX}", OWN.0, OWN.1);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&*folder, &name, flags, Mode::from_raw_mode(0o666))?;
        let part = Self {
            folder,
            name,
            is_object: false,
        };
        Ok((part, File::from(file)))
    }

    /// Gives the file its name.
    pub(super) fn become_object(mut self, name: &str, replace: Replace) -> Result<()> {
        match replace {
            Replace::Yes => renameat(&*self.folder, &self.name, &*self.folder, name)?,
            Replace::No => self.rename_to_unused(name)?,
        }
        self.is_object = true;
        Ok(())
    }

    fn rename_to_unused(&self, name: &str) -> Result<()> {
        let renamed = renameat_with(&*self.folder, &self.name, &*self.folder, name, RenameFlags::NOREPLACE);
        match renamed {
            // A file system that cannot do it in one step: a second name, then one name less.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&*self.folder, &self.name, &*self.folder, name, AtFlags::empty())?;
                unlinkat(&*self.folder, &self.name, AtFlags::empty())
            }
            other => other,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_object {
            // What stays behind is recognisable and swept by the next process.
            let _swept_later = unlinkat(&*self.folder, &self.name, AtFlags::empty()).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_dead_processes_are_told_from_those_of_living_ones() {
        let (pid, start) = *OWN;
        assert!(!is_abandoned(&format!(".gantry-{pid}-{start}-5.part")), "our own");
        assert!(
            is_abandoned(&format!(".gantry-{pid}-{}-5.part", start - 1)),
            "our id, another life"
        );
        assert!(!is_abandoned(".gantry-1-1-5.part"), "the first process is always alive");
        let no_process = i32::MAX;
        assert!(is_abandoned(&format!(".gantry-{no_process}-1-5.part")));
        for other in [
            ".gantry",
            "a.part",
            ".gantry-x-1-1.part",
            ".gantry-1-1.part",
            "gantry-1-1-1.part",
        ] {
            assert!(!is_part(other), "{other}");
        }
    }
}
