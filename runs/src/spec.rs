//! What a run needs besides its definition and input to go on in another process: written into its record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adapters::local::Access;
use manifest::request::ManifestObject;
use manifest::work::Action;
use ports::{ExecutionRow, TableSchema};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::options::FetchOptions;

/// The bucket where runs keep their objects.
pub const STATE_BUCKET: &str = "gantry-state";
/// Whether a bucket's name is not the user's to give: the state bucket, and directories, which have their paths for names.
pub fn is_own(bucket: &str) -> bool {
    bucket == STATE_BUCKET || bucket.starts_with('/')
}

/// The account and region of a local run.
pub const ACCOUNT: &str = "000000000000";
/// See [`ACCOUNT`].
pub const REGION: &str = "us-east-1";

/// The table that the successes of a run go to.
pub(crate) fn table_of(action: Action) -> TableSchema {
    match action {
        Action::Download => TableSchema {
            name: "urlToName".to_owned(),
            hash: "url".to_owned(),
            range: None,
        },
        Action::Copy => TableSchema {
            name: "objectCopies".to_owned(),
            hash: "object".to_owned(),
            range: Some("destination".to_owned()),
        },
    }
}

/// A directory that stands for a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// The directory, from the root.
    pub dir: PathBuf,
    /// Whether the run writes to it.
    pub writable: bool,
    /// The file in it that is known by its content: of this process, not of the run.
    #[serde(skip)]
    pub pin: Option<Pin>,
}

/// A file whose content has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What the file system told of it then.
    pub stamp: String,
    /// The digest of its content.
    pub digest: String,
}

/// How a run was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSpec {
    /// What it does with its items.
    pub action: Action,
    /// Directories that stand for buckets.
    pub mounts: BTreeMap<String, Mount>,
    /// The manifest as it was typed.
    pub manifest: String,
    /// Where the files of `image-download`'s tasks go, and what they are called.
    pub task_destination: Option<TaskDestination>,
    /// Paths in a task of `image-download`.
    pub task_items: u64,
    /// Requests in flight in all processors: for the pool of connections.
    pub connections: usize,
    /// What the processors are told besides the usual, by the names of their settings.
    pub processor: BTreeMap<String, String>,
    /// The same for the consolidator.
    #[serde(default)]
    pub consolidator: BTreeMap<String, String>,
    /// Of a redrive: which items it runs again.
    #[serde(default)]
    pub only: Option<String>,
    /// How much may happen at once in this process, whatever the run began with.
    #[serde(skip)]
    pub limits: Limits,
}

/// How much may happen at once; what is absent is as the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Requests in flight in each processor.
    pub requests: Option<u32>,
    /// Processors at once.
    pub processors: Option<u32>,
}

/// Where the files of `image-download`'s tasks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDestination {
    /// Their bucket.
    pub bucket: String,
    /// What their keys begin with.
    pub prefix: String,
    /// The template of their names.
    pub name: String,
}

impl RunSpec {
    /// A run without directories, with everything else as usual.
    pub(crate) fn new(action: Action, manifest: &str, connections: usize) -> Self {
        Self {
            action,
            mounts: BTreeMap::new(),
            manifest: manifest.to_owned(),
            task_destination: None,
            task_items: 0,
            connections,
            processor: BTreeMap::new(),
            consolidator: BTreeMap::new(),
            only: None,
            limits: Limits::default(),
        }
    }

    /// Tells the processors how files are fetched.
    pub(crate) fn fetch(&mut self, options: &FetchOptions) {
        let settings = options.settings().into_iter();
        self.processor
            .extend(settings.map(|(name, value)| (name.to_owned(), value)));
    }

    /// Keeps the URLs themselves out of the table.
    pub(crate) fn hash_urls(&mut self) {
        self.consolidator.insert("TABLE_URL".to_owned(), "hash".to_owned());
    }

    /// Makes buckets of the directories that the user named; they are read until something is to be written there.
    pub(crate) fn mount_all(&mut self, buckets: &[(String, PathBuf)]) -> Result<()> {
        for (name, dir) in buckets {
            let dir = absolute(dir)?;
            if self.mounts.contains_key(name) {
                return Err(Error::invalid(format!("`--bucket {name}=…` is given twice")));
            }
            self.mount(name, &dir, Access::ReadOnly);
        }
        Ok(())
    }

    /// As it was written into the run's record.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn from_row(row: &ExecutionRow) -> Result<Self> {
        let text = row.composition.as_deref().unwrap_or_default();
        serde_json::from_str(text)
            .map_err(|error| Error::internal(format!("failed to read how the run `{}` was set up: {error}", row.name)))
    }

    /// The manifest's bucket and file, if the manifest is a file that the run does not own.
    pub(crate) fn local_manifest(&self, row: &ExecutionRow) -> Result<Option<(String, PathBuf)>> {
        let input = Input::from_row(row)?;
        let Some(ManifestObject { bucket, key, .. }) = input.manifest() else {
            return Ok(None);
        };
        let mount = self.mounts.get(bucket);
        Ok(mount.map(|mount| (bucket.clone(), mount.dir.join(key))))
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }

    /// Makes a bucket of a directory; its name is the directory's path.
    pub(crate) fn mount_dir(&mut self, dir: &Path, access: Access) -> Result<String> {
        let dir = absolute(dir)?;
        let bucket = dir.to_str().map(str::to_owned);
        let bucket =
            bucket.ok_or_else(|| Error::invalid(format!("the directory's name `{}` is not UTF-8", dir.display())))?;
        self.mount(&bucket, &dir, access);
        Ok(bucket)
    }

    fn mount(&mut self, bucket: &str, dir: &Path, access: Access) {
        let mount = self.mounts.entry(bucket.to_owned()).or_insert_with(|| Mount {
            dir: dir.to_owned(),
            writable: false,
            pin: None,
        });
        mount.writable |= access == Access::ReadWrite;
    }

    /// Lets the run write to a bucket if it is a directory of this machine; false if it is none.
    pub(crate) fn write_to(&mut self, bucket: &str) -> bool {
        let mount = self.mounts.get_mut(bucket);
        mount.map(|mount| mount.writable = true).is_some()
    }

    /// Knows a file by its content.
    pub(crate) fn pin(&mut self, bucket: &str, pin: Pin) {
        if let Some(mount) = self.mounts.get_mut(bucket) {
            mount.pin = Some(pin);
        }
    }
}

/// The path from the root, without `.` and without a slash at its end.
fn absolute(dir: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(dir);
    let whole = whole.map_err(|error| Error::invalid(format!("failed to use `{}`: {error}", dir.display())))?;
    Ok(whole.components().collect())
}
