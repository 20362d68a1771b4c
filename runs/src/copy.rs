//! A copy: a manifest of objects to copies of them.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::input::{self, Manifest, set};
use crate::machine::Machine;
use crate::options::{ManifestOptions, RunOptions};
use crate::run::NewRun;
use crate::spec::{Action, RunSpec};
use crate::state::State;

/// What is to be copied, where to, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// Which manifest, and how it is read.
    pub manifest: ManifestOptions,
    /// Directories or `s3://bucket/prefix`: every object is copied to each.
    pub to: Vec<String>,
    /// The columns with the bucket, the key and, if wanted, the version.
    pub columns: Option<Vec<String>>,
    /// The keys of a CSV are URL-encoded.
    pub url_encoded_keys: bool,
    /// How much happens at once, and which failures are borne.
    pub run: RunOptions,
}

impl Copy {
    /// A copy with every option at its default.
    pub fn new(manifest: impl Into<String>, to: Vec<String>) -> Self {
        Self {
            manifest: ManifestOptions::new(manifest),
            to,
            columns: None,
            url_encoded_keys: false,
            run: RunOptions::default(),
        }
    }

    /// Finds the manifest and the directories, and says what is to be run. What can be read only once is kept in the
    /// state directory.
    ///
    /// # Errors
    /// When the manifest cannot be read or an option does not fit it.
    pub fn prepare(&self, state: &State) -> Result<NewRun> {
        let mut spec = RunSpec::new(Action::Copy, &self.manifest.manifest, self.run.connections());
        spec.mount_all(&self.run.buckets)?;
        let manifest = input::find(&self.manifest.manifest, &state.dir.spool(), &mut spec)?;
        let Manifest::Object { place, digest } = manifest else {
            return Err(Error::invalid(
                "the manifest of a copy lists objects, found a body of resourcePaths",
            ));
        };
        let destinations = self.to.iter().map(|to| input::destination(to, &mut spec));
        let destinations: Vec<Value> = destinations.collect::<Result<_>>()?;
        let mut manifest = input::manifest_members(&place, &self.manifest);
        if self.url_encoded_keys {
            set(&mut manifest, "urlEncodedKeys", json!(true));
        }
        if let Some(names) = &self.columns {
            set(&mut manifest, "columns", columns(names)?);
        }
        let work = json!({
            "action": Action::Copy.name(),
            "destinations": destinations,
            "lambdaConcur": self.run.requests(),
        });
        let mut request = input::request(&self.manifest, &self.run);
        set(&mut request, "manifest", manifest);
        set(&mut request, "work", work);
        Ok(NewRun {
            machine: Machine::ManifestMap,
            digest,
            input: request,
            spec,
            rerun_of: None,
            new: self.run.new,
        })
    }
}

fn columns(names: &[String]) -> Result<Value> {
    match names {
        [bucket, key] => Ok(json!({"bucket": bucket, "key": key})),
        [bucket, key, version] => Ok(json!({"bucket": bucket, "key": key, "versionId": version})),
        _ => Err(Error::invalid(format!(
            "--columns takes two or three names, such as bucket,key,versionId; found {}",
            names.len()
        ))),
    }
}
