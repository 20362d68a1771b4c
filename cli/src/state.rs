//! The state directory as the commands see it: records, objects, table, clock, and how to speak.

use std::path::PathBuf;
use std::sync::Arc;

use adapters::local::{self, Directory, Opening, Records, StateDir};
use ports::{Clock, ErrorKind, ExecutionRow, Journal, ObjectKey};

use crate::composition::STATE_BUCKET;
use crate::exit_code::Failure;
use crate::output::Output;

/// The directory where people expect it; others are repeated in what the commands suggest.
const USUAL: &str = ".gantry";
/// Rows that are read at once.
const PAGE: usize = 500;

/// A state directory that is about to be opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) output: Output,
}

/// An open state directory.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) dir: StateDir,
    pub(crate) path: PathBuf,
    pub(crate) records: Arc<Records>,
    pub(crate) objects: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Output,
}

impl Opened {
    /// To run something.
    pub(crate) fn exclusive(self) -> Result<State, Failure> {
        self.open(Opening::Exclusive)
    }

    /// To look something up.
    pub(crate) fn shared(self) -> Result<State, Failure> {
        self.open(Opening::Shared)
    }

    fn open(self, opening: Opening) -> Result<State, Failure> {
        let dir = StateDir::open(&self.path, opening).map_err(refused)?;
        let records = Records::open(&dir.records()).map_err(refused)?;
        Ok(State {
            objects: Arc::new(Directory::below(dir.objects())),
            records: Arc::new(records),
            clock: Arc::new(local::Clock),
            output: self.output,
            path: self.path,
            dir,
        })
    }
}

/// What the user can mend is a matter of usage: another directory, another version, a second gantry.
fn refused(error: ports::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::usage(error.chain()).with_hint("start a run first, or name its --state-dir"),
        ErrorKind::Conflict | ErrorKind::Malformed => Failure::usage(error.chain()),
        ErrorKind::Denied => Failure::usage(error.chain()).with_hint("give a --state-dir that can be written to"),
        ErrorKind::Throttled | ErrorKind::Full | ErrorKind::Unavailable | ErrorKind::Cancelled => error.into(),
    }
}

impl State {
    /// Every run, the newest first.
    pub(crate) async fn all_runs(&self) -> Result<Vec<ExecutionRow>, Failure> {
        let mut rows: Vec<ExecutionRow> = Vec::new();
        loop {
            let page = self.records.executions(rows.len(), PAGE).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
    }

    /// The run with this name, with the only name that begins so, or the newest.
    pub(crate) async fn find_run(&self, typed: &str) -> Result<ExecutionRow, Failure> {
        let rows = self.all_runs().await?;
        if let Some(row) = rows.iter().find(|row| row.name == typed || (typed == "latest")) {
            return Ok(row.clone());
        }
        let matching: Vec<&ExecutionRow> = rows.iter().filter(|row| row.name.starts_with(typed)).collect();
        match matching.as_slice() {
            [row] => Ok((*row).clone()),
            [] => {
                let none = format!("there is no run `{typed}` in `{}`", self.path.display());
                Err(Failure::usage(none).with_hint(format!("list them with: gantry runs{}", self.flag())))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|row| row.name.as_str()).collect();
                Err(Failure::usage(format!(
                    "`{typed}` begins the names of {} runs: {}",
                    names.len(),
                    names.join(", ")
                )))
            }
        }
    }

    /// The run that a redrive began with.
    pub(crate) async fn first_of(&self, mut row: ExecutionRow) -> Result<ExecutionRow, Failure> {
        let older = self.all_runs().await?;
        while let Some(found) = older.iter().find(|other| row.rerun_of.as_ref() == Some(&other.arn)) {
            row = found.clone();
        }
        Ok(row)
    }

    /// The run and all that redrive it, also through other redrives: the oldest first.
    pub(crate) async fn lineage(&self, row: ExecutionRow) -> Result<Vec<ExecutionRow>, Failure> {
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

    /// What a suggested command needs to find this directory again.
    pub(crate) fn flag(&self) -> String {
        if *self.path == *USUAL {
            return String::new();
        }
        format!(" --state-dir {}", self.path.display())
    }

    /// The file of an object in the state bucket. Its keys are plain, so the file's path is the key.
    pub(crate) fn path_of(&self, at: &ObjectKey) -> String {
        self.dir
            .objects()
            .join(STATE_BUCKET)
            .join(&at.key)
            .display()
            .to_string()
    }
}
