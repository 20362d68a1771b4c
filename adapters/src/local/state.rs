//! The state directory: one gantry at a time, one layout, made on demand.
//!
//! ```text
//!   .gantry/VERSION       the layout's version
//!   .gantry/lock          held while a run goes on; holds its process id
//!   .gantry/state.db      journal, ledger, notifications
//!   .gantry/table.db      the table of successes
//!   .gantry/objects/      buckets that are not mounted elsewhere
//!   .gantry/spool/        what came through stdin
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ports::{Error, ErrorKind, Result};

use super::directory::on_path;

/// The layout that this gantry reads and writes.
const LAYOUT: &str = "1";

/// How a state directory is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// To run something: made on demand, and nobody else may.
    Exclusive,
    /// To look something up, also while a run goes on.
    Shared,
}

/// An open state directory. The lock ends with the process, however that ends.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    _lock: Option<File>,
}

impl StateDir {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is only to be looked into and is not there, [`ErrorKind::Conflict`] when
    /// another gantry runs on it, [`ErrorKind::Malformed`] when it has another layout.
    pub fn open(root: &Path, opening: Opening) -> Result<Self> {
        match opening {
            Opening::Exclusive => make(root)?,
            Opening::Shared if root.join("VERSION").exists() => {}
            Opening::Shared => {
                let text = format!("there is no state directory `{}`", root.display());
                return Err(Error::new(ErrorKind::NotFound, text));
            }
        }
        check_layout(root)?;
        let lock = match opening {
            Opening::Exclusive => Some(lock(root)?),
            Opening::Shared => None,
        };
        Ok(Self {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// Journal, ledger and notifications.
    pub fn records(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The table of successes.
    pub fn table(&self) -> PathBuf {
        self.root.join("table.db")
    }

    /// Buckets that are not mounted elsewhere.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// What came through stdin.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

fn make(root: &Path) -> Result<()> {
    for folder in ["objects", "spool"] {
        std::fs::create_dir_all(root.join(folder))
            .map_err(|error| on_path(error, "failed to make the state directory", root))?;
    }
    let version = root.join("VERSION");
    if version.exists() {
        return Ok(());
    }
    // Through a rename: a version file is never half-written.
    let part = root.join("VERSION.part");
    let written = std::fs::write(&part, LAYOUT).and_then(|()| std::fs::rename(&part, &version));
    written.map_err(|error| on_path(error, "failed to write", &version))
}

fn check_layout(root: &Path) -> Result<()> {
    let version = root.join("VERSION");
    let found = std::fs::read_to_string(&version).map_err(|error| on_path(error, "failed to read", &version))?;
    if found.trim() == LAYOUT {
        return Ok(());
    }
    let text = format!(
        "the state directory `{}` has layout `{}`, this gantry reads layout `{LAYOUT}`: use the gantry that made it, or another --state-dir",
        root.display(),
        found.trim()
    );
    Err(Error::new(ErrorKind::Malformed, text))
}

fn lock(root: &Path) -> Result<File> {
    let path = root.join("lock");
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = opened.map_err(|error| on_path(error, "failed to open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(root, &mut file)),
        Err(TryLockError::Error(error)) => return Err(on_path(error, "failed to lock", &path)),
    }
    let noted = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    noted.map_err(|error| on_path(error, "failed to write", &path))?;
    Ok(file)
}

fn taken(root: &Path, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.read_to_string(&mut pid).is_ok() && !pid.is_empty();
    let who = if known {
        format!(" (process {pid})")
    } else {
        String::new()
    };
    let text = format!(
        "another gantry{who} is running on the state directory `{}`: wait for it, or use another --state-dir",
        root.display()
    );
    Error::new(ErrorKind::Conflict, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gantry_is_refused_until_the_first_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("state");
        let first = StateDir::open(&root, Opening::Exclusive).unwrap();
        let refused = StateDir::open(&root, Opening::Exclusive).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(
            refused.to_string().contains(&std::process::id().to_string()),
            "{refused}"
        );
        assert!(
            StateDir::open(&root, Opening::Shared).is_ok(),
            "looking is always allowed"
        );
        drop(first);
        assert!(StateDir::open(&root, Opening::Exclusive).is_ok());
    }

    #[test]
    fn another_layout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(StateDir::open(dir.path(), Opening::Exclusive).unwrap());
        std::fs::write(dir.path().join("VERSION"), "99").unwrap();
        let refused = StateDir::open(dir.path(), Opening::Exclusive).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Malformed);
        assert!(refused.to_string().contains("layout `99`"), "{refused}");
    }

    #[test]
    fn looking_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("state");
        let refused = StateDir::open(&root, Opening::Shared).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert!(!root.exists());
    }
}
