//! A copy: a manifest of objects to copies of them.

use manifest::request::{self, ColumnNames, ManifestObject};
use manifest::work::{self, Action, KEY_TEMPLATE, Work};

use crate::error::{Error, Result};
use crate::input::{self, Input, Manifest};
use crate::machine::Machine;
use crate::options::{ManifestOptions, RunOptions};
use crate::run::NewRun;
use crate::spec::RunSpec;
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
    /// The template of the copies' names.
    pub name: String,
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
            name: KEY_TEMPLATE.to_owned(),
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
        spec.limits = self.run.limits();
        spec.mount_all(&self.run.buckets)?;
        let manifest = input::find(&self.manifest.manifest, &state.dir.spool(), &mut spec)?;
        let Manifest::Object { object, digest } = manifest else {
            return Err(Error::invalid(
                "the manifest of a copy lists objects, found a body of resourcePaths",
            ));
        };
        let destinations = self.to.iter().map(|to| input::destination(to, &mut spec));
        let destinations = destinations.collect::<Result<Vec<_>>>()?;
        let manifest = ManifestObject {
            url_encoded_keys: self.url_encoded_keys,
            columns: self.columns.as_deref().map(columns).transpose()?,
            ..input::manifest_object(object, &self.manifest)
        };
        let work = Work::Copy(work::Copy {
            destinations,
            lambda_concur: self.run.requests(),
            name: self.name.clone(),
            names_of: None,
        });
        let manifest = request::Manifest::Object(Box::new(manifest));
        let request = input::request(manifest, work, &self.manifest, &self.run);
        Ok(NewRun {
            machine: Machine::ManifestMap,
            digest,
            input: Input::Request(Box::new(request)),
            spec,
            rerun_of: None,
            new: self.run.new,
        })
    }
}

fn columns(names: &[String]) -> Result<ColumnNames> {
    let (bucket, key, version_id) = match names {
        [bucket, key] => (bucket, key, None),
        [bucket, key, version] => (bucket, key, Some(version.clone())),
        _ => {
            return Err(Error::invalid(format!(
                "--columns takes two or three names, such as bucket,key,versionId; found {}",
                names.len()
            )));
        }
    };
    Ok(ColumnNames {
        bucket: bucket.clone(),
        key: key.clone(),
        version_id,
    })
}
