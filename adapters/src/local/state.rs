//! The state directory: one gantry at a time, one layout, made on demand, readable by its owner alone.
//!
//! ```text
//!   .gantry/VERSION       the layout's version
//!   .gantry/lock          locked while a process runs; holds its process id
//!   .gantry/state.db      journal, ledger, notifications, state machines, activities
//!   .gantry/table.db      the table of successes
//!   .gantry/objects/      buckets that are not mounted elsewhere
//!   .gantry/spool/        manifests that came through stdin
//! ```

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ports::{Error, ErrorKind, Result};

use super::directory::{on_path, sweep_below};
use super::private::{self, create_private};

/// The layout that this gantry reads and writes.
const LAYOUT: &str = "1";

/// How a state directory is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// To run something: the directory is made on demand, and locked against other processes.
    Exclusive,
    /// To look something up, also while another process runs.
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
            Opening::Exclusive => {
                let lock = lock(root)?;
                // Files that a killed process left unfinished: no other process writes here now.
                sweep_below(&root.join("objects"))?;
                Some(lock)
            }
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

    /// Manifests that came through stdin.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

fn make(root: &Path) -> Result<()> {
    for folder in [root.to_owned(), root.join("objects"), root.join("spool")] {
        private::make_folder(&folder).map_err(|error| on_path(error, "failed to make the state directory", root))?;
    }
    let version = root.join("VERSION");
    if version.exists() {
        return Ok(());
    }
    // Through a rename: a version file is never half-written.
    let part = root.join("VERSION.part");
    let write = || {
        create_private(&part)?.write_all(LAYOUT.as_bytes())?;
        std::fs::rename(&part, &version)
    };
    write().map_err(|error| on_path(error, "failed to write", &version))
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
    let mut file = private::open_file(&path).map_err(|error| on_path(error, "failed to open", &path))?;
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

    fn modes(folder: &Path) -> Vec<(String, u32)> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            found.push((entry.file_name().into_string().unwrap(), mode));
            if entry.file_type().unwrap().is_dir() {
                found.extend(modes(&entry.path()));
            }
        }
        found
    }

    #[tokio::test]
    async fn only_the_owner_may_look_into_it() {
        use crate::local::{Directory, Records, Table};
        use ports::{ObjectKey, ObjectStore as _, PutOptions};

        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("state");
        // One that an earlier run, or a person, made for everybody.
        std::fs::create_dir(&root).unwrap();
        let state = StateDir::open(&root, Opening::Exclusive).unwrap();
        let _records = Records::open(&state.records()).unwrap();
        let _table = Table::open(&state.table()).unwrap();
        let at = ObjectKey::new("gantry", "run/outcomes/0.jsonl");
        let body = b"https://example.com/?token=secret".to_vec().into();
        let store = Directory::below(state.objects());
        store.put(&at, body, PutOptions::default()).await.unwrap();
        let found = modes(dir.path());
        assert!(found.len() > 9, "{found:?}");
        for (name, mode) in found {
            assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
        }
    }

    #[test]
    fn what_a_killed_process_left_unfinished_is_swept_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        drop(StateDir::open(dir.path(), Opening::Exclusive).unwrap());
        let folder = dir.path().join("objects/gantry/run/outcomes");
        std::fs::create_dir_all(&folder).unwrap();
        let abandoned = folder.join(format!(".gantry-{}-1-0.part", i32::MAX));
        for file in [&abandoned, &folder.join("0.jsonl")] {
            std::fs::write(file, "half").unwrap();
        }
        drop(StateDir::open(dir.path(), Opening::Shared).unwrap());
        assert!(abandoned.exists(), "looking removes nothing");
        drop(StateDir::open(dir.path(), Opening::Exclusive).unwrap());
        let left: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["0.jsonl"]);
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
