//! Writes an object to an unfinished file beside its place, and renames the file once it is whole.
//!
//! Unfinished files have a name of their own, `.gantry-PID-START-NUMBER.part`: it tells them from objects, and those of
//! a process that has died from those of one that still runs.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use ports::{Error, ObjectKey, PutResult, Result};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, fstat, linkat, openat, renameat, renameat_with, unlinkat};
use rustix::io::{self, Errno};
use rustix::process::{Pid, test_kill_process};

use super::failure::on_object;
use super::naming::ObjectPath;
use super::tree::{Missing, Tree, size};
use crate::local::clock;

const PREFIX: &str = ".gantry-";
const SUFFIX: &str = ".part";

/// This process's part of the names: its id, and when it began, since ids come again.
static OWN: LazyLock<(u32, u64)> = LazyLock::new(|| (std::process::id(), clock::nanos_since_1970()));
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Whether a name is one of ours for unfinished files.
pub(super) fn is_unfinished(name: &str) -> bool {
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

/// Writes one object.
#[derive(Debug)]
pub(super) struct ObjectWriter {
    tree: Arc<Tree>,
    at: ObjectKey,
    name: String,
    replace: Replace,
    unfinished: UnfinishedFile,
}

impl ObjectWriter {
    /// Makes the unfinished file in the folder of the object's path.
    pub(super) fn begin(tree: Arc<Tree>, path: ObjectPath, at: &ObjectKey, replace: Replace) -> Result<(Self, File)> {
        let created = tree.in_folder(&path.folder, Missing::Make, |folder| {
            UnfinishedFile::create(Arc::clone(folder), tree.naming.file_mode())
        });
        let (unfinished, file) = created.map_err(|errno| on_object(errno, "write", &tree, at))?;
        let writer = Self {
            tree,
            at: at.clone(),
            name: path.name,
            replace,
            unfinished,
        };
        Ok((writer, file))
    }

    /// The error of a write to the file.
    pub(super) fn failed(&self, error: &std::io::Error) -> Error {
        let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
        on_object(errno, "write", &self.tree, &self.at)
    }

    /// Gives the object its name: from now on it can be read.
    pub(super) fn finish(self, file: &File) -> Result<PutResult> {
        let Self {
            tree,
            at,
            name,
            replace,
            unfinished,
        } = self;
        let finished = fstat(file).and_then(|stat| unfinished.become_object(&name, replace).map(|()| stat));
        let stat = finished.map_err(|errno| on_object(errno, "write", &tree, &at))?;
        Ok(PutResult {
            etag: tree.etag(&stat),
            size: Some(size(&stat)),
        })
    }
}

/// A file that becomes an object, or goes away when it is dropped.
#[derive(Debug)]
struct UnfinishedFile {
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

impl UnfinishedFile {
    /// An empty file in a folder.
    fn create(folder: Arc<OwnedFd>, mode: u32) -> io::Result<(Self, File)> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{}-{number}{SUFFIX}", OWN.0, OWN.1);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&*folder, &name, flags, Mode::from_raw_mode(mode))?;
        let unfinished = Self {
            folder,
            name,
            is_object: false,
        };
        Ok((unfinished, File::from(file)))
    }

    /// Gives the file its name.
    fn become_object(mut self, name: &str, replace: Replace) -> io::Result<()> {
        match replace {
            Replace::Yes => renameat(&*self.folder, &self.name, &*self.folder, name)?,
            Replace::No => self.rename_to_unused(name)?,
        }
        self.is_object = true;
        Ok(())
    }

    fn rename_to_unused(&self, name: &str) -> io::Result<()> {
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

impl Drop for UnfinishedFile {
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
            assert!(!is_unfinished(other), "{other}");
        }
    }
}
