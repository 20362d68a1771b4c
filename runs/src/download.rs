//! A download: a manifest of URLs to files.

use std::collections::BTreeMap;

use manifest::Checksum;
use manifest::request::{self, ManifestObject, Request};
use manifest::work::{self, Action, Destination, LAMBDA_CONCUR, NAME_TEMPLATE, Work};

use crate::error::{Error, Result};
use crate::input::{self, Input, Manifest};
use crate::machine::Machine;
use crate::options::{FetchOptions, ManifestOptions, RunOptions};
use crate::run::NewRun;
use crate::spec::{RunSpec, TaskDestination};
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
    /// The table holds the SHA-256 of each URL, not the URL.
    pub hash_urls: bool,
    /// How files are fetched.
    pub fetch: FetchOptions,
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
            name: NAME_TEMPLATE.to_owned(),
            checksum: None,
            hash_urls: false,
            fetch: FetchOptions::default(),
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
        check_name(&self.name).map_err(Error::invalid)?;
        let mut spec = self.spec();
        spec.mount_all(&self.run.buckets)?;
        let manifest = input::find(&self.manifest.manifest, &state.dir.spool(), &mut spec)?;
        let destination = input::destination(&self.to, &mut spec)?;
        let digest = manifest.digest().to_owned();
        let (machine, input) = match manifest {
            Manifest::Body { body, .. } => {
                self.check()?;
                if self.is_particular() {
                    let concurrency = self.run.concurrency.or(body.lambda_concur).unwrap_or(LAMBDA_CONCUR);
                    let request = self.request(request::Manifest::Inline(body), destination, concurrency);
                    (Machine::ManifestMap, Input::Request(Box::new(request)))
                } else {
                    spec.task_destination = Some(TaskDestination {
                        bucket: destination.bucket,
                        prefix: destination.prefix,
                        name: self.name.clone(),
                    });
                    (Machine::ImageDownload, Input::Body(body))
                }
            }
            Manifest::Object { object, .. } => {
                let manifest = ManifestObject {
                    column: self.column.clone(),
                    base_url: self.base_url.clone(),
                    ..input::manifest_object(object, &self.manifest)
                };
                let manifest = request::Manifest::Object(Box::new(manifest));
                let request = self.request(manifest, destination, self.run.requests());
                (Machine::ManifestMap, Input::Request(Box::new(request)))
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
        spec.fetch(&self.fetch);
        spec.limits = self.run.limits();
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
            || self.fetch.max_object_bytes.is_some()
            || self.fetch.attempts.is_some()
            || self.hash_urls
    }

    /// Whether the options fit a body.
    fn check(&self) -> Result<()> {
        if self.base_url.is_some() {
            return Err(Error::invalid(
                "`--base-url` is given, and the body has a `baseUrl` of its own",
            ));
        }
        Ok(())
    }

    fn request(&self, manifest: request::Manifest, destination: Destination, lambda_concur: u32) -> Request {
        let mut work = Work::Download(work::Download {
            destination,
            lambda_concur,
            name: self.name.clone(),
            checksum: self.checksum,
            max_object_bytes: None,
            attempts: None,
            names_of: None,
        });
        self.fetch.set_work(&mut work);
        input::request(manifest, work, &self.manifest, &self.run)
    }
}

/// Whether a template of file names is one, and stays below the destination.
///
/// # Errors
/// With what is wrong with it.
pub fn check_name(template: &str) -> std::result::Result<(), String> {
    processor::Template::parse(template)?;
    if template.starts_with('/') {
        return Err(format!(
            "the name `{template}` begins with a slash: names are relative to the destination"
        ));
    }
    let mut segments = template.split('/');
    match segments.find(|segment| matches!(*segment, "." | "..")) {
        Some(segment) => Err(format!(
            "the name `{template}` has a part `{segment}`: files are named below the destination"
        )),
        None => Ok(()),
    }
}
