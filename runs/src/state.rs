//! The state directory that runs are kept in: records, objects, clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::local::{self, Directory, Opening, Records, StateDir};
use ports::{
    Clock, ErrorKind as PortKind, ExecutionFilter, ExecutionRow, ExecutionStatus, Journal as _, Ledger as _, ObjectKey,
};

use crate::error::{Error, ErrorKind, Result};
use crate::input::Input;
use crate::machine::Machine;
use crate::outcomes::RunObjects;
use crate::spec::STATE_BUCKET;

/// The directory where the command line looks by itself.
const USUAL: &str = ".gantry";
/// Rows that are read at once.
const PAGE: usize = 500;

/// An open state directory.
#[derive(Debug)]
pub struct State {
    pub(crate) dir: StateDir,
    path: PathBuf,
    /// Journal, ledger and notifications.
    pub records: Arc<Records>,
    /// The objects of the runs.
    pub objects: Arc<Directory>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl State {
    /// Opens a state directory to run something: it is made on demand, and locked against other processes.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another process has it, [`ErrorKind::Invalid`] when it cannot be used.
    pub fn open_exclusive(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open(path.into(), Opening::Exclusive)
    }

    /// Opens a state directory to look something up, also while a run in another process uses it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn open_shared(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open(path.into(), Opening::Shared)
    }

    fn open(path: PathBuf, opening: Opening) -> Result<Self> {
        let dir = StateDir::open(&path, opening).map_err(refused)?;
        let records = Records::open(&dir.records()).map_err(refused)?;
        Ok(Self {
            objects: Arc::new(Directory::below(dir.objects())),
            records: Arc::new(records),
            clock: Arc::new(local::Clock),
            path,
            dir,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What the caller can do: another directory, another version, a second process.
fn refused(error: ports::Error) -> Error {
    match error.kind() {
        PortKind::NotFound => {
            Error::new(ErrorKind::NotFound, error.chain()).with_hint("start a run first, or name its --state-dir")
        }
        PortKind::Conflict => Error::new(ErrorKind::Busy, error.chain()),
        PortKind::Malformed => Error::invalid(error.chain()),
        PortKind::Denied => Error::invalid(error.chain()).with_hint("give a --state-dir that can be written to"),
        PortKind::Throttled | PortKind::Full | PortKind::Unavailable | PortKind::Cancelled => error.into(),
    }
}

impl State {
    /// Every run, the newest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn all_runs(&self) -> Result<Vec<ExecutionRow>> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .records
                .executions(&ExecutionFilter::default(), after, PAGE)
                .await?;
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// The run with this name, with the only name that begins so, or the newest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Invalid`] when there are several.
    pub async fn find_run(&self, typed: &str) -> Result<ExecutionRow> {
        let rows = self.all_runs().await?;
        if let Some(row) = rows.iter().find(|row| row.name == typed || (typed == "latest")) {
            return Ok(row.clone());
        }
        let matching: Vec<&ExecutionRow> = rows.iter().filter(|row| row.name.starts_with(typed)).collect();
        match matching.as_slice() {
            [row] => Ok((*row).clone()),
            [] => {
                let path = self.path.display();
                if rows.is_empty() {
                    let none = format!("there are no runs in the state directory `{path}`");
                    return Err(Error::new(ErrorKind::NotFound, none)
                        .with_hint("start one with gantry download or gantry copy"));
                }
                let none = format!("there is no run `{typed}` in the state directory `{path}`");
                Err(Error::new(ErrorKind::NotFound, none)
                    .with_hint(format!("list the runs with: gantry runs{}", self.flag())))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|row| row.name.as_str()).collect();
                Err(Error::invalid(format!(
                    "`{typed}` begins the names of {} runs: {}",
                    names.len(),
                    names.join(", ")
                )))
            }
        }
    }

    /// What a suggested command needs to find this state directory again.
    pub(crate) fn flag(&self) -> String {
        if self.path == Path::new(USUAL) {
            return String::new();
        }
        format!(" --state-dir {}", self.path.display())
    }

    /// The run that a redrive began with.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn first_of(&self, mut row: ExecutionRow) -> Result<ExecutionRow> {
        let older = self.all_runs().await?;
        while let Some(found) = older.iter().find(|other| row.rerun_of.as_ref() == Some(&other.arn)) {
            row = found.clone();
        }
        Ok(row)
    }

    /// The run and all that redrive it, also through other redrives: the oldest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn lineage(&self, row: ExecutionRow) -> Result<Vec<ExecutionRow>> {
        let newer = self.all_runs().await?.into_iter().rev();
        let mut lineage = vec![row];
        for other in newer {
            let of = other.rerun_of.as_ref();
            if of.is_some_and(|of| lineage.iter().any(|row| row.arn == *of)) {
                lineage.push(other);
            }
        }
        Ok(lineage)
    }

    /// The run's objects.
    ///
    /// # Errors
    /// When the run has ended and its objects are gone: nothing can be said of its items then.
    pub async fn objects_of<'a>(&'a self, row: &'a ExecutionRow) -> Result<RunObjects<'a>> {
        let mut folders = self.folders_of(row).into_iter();
        if !folders.any(|folder| folder.exists()) && self.has_left_objects(row).await? {
            let text = format!(
                "the outcomes of {} are gone: `{}` does not exist",
                row.name,
                self.dir
                    .objects()
                    .join(STATE_BUCKET)
                    .join("runs")
                    .join(&row.name)
                    .display()
            );
            return Err(Error::internal(text).with_hint("put the folder back, or run the command again"));
        }
        Ok(RunObjects::new(&*self.objects, row))
    }

    /// Whether the run has come so far that there are objects of it.
    async fn has_left_objects(&self, row: &ExecutionRow) -> Result<bool> {
        if row.status == ExecutionStatus::Running {
            return Ok(false);
        }
        if row.state_machine == Machine::ManifestMap.name() {
            let succeeded = row.status == ExecutionStatus::Succeeded;
            return Ok(succeeded || !self.records.map_runs(&row.arn, 0, 1).await?.is_empty());
        }
        match Input::from_row(row)? {
            Input::Body(body) => Ok(!body.resource_paths.is_empty()),
            Input::Request(_) => Ok(false),
        }
    }

    /// The folders with the run's objects.
    fn folders_of(&self, row: &ExecutionRow) -> [PathBuf; 2] {
        let bucket = self.dir.objects().join(STATE_BUCKET);
        [
            bucket.join("runs").join(&row.name),
            bucket.join(format!("job-{}", row.name)),
        ]
    }

    /// **Bytes** of the run's objects.
    pub fn size_of(&self, row: &ExecutionRow) -> u64 {
        self.folders_of(row).iter().map(|folder| size_below(folder)).sum()
    }

    /// Removes a run: its record, its journal, its objects.
    ///
    /// # Errors
    /// When something of it cannot be removed; the rest is then removed by the next call.
    pub async fn remove(&self, row: &ExecutionRow) -> Result<()> {
        for folder in self.folders_of(row) {
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("failed to remove `{}`: {error}", folder.display());
                    return Err(Error::internal(text));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(self.records.remove(&row.arn).await?)
    }

    /// Whether the state directory is still there.
    pub fn exists(&self) -> bool {
        self.path.join("VERSION").exists()
    }

    /// The file of an object in the state bucket. Its keys are plain, so the file's path is the key.
    pub fn path_of(&self, at: &ObjectKey) -> String {
        self.dir
            .objects()
            .join(STATE_BUCKET)
            .join(&at.key)
            .display()
            .to_string()
    }
}

fn size_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_gone) => 0,
    });
    sizes.sum()
}
