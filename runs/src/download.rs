//! A download: a manifest of URLs to files.

use std::collections::BTreeMap;

use batcher::InlineBody;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::input::{self, Manifest, set};
use crate::machine::Machine;
use crate::options::{Checksum, ManifestOptions, RunOptions};
use crate::run::NewRun;
use crate::spec::{Action, RunSpec, TaskDestination};
use crate::state::State;

/// Paths in a task of `image-download`, when nothing is said.
const TASK_ITEMS: u64 = 5;

/// What is to be downloaded, where to, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    /// Which manifest, and how it is read.
    pub manifest: ManifestOptions,
    /// A directory or `s3://bucket/prefix`.
    pub to: String,
    /// The column of a CSV, or the member of a JSON object, that holds the URL.
    pub column: String,
    /// Joined with `/` before every URL that is not absolute.
    pub base_url: Option<String>,
    /// The template of file names.
    pub name: String,
    /// What is computed of every file.
    pub checksum: Option<Checksum>,
    /// **Bytes** of a file at most.
    pub max_object_bytes: Option<u64>,
    /// Requests for one item at most: 4.
    pub attempts: Option<u32>,
    /// The table holds the SHA-256 of each URL, not the URL.
    pub hash_urls: bool,
    /// Private, loopback and link-local addresses and all ports are allowed.
    pub allow_private: bool,
    /// More settings of the processors, by the names of their variables.
    pub processor: BTreeMap<String, String>,
    /// How much happens at once, and which failures are borne.
    pub run: RunOptions,
}

impl Download {
    /// A download with every option at its default.
    pub fn new(manifest: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            manifest: ManifestOptions::new(manifest),
            to: to.into(),
            column: "url".to_owned(),
            base_url: None,
            name: "{host}/{path}".to_owned(),
            checksum: None,
            max_object_bytes: None,
            attempts: None,
            hash_urls: false,
            allow_private: false,
            processor: BTreeMap::new(),
            run: RunOptions::default(),
        }
    }

    /// Finds the manifest and the directories, and says what is to be run. What can be read only once is kept in the
    /// state directory.
    ///
    /// # Errors
    /// When the manifest cannot be read or an option does not fit it.
    pub fn prepare(&self, state: &State) -> Result<NewRun> {
        let mut spec = self.spec();
        spec.mount_all(&self.run.buckets)?;
        let manifest = input::find(&self.manifest.manifest, &state.dir.spool(), &mut spec)?;
        let destination = input::destination(&self.to, &mut spec)?;
        let digest = manifest.digest().to_owned();
        let (machine, input) = match manifest {
            Manifest::Body { body, .. } if self.is_particular() => {
                let concurrency = self.run.concurrency.or(self.checked(&body)?.lambda_concur);
                (
                    Machine::ManifestMap,
                    self.manifest_map_input(body, &destination, concurrency),
                )
            }
            Manifest::Body { body, .. } => {
                self.checked(&body)?;
                spec.task_destination = Some(TaskDestination {
                    bucket: text(&destination, "bucket"),
                    prefix: text(&destination, "prefix"),
                    name: self.name.clone(),
                });
                (Machine::ImageDownload, body)
            }
            Manifest::Object { place, .. } => {
                let mut manifest = input::manifest_members(&place, &self.manifest);
                set(&mut manifest, "column", json!(self.column));
                set(&mut manifest, "baseUrl", json!(self.base_url));
                let input = self.manifest_map_input(manifest, &destination, Some(self.run.requests()));
                (Machine::ManifestMap, input)
            }
        };
        Ok(NewRun {
            machine,
            digest,
            input,
            spec,
            rerun_of: None,
            new: self.run.new,
        })
    }

    fn spec(&self) -> RunSpec {
        let mut spec = RunSpec::new(Action::Download, &self.manifest.manifest, self.run.connections());
        spec.task_items = self.manifest.batch_items.unwrap_or(TASK_ITEMS);
        spec.processor.clone_from(&self.processor);
        if self.allow_private {
            spec.allow_private();
        }
        if self.hash_urls {
            spec.hash_urls();
        }
        spec
    }

    /// Whether something is asked for that only `manifest-map` does.
    fn is_particular(&self) -> bool {
        self.run.is_particular()
            || self.manifest.strict
            || self.manifest.skip_malformed
            || self.checksum.is_some()
            || self.max_object_bytes.is_some()
            || self.attempts.is_some()
            || self.hash_urls
    }

    /// A body that the batcher will take.
    fn checked(&self, body: &Value) -> Result<InlineBody> {
        if self.base_url.is_some() {
            return Err(Error::invalid(
                "`--base-url` is given, and the body has a `baseUrl` of its own",
            ));
        }
        let read = InlineBody::deserialize(body);
        read.map_err(|error| Error::invalid(format!("the body in `{}`: {error}", self.manifest.manifest)))
    }

    fn manifest_map_input(&self, manifest: Value, destination: &Value, concurrency: Option<u32>) -> Value {
        let mut work = json!({
            "action": Action::Download.name(),
            "destination": destination,
            "name": self.name,
        });
        if let Some(concurrency) = concurrency {
            set(&mut work, "lambdaConcur", json!(concurrency));
        }
        if let Some(checksum) = self.checksum {
            set(&mut work, "checksum", json!(checksum.wire_name()));
        }
        if let Some(bytes) = self.max_object_bytes {
            set(&mut work, "maxObjectBytes", json!(bytes));
        }
        if let Some(attempts) = self.attempts {
            set(&mut work, "attempts", json!(attempts));
        }
        let mut request = input::request(&self.manifest, &self.run);
        set(&mut request, "manifest", manifest);
        set(&mut request, "work", work);
        request
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
