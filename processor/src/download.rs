//! Downloads: from the items of a batch to one outcome each.
//!
//! Three acts: what to fetch under which name (`plan`, pure), the claims of names that other batches could want as
//! well, and the fetching. An item that cannot be fetched has its outcome before anything is requested.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use manifest::work::{Destination, Download};
use manifest::{Item, ItemError, Outcome, Subject, error_name as names, run_key};
use ports::{ErrorKind, GetOptions, Meter, ObjectBody, ObjectKey, PutOptions};
use url::Url;

use crate::event::cap;
use crate::failure::{AttemptError, Broken};
use crate::fetch::{Connection, Fetcher, Stored};
use crate::guard::Guard;
use crate::name::{self, Template};
use crate::name_conflict;
use crate::schedule::{self, Job, JobReport};
use crate::{Error, Scope, limits, object_at, outcome};

/// Fetches the items' URLs; one outcome each, in their order.
pub(crate) async fn download(items: Vec<Item>, work: &Download, scope: &Scope<'_>) -> Result<Vec<Outcome>, Error> {
    let template = Template::parse(&work.name).map_err(Error::Malformed)?;
    let mut plan = Plan::new(items, &template, &work.destination, &scope.config.guard);
    let cap = cap(work.lambda_concur);
    if !template.is_injective() {
        claim(&mut plan.fetches, work, scope, cap).await?;
    }
    let meter = &scope.ports.meter;
    let progress = fetch_all(&plan.fetches, work, scope, cap).await?;
    plan.count_others(&progress, meter);
    Ok(plan.into_outcomes(&progress, &work.destination))
}

async fn fetch_all(
    plan: &[Fetch],
    work: &Download,
    scope: &Scope<'_>,
    cap: usize,
) -> Result<Vec<JobReport<Stored>>, Error> {
    let config = scope.config;
    let mut body_limits = config.body;
    body_limits.object_bytes_max = work
        .max_object_bytes
        .unwrap_or(u64::MAX)
        .min(config.body.object_bytes_max);
    let fetcher = Fetcher {
        origin: scope.ports.origin.as_ref(),
        store: scope.ports.store.as_ref(),
        clock: &scope.ports.clock,
        guard: &config.guard,
        limits: body_limits,
        checksum: work.checksum,
        collect_bytes: limits::collect_bytes(cap),
    };
    let jobs: Vec<_> = plan.iter().map(Fetch::job).collect();
    let attempt = |job: usize, number: u32| {
        let (fetch, fetcher) = (plan.get(job), &fetcher);
        async move {
            let Some(fetch) = fetch else {
                return Err(AttemptError::permanent(names::INVALID_URL, "there is no such item").into());
            };
            fetch_named(fetcher, fetch, &work.destination, Connection::for_attempt(number)).await
        }
    };
    let ended =
        |end: &Result<Stored, AttemptError>| outcome::count(&scope.ports.meter, end.as_ref().map(|done| done.bytes));
    let progress = schedule::run(scope.rules(cap, work.attempts), &jobs, attempt, ended).await;
    progress.map_err(|stopped| {
        let name = plan.get(stopped.job).map_or("", |fetch| fetch.name.as_str());
        Error::store("write", &object_at(&work.destination, name), stopped.error)
    })
}

/// Fetches under the name, or, where a folder cannot hold it, under another one.
async fn fetch_named(
    fetcher: &Fetcher<'_>,
    fetch: &Fetch,
    destination: &Destination,
    connection: Connection,
) -> Result<Stored, Broken> {
    let planned = fetcher
        .fetch(&fetch.url, &object_at(destination, &fetch.name), connection)
        .await;
    let (failure, found) = match planned {
        Err(Broken::Name(failure, found)) => (failure, found),
        other => return other,
    };
    let named = (fetch.name.as_str(), &fetch.url);
    let Some(name) = name_conflict::another_name(found, fetcher.store, destination, named).await else {
        return Err(failure.into());
    };
    check_name(&name, destination)?;
    let stored = fetcher
        .fetch(&fetch.url, &object_at(destination, &name), connection)
        .await?;
    Ok(Stored {
        name: Some(name),
        ..stored
    })
}

fn check_name(name: &str, destination: &Destination) -> Result<(), AttemptError> {
    name::check(name)?;
    name::check_segments(name)?;
    name::check_key(&object_at(destination, name).key)
}

/// What is to be done about a batch.
#[derive(Debug)]
struct Plan {
    entries: Vec<Entry>,
    fetches: Vec<Fetch>,
}

/// One item.
#[derive(Debug)]
struct Entry {
    item: Item,
    end: Planned,
}

#[derive(Debug)]
enum Planned {
    /// It cannot be fetched.
    Failed(ItemError),
    /// It is this one of the fetches, and the first to want it.
    Leader(usize),
    /// It is the same URL as an item before it.
    Follower(usize),
}

/// One URL to be fetched.
#[derive(Debug)]
struct Fetch {
    seed: u64,
    url: Url,
    host: Arc<str>,
    name: String,
    /// Its name has its hash already.
    is_own_name: bool,
}

impl Fetch {
    fn job(&self) -> Job {
        Job {
            seed: self.seed,
            host: Arc::clone(&self.host),
        }
    }

    /// Another URL has the name: this one gets a hash.
    fn give_way(&mut self) {
        self.name = name::with_hash(&self.name, &self.url);
        self.is_own_name = true;
    }
}

impl Plan {
    fn new(items: Vec<Item>, template: &Template, destination: &Destination, guard: &Guard) -> Self {
        let mut planner = Planner {
            template,
            destination,
            guard,
            fetches: Vec::with_capacity(items.len()),
            by_url: HashMap::with_capacity(items.len()),
            by_name: HashMap::new(),
        };
        let entries = items.into_iter().map(|item| planner.entry(item)).collect();
        Self {
            entries,
            fetches: planner.fetches,
        }
    }

    /// Tells the meter of the items that had no fetch of their own.
    fn count_others(&self, progress: &[JobReport<Stored>], meter: &Meter) {
        for entry in &self.entries {
            match &entry.end {
                Planned::Failed(_) => meter.add_failed(),
                Planned::Leader(_) => {}
                Planned::Follower(leader) => match progress.get(*leader).and_then(|leader| leader.end.as_ref()) {
                    Some(Ok(_)) => meter.add_succeeded(0),
                    Some(Err(_failure)) => meter.add_failed(),
                    None => {}
                },
            }
        }
    }

    fn into_outcomes(self, progress: &[JobReport<Stored>], destination: &Destination) -> Vec<Outcome> {
        let Self { entries, fetches } = self;
        let outcome = |Entry { item, end }| {
            let outcome = outcome::pending(item);
            let (position, is_leader) = match end {
                Planned::Failed(error) => return outcome::failed(outcome, error),
                Planned::Leader(position) => (position, true),
                Planned::Follower(position) => (position, false),
            };
            let (Some(fetch), Some(progress)) = (fetches.get(position), progress.get(position)) else {
                return outcome;
            };
            let outcome = outcome::settled(outcome, progress, |outcome, stored| {
                outcome.status_code = Some(200);
                outcome.bytes = stored.bytes;
                outcome.checksum.clone_from(&stored.checksum);
                let name = stored.name.as_ref().unwrap_or(&fetch.name);
                outcome.destination = Some(object_at(destination, name).to_string());
                outcome.filename = Some(name.clone());
                if stored.note.is_some() {
                    outcome.note.clone_from(&stored.note);
                }
            });
            if is_leader {
                outcome
            } else {
                outcome::as_follower(outcome)
            }
        };
        entries.into_iter().map(outcome).collect()
    }
}

/// Goes through the items in their order.
struct Planner<'a> {
    template: &'a Template,
    destination: &'a Destination,
    guard: &'a Guard,
    fetches: Vec<Fetch>,
    by_url: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl Planner<'_> {
    fn entry(&mut self, item: Item) -> Entry {
        let end = match self.plan(&item) {
            Ok(planned) => planned,
            Err(error) => Planned::Failed(error),
        };
        Entry { item, end }
    }

    fn plan(&mut self, item: &Item) -> Result<Planned, ItemError> {
        let text = outcome::check_subject(item, |subject| match subject {
            Subject::Url { url } => Some(url.as_str()),
            Subject::Object { .. } | Subject::Record { .. } => None,
        })?;
        let url = parse(text, self.guard).map_err(AttemptError::into_error)?;
        if let Some(leader) = self.by_url.get(url.as_str()) {
            return Ok(Planned::Follower(*leader));
        }
        let fetch = self.name(url, item.index).map_err(AttemptError::into_error)?;
        let position = self.fetches.len();
        self.by_url.insert(fetch.url.as_str().to_owned(), position);
        self.fetches.push(fetch);
        Ok(Planned::Leader(position))
    }

    fn name(&mut self, url: Url, index: u64) -> Result<Fetch, AttemptError> {
        let mut fetch = Fetch {
            seed: index,
            host: self.host(&url),
            name: self.template.name(&url, index),
            url,
            is_own_name: self.template.is_injective(),
        };
        let room = name::KEY_BYTES_MAX.saturating_sub(self.destination.key("").len());
        if let Some(short) = name::shortened(&fetch.name, &fetch.url, room) {
            fetch.name = short;
            fetch.is_own_name = true;
        }
        if !fetch.is_own_name && self.by_name.contains_key(&fetch.name) {
            fetch.give_way();
        }
        check_name(&fetch.name, self.destination)?;
        if !fetch.is_own_name {
            self.by_name.insert(fetch.name.clone(), self.fetches.len());
        }
        Ok(fetch)
    }

    /// The host's name; neighbours in a manifest often share theirs.
    fn host(&self, url: &Url) -> Arc<str> {
        let host = url.host_str().unwrap_or_default();
        match self.fetches.last() {
            Some(before) if *before.host == *host => Arc::clone(&before.host),
            _ => Arc::from(host),
        }
    }
}

/// A URL that may be requested.
fn parse(text: &str, guard: &Guard) -> Result<Url, AttemptError> {
    let text = text.trim();
    let parsed = Url::parse(text);
    let mut url = parsed.map_err(|error| {
        AttemptError::permanent(names::INVALID_URL, format!("`{}` is not a URL: {error}", excerpt(text)))
    })?;
    if matches!(url.scheme(), "http" | "https") {
        name::check_raw(text)?;
    }
    guard.check(&url)?;
    url.set_fragment(None);
    Ok(url)
}

/// The beginning of a text that may be anything.
fn excerpt(text: &str) -> &str {
    const EXCERPT_BYTES: usize = 200;
    text.get(..text.floor_char_boundary(EXCERPT_BYTES)).unwrap_or(text)
}

/// Claims the names, for this execution and all that redrive it; who finds one taken by another URL gives way.
async fn claim(fetches: &mut [Fetch], work: &Download, scope: &Scope<'_>, cap: usize) -> Result<(), Error> {
    let Some(execution) = work.names_of.as_deref().or(scope.execution) else {
        return Ok(());
    };
    let unsure = fetches.iter_mut().filter(|fetch| !fetch.is_own_name);
    let claims: Vec<_> = unsure
        .map(|fetch| settle(fetch, work, execution, scope).boxed())
        .collect();
    stream::iter(claims).buffer_unordered(cap).try_collect::<()>().await
}

async fn settle(fetch: &mut Fetch, work: &Download, execution: &str, scope: &Scope<'_>) -> Result<(), Error> {
    if !is_ours(fetch, work, execution, scope).await? {
        fetch.give_way();
    }
    Ok(())
}

/// Writes the claim on a name, or reads whose it is.
async fn is_ours(fetch: &Fetch, work: &Download, execution: &str, scope: &Scope<'_>) -> Result<bool, Error> {
    let key = object_at(&work.destination, &fetch.name).to_string();
    let at = ObjectKey::new(
        scope.config.state_bucket.as_str(),
        run_key::name_claim(execution, &name::hash(&key)),
    );
    let owner = Bytes::from(name::hash(fetch.url.as_str()));
    let options = PutOptions {
        if_none_match: true,
        content_type: None,
    };
    let store = scope.ports.store.as_ref();
    match store.put(&at, ObjectBody::Bytes(owner.clone()), options).await {
        Ok(_) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(Error::store("claim a name at", &at, error)),
    }
    let unread = |error| Error::store("read the claim of a name at", &at, error);
    let (_, body) = store.get(&at, GetOptions::default()).await.map_err(unread)?;
    let found: Vec<Bytes> = body.try_collect().await.map_err(unread)?;
    Ok(found.concat() == owner)
}
