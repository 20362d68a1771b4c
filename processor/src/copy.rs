//! Copies: each object to each destination, without its bytes passing through here; one outcome per destination.

use std::sync::Arc;

use manifest::work::Copy;
use manifest::{ErrorClass, Item, ItemError, Outcome, Subject, error_name as names};
use ports::{CopyOptions, ErrorKind, ObjectKey};

use crate::event::cap;
use crate::failure::{AttemptError, Broken, io_cause};
use crate::schedule::{self, Job};
use crate::{Error, Scope, name, object_at, outcome};

/// Copies the items' objects; one outcome per item and destination, in their order.
pub(crate) async fn copy(items: Vec<Item>, work: &Copy, scope: &Scope<'_>) -> Result<Vec<Outcome>, Error> {
    let meter = &scope.ports.meter;
    let entries: Vec<_> = items
        .into_iter()
        .flat_map(|item| entries(item, work, &scope.config.reserved_buckets))
        .collect();
    let transfers: Vec<_> = entries.iter().filter_map(|entry| entry.end.as_ref().ok()).collect();
    let jobs: Vec<_> = transfers.iter().map(|transfer| transfer.job()).collect();
    let attempt = |job: usize, _number: u32| {
        let transfer = transfers.get(job).copied();
        async move {
            match transfer {
                Some(transfer) => transfer.run(scope).await,
                None => Err(AttemptError::permanent(names::NOT_FOUND, "there is no such item").into()),
            }
        }
    };
    let ended = |end: &Result<u64, AttemptError>| outcome::count(meter, end.as_ref().copied());
    let progress = schedule::run(scope.rules(cap(work.lambda_concur), None), &jobs, attempt, ended).await;
    let progress = progress.map_err(|error| Error::store("copy to", &first_destination(work), error))?;
    let mut progress = progress.iter();
    let outcome = |entry: Entry| {
        let mut outcome = outcome::pending(entry.item);
        outcome.destination = entry.to;
        let transfer = match entry.end {
            Ok(transfer) => transfer,
            Err(error) => {
                meter.add_failed();
                return outcome::failed(outcome, error);
            }
        };
        let Some(progress) = progress.next() else {
            return outcome;
        };
        outcome::settled(outcome, progress, |outcome, bytes| {
            outcome.status_code = Some(200);
            outcome.bytes = *bytes;
            outcome.filename = Some(transfer.from.key);
        })
    };
    Ok(entries.into_iter().map(outcome).collect())
}

/// Where the copies go, for people: one place stands for all.
fn first_destination(work: &Copy) -> ObjectKey {
    let first = work.destinations.first().map(|destination| object_at(destination, ""));
    first.unwrap_or_else(|| ObjectKey::new("", ""))
}

/// An item and one of its destinations.
struct Entry {
    item: Item,
    /// The one destination; none where it is about all of them.
    to: Option<String>,
    end: Result<Transfer, ItemError>,
}

/// One object to one destination.
#[derive(Debug)]
struct Transfer {
    seed: u64,
    host: Arc<str>,
    from: ObjectKey,
    version: Option<String>,
    to: ObjectKey,
}

impl Transfer {
    fn job(&self) -> Job {
        Job {
            seed: self.seed,
            host: Arc::clone(&self.host),
        }
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<u64, Broken> {
        let options = CopyOptions {
            version: self.version.clone(),
            if_match: None,
        };
        match scope.ports.store.copy(&self.from, &self.to, options).await {
            Ok(copied) => Ok(copied.size.unwrap_or(0)),
            Err(error) if self.has_no_destination(&error, scope).await => Err(Broken::Store(error)),
            Err(error) => Err(broken(error)),
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
}

fn broken(error: ports::Error) -> Broken {
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

/// The item at each destination that it is still to go to.
fn entries(item: Item, work: &Copy, reserved: &[String]) -> Vec<Entry> {
    let only = item.destination.clone();
    let object = outcome::check_subject(&item, |subject| match subject {
        Subject::Object { bucket, key, version } => Some((ObjectKey::new(bucket, key), version.clone())),
        Subject::Url { .. } | Subject::Record { .. } => None,
    });
    let refused = |item, error| {
        let (to, end) = (None, Err(error));
        vec![Entry { item, to, end }]
    };
    let (from, version) = match object {
        Ok(object) => object,
        Err(error) => return refused(item, error),
    };
    if from.bucket.contains('/') || reserved.contains(&from.bucket) {
        return refused(item, is_reserved(&from.bucket));
    }
    let places = work
        .destinations
        .iter()
        .map(|destination| object_at(destination, &from.key));
    let named = places.map(|to| (to.to_string(), to));
    let wanted = named.filter(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    let entries: Vec<_> = wanted
        .map(|(name, to)| Entry {
            item: item.clone(),
            to: Some(name),
            end: transfer(item.index, &from, version.as_ref(), to),
        })
        .collect();
    if entries.is_empty() {
        return refused(item, not_among(&only.unwrap_or_default()));
    }
    entries
}

fn transfer(index: u64, from: &ObjectKey, version: Option<&String>, to: ObjectKey) -> Result<Transfer, ItemError> {
    name::check(&from.key)
        .and_then(|()| name::check_key(&to.key))
        .map_err(AttemptError::into_error)?;
    Ok(Transfer {
        seed: index,
        host: Arc::from(to.bucket.as_str()),
        from: from.clone(),
        version: version.cloned(),
        to,
    })
}

fn is_reserved(bucket: &str) -> ItemError {
    ItemError {
        name: names::ADDRESS_REFUSED.to_owned(),
        class: ErrorClass::Refused,
        message: format!("`{bucket}` is no bucket to copy from"),
    }
}

fn not_among(destination: &str) -> ItemError {
    ItemError {
        name: names::UNSAFE_NAME.to_owned(),
        class: ErrorClass::Refused,
        message: format!("destination `{destination}` is not among those of the work"),
    }
}
