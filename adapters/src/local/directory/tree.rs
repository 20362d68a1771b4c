//! The folder of one bucket: opens what is below it and nothing else.
//!
//! Paths are resolved by the kernel below the folder's handle, without following a symbolic link
//! (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`); where there is no `openat2`, segment by segment with
//! `O_NOFOLLOW`. Handles of folders are kept, so that the next object of a folder needs no resolution.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ports::{ObjectInfo, Timestamp};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, mkdirat, open, openat, openat2};
use rustix::io::{Errno, Result};

use super::naming::Naming;

/// Handles of folders that are kept open, per bucket: well under the usual 1,024 of a process.
const FOLDERS_MAX: usize = 256;

const FOLDER: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Whether a bucket may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes are allowed.
    ReadWrite,
    /// Reads are allowed, writes are denied.
    ReadOnly,
}

/// Whether folders that are not there are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Fail,
}

/// The folder of one bucket.
#[derive(Debug)]
pub(super) struct Tree {
    /// For texts only.
    pub(super) path: PathBuf,
    pub(super) naming: Naming,
    pub(super) access: Access,
    top: Arc<OwnedFd>,
    folders: Mutex<HashMap<String, Arc<OwnedFd>>>,
    resolution: Resolution,
    pin: OnceLock<Pin>,
}

/// A file whose content is known by a better name than what the file system tells of it.
#[derive(Debug)]
struct Pin {
    /// What [`etag`] says of the file.
    stamp: String,
    etag: String,
}

/// How paths are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    Kernel,
    SegmentBySegment,
}

impl Tree {
    /// Opens the folder, which must exist. The path to the folder itself may go through symbolic links.
    pub(super) fn open(path: &Path, naming: Naming, access: Access) -> Result<Self> {
        let top = open(path, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())?;
        let probe = openat2(&top, ".", FOLDER, Mode::empty(), BENEATH);
        let resolution = match probe {
            Ok(_) => Resolution::Kernel,
            Err(_not_there_or_forbidden) => Resolution::SegmentBySegment,
        };
        Ok(Self {
            path: path.to_owned(),
            naming,
            access,
            top: Arc::new(top),
            folders: Mutex::default(),
            resolution,
            pin: OnceLock::new(),
        })
    }

    #[cfg(test)]
    pub(super) fn resolving(mut self, resolution: Resolution) -> Self {
        self.resolution = resolution;
        self
    }

    /// A handle of a folder below, for use with `openat` and its like.
    pub(super) fn folder(&self, path: &str, missing: Missing) -> Result<Arc<OwnedFd>> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.top));
        }
        if let Some(known) = self.folders().get(path) {
            return Ok(Arc::clone(known));
        }
        self.resolve(path, missing)
    }

    /// A new handle of a folder below: the old handle of a folder that was removed or moved still leads to that one.
    pub(super) fn folder_now(&self, path: &str) -> Result<Arc<OwnedFd>> {
        let folder = if path.is_empty() {
            Arc::clone(&self.top)
        } else {
            self.resolve(path, Missing::Fail)?
        };
        // A removed folder can be read, and has nothing in it.
        if is_removed(&folder) {
            Err(Errno::NOENT)
        } else {
            Ok(folder)
        }
    }

    fn resolve(&self, path: &str, missing: Missing) -> Result<Arc<OwnedFd>> {
        let opened = Arc::new(self.open_folder(path, missing)?);
        let mut folders = self.folders();
        if folders.len() >= FOLDERS_MAX {
            folders.clear();
        }
        folders.insert(path.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Does something in a folder; again with a new handle if the folder was removed meanwhile.
    pub(super) fn in_folder<T>(
        &self,
        path: &str,
        missing: Missing,
        act: impl Fn(&Arc<OwnedFd>) -> Result<T>,
    ) -> Result<T> {
        let folder = self.folder(path, missing)?;
        match act(&folder) {
            Err(Errno::NOENT) if !path.is_empty() && is_removed(&folder) => {
                self.folders().remove(path);
                act(&self.folder(path, missing)?)
            }
            other => other,
        }
    }

    fn folders(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<OwnedFd>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_folder(&self, path: &str, missing: Missing) -> Result<OwnedFd> {
        if self.resolution == Resolution::Kernel {
            match openat2(&*self.top, path, FOLDER, Mode::empty(), BENEATH) {
                Err(Errno::NOENT) if missing == Missing::Make => {}
                other => return other,
            }
        }
        let mut folder: Option<OwnedFd> = None;
        for name in path.split('/') {
            let above = folder.as_ref().unwrap_or(&self.top);
            folder = Some(open_segment(above, name, missing, self.naming.folder_mode())?);
        }
        folder.ok_or(Errno::NOENT)
    }

    /// From now on the file with this stamp has this `ETag`. A folder pins one file.
    pub(super) fn pin(&self, stamp: String, etag: String) {
        self.pin.get_or_init(|| Pin { stamp, etag });
    }

    /// The `ETag` of a file of this folder.
    pub(super) fn etag(&self, stat: &Stat) -> String {
        let found = etag(stat);
        match self.pin.get() {
            Some(pin) if pin.stamp == found => pin.etag.clone(),
            Some(_) | None => found,
        }
    }

    pub(super) fn info(&self, key: &str, stat: &Stat) -> ObjectInfo {
        let millis = i64::try_from(stat.st_mtime_nsec).unwrap_or(0) / 1_000_000;
        ObjectInfo {
            key: key.to_owned(),
            size: size(stat),
            etag: self.etag(stat),
            version: None,
            modified: Timestamp::from_millis(stat.st_mtime.saturating_mul(1_000).saturating_add(millis)),
        }
    }

    /// Opens an object's file for reading; only regular files are objects.
    pub(super) fn open_file(&self, folder: &str, name: &str) -> Result<(File, Stat)> {
        // Without NONBLOCK, opening a named pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = self.in_folder(folder, Missing::Fail, |folder| {
            openat(&**folder, name, flags, Mode::empty())
        })?;
        let stat = fstat(&file)?;
        regular(stat).map(|stat| (File::from(file), stat))
    }
}

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

fn open_segment(above: &OwnedFd, name: &str, missing: Missing, mode: u32) -> Result<OwnedFd> {
    match openat(above, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) if missing == Missing::Make => {
            match mkdirat(above, name, Mode::from_raw_mode(mode)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            openat(above, name, FOLDER, Mode::empty())
        }
        other => other,
    }
}

fn is_removed(folder: &OwnedFd) -> bool {
    fstat(folder).is_ok_and(|stat| stat.st_nlink == 0)
}

/// Refuses what is not a regular file: a folder or a device is not an object.
pub(super) fn regular(stat: Stat) -> Result<Stat> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        FileType::Symlink => Err(Errno::LOOP),
        FileType::Directory
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Errno::NOENT),
    }
}

/// Names a file's content by size, modification time and inode. A replaced object is always a new file.
pub(super) fn etag(stat: &Stat) -> String {
    let (seconds, nanos) = (stat.st_mtime, stat.st_mtime_nsec);
    format!("\"{:x}-{seconds:x}{nanos:08x}-{:x}\"", stat.st_size, stat.st_ino)
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
