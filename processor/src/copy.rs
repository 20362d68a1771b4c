//! Copies: each object to each destination, without its bytes passing through here; one outcome per destination.
//!
//! Three acts: what goes where under which name (`entries`, pure), the claims of names that two sources could want (see
//! `copy_claims`), and the copying.

use std::sync::Arc;

use manifest::work::Copy;
use manifest::{CopySource, CopyTemplate, ErrorClass, Item, ItemError, Outcome, Status, Subject, error_name as names};
use ports::{CopyOptions, ErrorKind, ObjectKey};

use crate::copy_claims::Claims;
use crate::event::cap;
use crate::failure::{AttemptError, Broken, io_cause};
use crate::schedule::{self, Job};
use crate::{Error, Scope, name, object_at, outcome};

/// Copies the items' objects; one outcome per item and destination, in their order.
pub(crate) async fn copy(items: Vec<Item>, work: &Copy, scope: &Scope<'_>) -> Result<Vec<Outcome>, Error> {
    let meter = &scope.ports.meter;
    let template = CopyTemplate::parse(&work.name).map_err(Error::Malformed)?;
    let claims = Claims::read(work, &template, scope).await?;
    let plan = Plan {
        work,
        template,
        reserved: &scope.config.reserved_buckets,
    };
    let entries: Vec<_> = items.into_iter().flat_map(|item| plan.entries(item)).collect();
    let transfers: Vec<_> = entries.iter().filter_map(Entry::transfer).collect();
    let jobs: Vec<_> = transfers.iter().map(|transfer| transfer.job()).collect();
    let attempt = |job: usize, _number: u32| {
        let (transfer, claims) = (transfers.get(job).copied(), claims.as_ref());
        async move {
            match transfer {
                Some(transfer) => transfer.run(claims, scope).await,
                None => Err(AttemptError::permanent(names::NOT_FOUND, "there is no such item").into()),
            }
        }
    };
    let ended = |end: &Result<u64, AttemptError>| outcome::count(meter, end.as_ref().copied());
    let reports = schedule::run(scope.rules(cap(work.lambda_concur), None), &jobs, attempt, ended).await;
    let reports = reports.map_err(|stopped| {
        let to = transfers.get(stopped.job).map(|transfer| transfer.to.clone());
        Error::store("copy to", &to.unwrap_or_else(|| first_destination(work)), stopped.error)
    })?;
    let mut reports = reports.iter();
    let outcome = |entry: Entry| {
        let mut outcome = outcome::pending(entry.item);
        outcome.destination = entry.to;
        let transfer = match entry.end {
            Planned::Transfer(transfer) => transfer,
            Planned::Failed(error) => {
                meter.add_failed();
                return outcome::failed(outcome, error);
            }
            Planned::Skipped => {
                meter.add_succeeded(0);
                outcome.status = Status::Skipped;
                return outcome;
            }
        };
        let Some(report) = reports.next() else {
            return outcome;
        };
        outcome::settled(outcome, report, |outcome, bytes| {
            outcome.status_code = Some(200);
            outcome.bytes = *bytes;
            outcome.filename = Some(transfer.name);
        })
    };
    Ok(entries.into_iter().map(outcome).collect())
}

/// Where the copies go, for people: one destination stands for all.
fn first_destination(work: &Copy) -> ObjectKey {
    let first = work.destinations.first().map(|destination| object_at(destination, ""));
    first.unwrap_or_else(|| ObjectKey::new("", ""))
}

/// An item and one of its destinations.
struct Entry {
    item: Item,
    /// The one destination; none where it is about all of them.
    to: Option<String>,
    end: Planned,
}

impl Entry {
    const fn transfer(&self) -> Option<&Transfer> {
        match &self.end {
            Planned::Transfer(transfer) => Some(transfer),
            Planned::Failed(_) | Planned::Skipped => None,
        }
    }
}

enum Planned {
    /// It is to be copied.
    Transfer(Transfer),
    /// It cannot be copied.
    Failed(ItemError),
    /// There is nothing to do: a folder needs no object that stands for a folder.
    Skipped,
}

/// One object to one destination.
#[derive(Debug)]
pub(crate) struct Transfer {
    seed: u64,
    host: Arc<str>,
    pub(crate) from: ObjectKey,
    pub(crate) version: Option<String>,
    pub(crate) to: ObjectKey,
    /// The name below the destination.
    name: String,
    /// Whether there are other destinations.
    has_neighbours: bool,
}

impl Transfer {
    fn job(&self) -> Job {
        Job {
            seed: self.seed,
            host: Arc::clone(&self.host),
        }
    }

    async fn run(&self, claims: Option<&Claims<'_>>, scope: &Scope<'_>) -> Result<u64, Broken> {
        match claims {
            None => self.copy(scope).await,
            Some(claims) => claims.copy(self, scope).await,
        }
    }

    /// Copies the object, whoever else wants the name.
    pub(crate) async fn copy(&self, scope: &Scope<'_>) -> Result<u64, Broken> {
        self.copy_version(self.version.clone(), scope).await
    }

    /// Copies a version of the object.
    pub(crate) async fn copy_version(&self, version: Option<String>, scope: &Scope<'_>) -> Result<u64, Broken> {
        let options = CopyOptions {
            version,
            if_match: None,
        };
        let error = match scope.ports.store.copy(&self.from, &self.to, options).await {
            Ok(copied) => return Ok(copied.size.unwrap_or(0)),
            Err(error) if self.has_no_destination(&error, scope).await => Broken::Store(error),
            Err(error) => broken(error),
        };
        match error {
            Broken::Store(error) if self.has_neighbours && !is_end_of_all(&error) => {
                Err(self.without_destination(&error).into())
            }
            other @ (Broken::Store(_) | Broken::Item(_) | Broken::Name(..)) => Err(other),
        }
    }

    /// Whether the bucket that is not there is the destination's, which is the same for every item.
    async fn has_no_destination(&self, error: &ports::Error, scope: &Scope<'_>) -> bool {
        if error.code() != Some("NoSuchBucket") || self.from.bucket == self.to.bucket {
            return false;
        }
        let listed = scope.ports.store.list(&self.to.bucket, &self.to.key, None).await;
        listed.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// The failure at one of several destinations: the others are still to be written.
    fn without_destination(&self, error: &ports::Error) -> AttemptError {
        let bucket = &self.to.bucket;
        let failure = match error.kind() {
            ErrorKind::NotFound => {
                let message = format!("there is no bucket `{bucket}` to copy to: {}", error.chain());
                AttemptError::permanent(names::WRITE_FAILED, message)
            }
            ErrorKind::Denied
            | ErrorKind::Conflict
            | ErrorKind::Throttled
            | ErrorKind::Malformed
            | ErrorKind::Full
            | ErrorKind::Unavailable
            | ErrorKind::Cancelled => {
                let message = format!("failed to write to the bucket `{bucket}`: {}", error.chain());
                AttemptError::permanent(names::DENIED, message)
            }
        };
        match error.status() {
            Some(status) => failure.with_status(status),
            None => failure,
        }
    }
}

/// Whether an error ends the batch although other destinations may be sound: a disk must be made room on first.
fn is_end_of_all(error: &ports::Error) -> bool {
    match error.kind() {
        ErrorKind::Full | ErrorKind::Cancelled => true,
        ErrorKind::NotFound
        | ErrorKind::Denied
        | ErrorKind::Conflict
        | ErrorKind::Throttled
        | ErrorKind::Malformed
        | ErrorKind::Unavailable => false,
    }
}

pub(crate) fn broken(error: ports::Error) -> Broken {
    let message = error.chain();
    let failure = match error.kind() {
        ErrorKind::Full | ErrorKind::Cancelled => return Broken::Store(error),
        // Nobody was asked: there are no credentials, or the destination is only read.
        ErrorKind::Denied if error.status().is_none() && io_cause(&error).is_none() => return Broken::Store(error),
        ErrorKind::NotFound => AttemptError::permanent(names::NOT_FOUND, message),
        ErrorKind::Conflict => AttemptError::permanent(names::CONFLICT, message),
        ErrorKind::Denied => AttemptError::permanent(names::DENIED, message),
        ErrorKind::Malformed => AttemptError::permanent(names::WRITE_FAILED, message),
        ErrorKind::Throttled => AttemptError::throttled(message, None),
        ErrorKind::Unavailable => AttemptError::later(names::WRITE_FAILED, message).again(None),
    };
    match error.status() {
        Some(status) => failure.with_status(status).into(),
        None => failure.into(),
    }
}

/// What all items of a batch share.
struct Plan<'a> {
    work: &'a Copy,
    template: CopyTemplate,
    reserved: &'a [String],
}

impl Plan<'_> {
    /// The item at each destination that it is still to go to.
    fn entries(&self, item: Item) -> Vec<Entry> {
        let only = item.destination.clone();
        let object = outcome::check_subject(&item, |subject| match subject {
            Subject::Object { bucket, key, version } => Some((ObjectKey::new(bucket, key), version.clone())),
            Subject::Url { .. } | Subject::Record { .. } => None,
        });
        let refused = |item, error| {
            let (to, end) = (None, Planned::Failed(error));
            vec![Entry { item, to, end }]
        };
        let (from, version) = match object {
            Ok(object) => object,
            Err(error) => return refused(item, error),
        };
        if from.bucket.contains('/') || self.reserved.contains(&from.bucket) {
            return refused(item, is_reserved(&from.bucket));
        }
        let source = CopySource {
            bucket: &from.bucket,
            key: &from.key,
            version: version.as_deref(),
            index: item.index,
        };
        let name = self
            .template
            .name(source, || name::hash(&source_text(&from, version.as_deref())));
        let targets = self.work.destinations.iter().map(|destination| {
            let name = name_at(&destination.bucket, &name);
            (object_at(destination, &name), name)
        });
        let named = targets.map(|(to, name)| (to.to_string(), to, name));
        let wanted = named.filter(|(text, _, _)| only.as_ref().is_none_or(|only| only == text));
        let entries: Vec<_> = wanted
            .map(|(text, to, name)| Entry {
                item: item.clone(),
                to: Some(text),
                end: self.transfer(item.index, (&from, version.as_ref()), to, name),
            })
            .collect();
        if entries.is_empty() {
            return refused(item, not_among(&only.unwrap_or_default()));
        }
        entries
    }

    fn transfer(
        &self,
        index: u64,
        (from, version): (&ObjectKey, Option<&String>),
        to: ObjectKey,
        name: String,
    ) -> Planned {
        if is_folder(&to.bucket) && name.ends_with('/') {
            return Planned::Skipped;
        }
        // S3 takes every key. What a folder cannot hold is refused there alone.
        let checked = if is_folder(&to.bucket) {
            name::check(&name).and_then(|()| name::check_segments(&name))
        } else {
            Ok(())
        };
        if let Err(refused) = checked.and_then(|()| name::check_key(&to.key)) {
            return Planned::Failed(refused.into_error());
        }
        Planned::Transfer(Transfer {
            seed: index,
            host: Arc::from(to.bucket.as_str()),
            from: from.clone(),
            version: version.cloned(),
            to,
            name,
            has_neighbours: self.work.destinations.len() > 1,
        })
    }
}

/// What names a source and nothing else: no bucket holds a slash, and no version holds a line feed.
pub(crate) fn source_text(from: &ObjectKey, version: Option<&str>) -> String {
    [from.bucket.as_str(), "/", &from.key, "\n", version.unwrap_or_default()].concat()
}

/// Whether a bucket is a folder of this machine.
fn is_folder(bucket: &str) -> bool {
    bucket.starts_with('/')
}

/// The name that a folder takes: empty segments, which no folder has, become a hash of the whole name.
fn name_at(bucket: &str, name: &str) -> String {
    let has_gaps = name.starts_with('/') || name.contains("//");
    if !is_folder(bucket) || !has_gaps {
        return name.to_owned();
    }
    let is_marker = name.ends_with('/');
    let segments: Vec<_> = name.split('/').filter(|segment| !segment.is_empty()).collect();
    let plain = segments.join("/");
    let (folder, file) = name::split_folder(&plain);
    [folder, &name::hashed(file, name), if is_marker { "/" } else { "" }].concat()
}

fn is_reserved(bucket: &str) -> ItemError {
    ItemError {
        name: names::ADDRESS_REFUSED.to_owned(),
        class: ErrorClass::Refused,
        message: format!("the bucket `{bucket}` is not one to copy from: it belongs to gantry or to this machine"),
    }
}

fn not_among(destination: &str) -> ItemError {
    ItemError {
        name: names::UNSAFE_NAME.to_owned(),
        class: ErrorClass::Refused,
        message: format!("destination `{destination}` is not among those of the work"),
    }
}
