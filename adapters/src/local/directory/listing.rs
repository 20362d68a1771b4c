//! Keys in byte order out of folders in any order.
//!
//! Each folder on the way is read and sorted; folders in which no wanted key can lie are not opened. A page costs
//! the folders it touches, so a folder with a million files is read once per thousand of them.

use std::os::fd::OwnedFd;

use ports::{Listing, ObjectInfo};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::{Errno, Result};

use super::naming::Meaning;
use super::object_writer::is_abandoned;
use super::tree::{Missing, Tree, regular};

/// S3's limit of a page.
const PAGE: usize = 1_000;

/// Which keys are wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    pub(super) after: Option<&'a str>,
}

impl Wanted<'_> {
    fn holds(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && self.after.is_none_or(|after| key > after)
    }

    /// Whether a wanted key can begin with this.
    fn may_begin_with(&self, beginning: &str) -> bool {
        (beginning.starts_with(self.prefix) || self.prefix.starts_with(beginning))
            && self
                .after
                .is_none_or(|after| after < beginning || after.starts_with(beginning))
    }
}

/// What lies in a folder: the keys that begin there.
#[derive(Debug)]
struct Entry {
    /// Of a file the key, of a folder what its keys begin with.
    key: String,
    folder: String,
    name: String,
    is_folder: bool,
}

/// One page.
pub(super) fn page(tree: &Tree, wanted: &Wanted<'_>) -> Result<Listing> {
    let mut objects = Vec::new();
    let is_complete = collect(tree, "", "", wanted, &mut objects)?;
    let last = objects.last().filter(|_| !is_complete);
    let continuation = last.map(|last: &ObjectInfo| last.key.clone());
    Ok(Listing { objects, continuation })
}

/// Adds the wanted keys below a folder; false when the page was full before they ended.
fn collect(
    tree: &Tree,
    folder: &str,
    beginning: &str,
    wanted: &Wanted<'_>,
    page: &mut Vec<ObjectInfo>,
) -> Result<bool> {
    let mut entries = Vec::new();
    read(tree, folder, beginning, wanted, &mut entries)?;
    entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    for entry in entries {
        if entry.is_folder {
            let below = join(&entry.folder, &entry.name);
            match collect(tree, &below, &entry.key, wanted, page) {
                // The folder is complete, or was removed meanwhile.
                Ok(true) | Err(Errno::NOENT) => continue,
                Ok(false) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if page.len() >= PAGE {
            return Ok(false);
        }
        match stat(tree, &entry) {
            Ok(found) => page.push(found),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn stat(tree: &Tree, entry: &Entry) -> Result<ObjectInfo> {
    tree.in_folder(&entry.folder, Missing::Fail, |folder| {
        let stat = regular(statat(&**folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW)?)?;
        Ok(tree.info(&entry.key, &stat))
    })
}

/// The entries of a folder, and those of the folders that only continue a long name.
fn read(tree: &Tree, folder: &str, beginning: &str, wanted: &Wanted<'_>, entries: &mut Vec<Entry>) -> Result<()> {
    for (name, is_folder) in names(tree, folder)? {
        let Some(meaning) = tree.naming.meaning(&name, is_folder) else {
            continue;
        };
        match meaning {
            Meaning::Continued(piece) => {
                let beginning = format!("{beginning}{piece}");
                if wanted.may_begin_with(&beginning) {
                    read(tree, &join(folder, &name), &beginning, wanted, entries)?;
                }
            }
            Meaning::File(last) => {
                let key = format!("{beginning}{last}");
                if wanted.holds(&key) {
                    entries.push(entry(key, folder, name, false));
                }
            }
            Meaning::Folder(segment) => {
                let key = format!("{beginning}{segment}/");
                if wanted.may_begin_with(&key) {
                    entries.push(entry(key, folder, name, true));
                }
            }
        }
    }
    Ok(())
}

fn entry(key: String, folder: &str, name: String, is_folder: bool) -> Entry {
    Entry {
        key,
        folder: folder.to_owned(),
        name,
        is_folder,
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        return name.to_owned();
    }
    format!("{folder}/{name}")
}

/// The names of files and folders in a folder. Links, pipes and names that are not UTF-8 are not objects.
fn names(tree: &Tree, folder: &str) -> Result<Vec<(String, bool)>> {
    let handle = tree.folder_now(folder)?;
    let mut names = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(openat(&*handle, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let kind = match entry.file_type() {
            FileType::Unknown => kind_of(&handle, name)?,
            known @ (FileType::RegularFile
            | FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice) => known,
        };
        match kind {
            FileType::Directory if name != "." && name != ".." => names.push((name.to_owned(), true)),
            FileType::RegularFile => names.push((name.to_owned(), false)),
            FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {}
        }
    }
    Ok(names)
}

fn kind_of(folder: &OwnedFd, name: &str) -> Result<FileType> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Removes files that dead processes left unfinished, and returns their number. A folder below that may not be read is
/// left alone: it was not written to either.
pub(super) fn sweep(tree: &Tree, folder: &str) -> Result<u64> {
    let mut removed = 0;
    let names = match names(tree, folder) {
        Err(Errno::ACCESS) if !folder.is_empty() => return Ok(0),
        names => names?,
    };
    for (name, is_folder) in names {
        if is_folder {
            removed += sweep(tree, &join(folder, &name))?;
        } else if is_abandoned(&name) {
            let handle = tree.folder(folder, Missing::Fail)?;
            unlinkat(&*handle, &name, AtFlags::empty())?;
            removed += 1;
        }
    }
    Ok(removed)
}
