//! What a run needs besides its definition and input to go on in another process: written into its record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adapters::local::Access;
use ports::{ExecutionRow, TableSchema};
use serde::{Deserialize, Serialize};

use crate::exit_code::Failure;

/// The bucket where runs keep their objects.
pub(crate) const STATE_BUCKET: &str = "gantry-state";
/// Whether a bucket's name is not the user's to give: the state bucket, and directories, which have their paths for names.
pub(crate) fn is_own(bucket: &str) -> bool {
    bucket == STATE_BUCKET || bucket.starts_with('/')
}

/// The account and region of a local run.
pub(crate) const ACCOUNT: &str = "000000000000";
/// See [`ACCOUNT`].
pub(crate) const REGION: &str = "us-east-1";

/// What a run does with its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Download,
    Copy,
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Copy => "copy",
        }
    }

    /// The table that its successes go to.
    pub(crate) fn table(self) -> TableSchema {
        match self {
            Self::Download => TableSchema {
                name: "urlToName".to_owned(),
                hash: "url".to_owned(),
                range: None,
            },
            Self::Copy => TableSchema {
                name: "objectCopies".to_owned(),
                hash: "object".to_owned(),
                range: Some("destination".to_owned()),
            },
        }
    }
}

/// A directory that stands for a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mount {
    pub(crate) dir: PathBuf,
    /// Whether the run writes to it.
    pub(crate) writable: bool,
    /// The file in it that is known by its content: of this process, not of the run.
    #[serde(skip)]
    pub(crate) pin: Option<Pin>,
}

/// A file whose content has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    /// What the file system told of it then.
    pub(crate) stamp: String,
    /// The digest of its content.
    pub(crate) digest: String,
}

/// How a run was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Composition {
    pub(crate) action: Action,
    /// Directories that stand for buckets.
    pub(crate) mounts: BTreeMap<String, Mount>,
    /// The manifest as it was typed.
    pub(crate) manifest: String,
    /// Where the files of the small machine's tasks go, and what they are called.
    pub(crate) task_destination: Option<TaskDestination>,
    /// Paths in a task of the small machine.
    pub(crate) task_items: u64,
    /// Requests in flight in all processors: for the pool of connections.
    pub(crate) connections: usize,
    /// What the processors are told besides the usual, by the names of their settings.
    pub(crate) processor: BTreeMap<String, String>,
    /// The same for the consolidator.
    #[serde(default)]
    pub(crate) consolidator: BTreeMap<String, String>,
    /// Of a redrive: which items it runs again.
    #[serde(default)]
    pub(crate) only: Option<String>,
}

/// Where the files of the small machine's tasks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskDestination {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) name: String,
}

impl Composition {
    /// Lets the processors fetch from private addresses and any port.
    pub(crate) fn allow_private(&mut self) {
        for name in ["ALLOW_PRIVATE", "ALLOWED_PORTS"] {
            self.processor.insert(name.to_owned(), "*".to_owned());
        }
    }

    /// Keeps the URLs themselves out of the table.
    pub(crate) fn hash_urls(&mut self) {
        self.consolidator.insert("TABLE_URL".to_owned(), "hash".to_owned());
    }

    /// Makes buckets of the directories that the user named; they are read until something is to be written there.
    pub(crate) fn mount_all(&mut self, buckets: &[(String, PathBuf)]) -> Result<(), Failure> {
        for (name, dir) in buckets {
            let dir = absolute(dir)?;
            if self.mounts.contains_key(name) {
                return Err(Failure::usage(format!("`--bucket {name}=…` is given twice")));
            }
            self.mount(name, &dir, Access::ReadOnly);
        }
        Ok(())
    }

    /// As it was written into the run's record.
    pub(crate) fn of(row: &ExecutionRow) -> Result<Self, Failure> {
        let text = row.composition.as_deref().unwrap_or_default();
        serde_json::from_str(text).map_err(|error| {
            Failure::internal(format!("failed to read how the run `{}` was set up: {error}", row.name))
        })
    }

    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::internal(error.to_string()))
    }

    /// Makes a bucket of a directory; its name is the directory's path.
    pub(crate) fn mount_dir(&mut self, dir: &Path, access: Access) -> Result<String, Failure> {
        let dir = absolute(dir)?;
        let bucket = dir.to_str().map(str::to_owned);
        let bucket =
            bucket.ok_or_else(|| Failure::usage(format!("the directory's name `{}` is not UTF-8", dir.display())))?;
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
fn absolute(dir: &Path) -> Result<PathBuf, Failure> {
    let whole = std::path::absolute(dir);
    let whole = whole.map_err(|error| Failure::usage(format!("failed to use `{}`: {error}", dir.display())))?;
    Ok(whole.components().collect())
}

/// A machine's definition with its placeholders filled in: the same files that are deployed.
pub(crate) fn definition(machine: Machine) -> String {
    let function = |name: &str| format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
    let values = [
        ("BatcherFunctionArn", function("gantry-batcher")),
        ("ProcessorFunctionArn", function("gantry-processor")),
        ("ConsolidatorFunctionArn", function("gantry-consolidator")),
        ("StateBucket", STATE_BUCKET.to_owned()),
        ("TableName", Action::Download.table().name),
        ("TopicArn", topic()),
    ];
    let template = match machine {
        Machine::ManifestMap => include_str!("../../asl/machines/manifest-map.asl.json"),
        Machine::ImageDownload => include_str!("../../asl/machines/image-download.asl.json"),
    };
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    })
}

/// The topic that is told about failures.
pub(crate) fn topic() -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:gantry-failures")
}

/// Which definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    ManifestMap,
    ImageDownload,
}

impl Machine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ManifestMap => "manifest-map",
            Self::ImageDownload => "image-download",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left_and_the_language_takes_the_definitions() {
        for machine in [Machine::ManifestMap, Machine::ImageDownload] {
            let text = definition(machine);
            assert!(!text.contains("${"), "{}", machine.name());
            let parsed = asl::parse(&text);
            assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
            assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        }
    }
}
