//! Composes a local run: stages in this process, the engine over this machine's disk, S3 where the run names it.
//!
//! The only place where a run on this machine chooses between implementations of a port.

use std::sync::Arc;

use adapters::aws::LazyS3;
use adapters::functions::{Functions, InProcess};
use adapters::integrations::{DynamoDb, Sns, Tasks};
use adapters::local::{Access, Router, Table as LocalTable};
use adapters::origin::{Origin, OriginOptions, SystemResolver};
use engine::Engine;
use manifest::request::ManifestObject;
use ports::{
    Clock, ErrorKind, ExecutionRow, ExecutionStatus, Meter, Notifier, ObjectKey, ObjectStore, Resolver, Table,
    TaskFailure, TaskInvoker,
};
use processor::{AllowPrivate, GuardedResolver, Politeness};

use crate::error::{Error, Result, chain};
use crate::machine::{function_arn, topic_arn};
use crate::progress::{Expected, Progress};
use crate::spec::{ACCOUNT, Limits, Mount, REGION, RunSpec, STATE_BUCKET, is_own, table_of};
use crate::state::State;

/// What of a run a person must mend before it can go on: it stops there and is resumed later.
const HALTING: [ErrorKind; 3] = [ErrorKind::Full, ErrorKind::Denied, ErrorKind::NotFound];
/// The same of a manifest that is not what it was: put back, or only touched, it is what it was.
const HALTING_CHANGE: &str = consolidator::error_name::MANIFEST_CHANGED;

/// A run's engine and its objects.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) engine: Engine,
    store: Arc<dyn ObjectStore>,
}

/// What all stages share.
#[derive(Debug, Clone)]
struct Shared {
    store: Arc<dyn ObjectStore>,
    table: Arc<dyn Table>,
    notifier: Arc<dyn Notifier>,
    clock: Arc<dyn Clock>,
}

/// Composes the run.
pub(crate) async fn compose(state: &State, spec: &RunSpec, progress: &Progress) -> Result<Composed> {
    let store = objects(state, spec).await?;
    let table = LocalTable::open(&state.dir.table())?;
    table.ensure(&table_of(spec.action)).await?;
    let shared = Shared {
        store: Arc::clone(&store),
        table: Arc::new(table),
        notifier: Arc::clone(&state.records) as _,
        clock: Arc::clone(&state.clock),
    };
    let ports = engine::Ports {
        store: Arc::clone(&store),
        invoker: stages(&shared, spec, progress)?,
        journal: Arc::clone(&state.records) as _,
        ledger: Arc::clone(&state.records) as _,
        clock: Arc::clone(&state.clock),
    };
    let halting = HALTING.map(ErrorKind::error_name).into_iter().chain([HALTING_CHANGE]);
    let settings = engine::Settings {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        halt_on: halting.map(str::to_owned).collect(),
    };
    let engine = Engine::new(ports, settings);
    Ok(Composed { engine, store })
}

impl Composed {
    /// What changes when the manifest's content does, for one that is not on this machine.
    pub(crate) async fn etag_of(&self, manifest: &ManifestObject) -> Result<String> {
        let at = ObjectKey::new(&manifest.bucket, &manifest.key);
        let head = self.store.head(&at).await;
        let info = head.map_err(|error| Error::invalid(format!("failed to find the manifest: {}", error.chain())))?;
        Ok(format!("{at} {}", info.etag))
    }
}

/// Whether a run that writes there has not ended: nobody else has this state directory.
fn was_interrupted(runs: &[ExecutionRow], mount: &Mount) -> bool {
    let writes_there = |row| {
        let mut mounts = RunSpec::from_row(row).ok()?.mounts.into_values();
        Some(mounts.any(|other| other.dir == mount.dir && other.writable))
    };
    let mut running = runs.iter().filter(|row| row.status == ExecutionStatus::Running);
    running.any(|row| writes_there(row).unwrap_or(true))
}

/// The state bucket and the mounted directories on this machine, everything else in S3.
async fn objects(state: &State, spec: &RunSpec) -> Result<Arc<dyn ObjectStore>> {
    let runs = if spec.mounts.values().any(|mount| mount.writable) {
        state.all_runs().await?
    } else {
        Vec::new()
    };
    for (bucket, mount) in &spec.mounts {
        let access = if mount.writable {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        };
        let mounted = state.objects.mount(bucket, &mount.dir, access);
        mounted.map_err(|error| {
            Error::invalid(format!("failed to {}", error.chain()))
                .with_hint("give a directory that exists and may be read and, for a destination, written to")
        })?;
        if let Some(pin) = &mount.pin {
            let etag = format!("\"{}\"", pin.digest);
            state.objects.pin(bucket, pin.stamp.clone(), etag)?;
        }
        if mount.writable && was_interrupted(&runs, mount) {
            // What a killed process has left half-written.
            state.objects.sweep(bucket).await?;
        }
    }
    let local = Arc::clone(&state.objects) as Arc<dyn ObjectStore>;
    let has_buckets = spec.mounts.keys().any(|bucket| !is_own(bucket));
    let s3 = if has_buckets {
        LazyS3::optional()
    } else {
        LazyS3::default()
    };
    let on_this_machine = spec.mounts.keys().map(String::as_str).chain([STATE_BUCKET]);
    let router = on_this_machine.fold(Router::new(Arc::new(s3)), |router, bucket| {
        router.with(bucket, Arc::clone(&local))
    });
    Ok(Arc::new(router))
}

fn stages(shared: &Shared, spec: &RunSpec, progress: &Progress) -> Result<Arc<dyn TaskInvoker>> {
    let functions = with_batcher(Functions::default(), shared, spec, progress.expected())?;
    let functions = with_processor(functions, shared, spec, progress.meter())?;
    let functions = with_consolidator(functions, shared, spec)?;
    let tasks = Tasks::new(functions)
        .with("dynamodb", DynamoDb::new(Arc::clone(&shared.table)))
        .with("sns", Sns::new(Arc::clone(&shared.notifier)));
    Ok(Arc::new(tasks))
}

fn with_batcher(functions: Functions, shared: &Shared, spec: &RunSpec, expected: &Arc<Expected>) -> Result<Functions> {
    let settings = [
        ("STATE_BUCKET", STATE_BUCKET.to_owned()),
        ("MAX_CONCURRENCY", spec.task_items.max(1).to_string()),
    ];
    let config = batcher::Config::from_lookup(lookup(&settings));
    let config = Arc::new(config.map_err(|error| Error::internal(error.to_string()))?);
    let ports = Arc::new(batcher::Ports {
        store: Arc::clone(&shared.store),
        clock: Arc::clone(&shared.clock),
    });
    let expected = Arc::clone(expected);
    let limits = spec.limits;
    let handle = move |event: batcher::Event, deadline| {
        let (ports, config, expected) = (Arc::clone(&ports), Arc::clone(&config), Arc::clone(&expected));
        async move {
            let mut answer = batcher::handle(event, &ports, &config, deadline).await;
            if let Ok(answer) = &mut answer {
                expected.learn(answer);
                limit_answer(answer, limits);
            }
            answer.map_err(TaskFailure::from)
        }
    };
    Ok(functions.with(function_arn("gantry-batcher"), InProcess::new(handle)))
}

fn with_processor(functions: Functions, shared: &Shared, spec: &RunSpec, meter: &Arc<Meter>) -> Result<Functions> {
    let own = spec.mounts.keys().filter(|bucket| is_own(bucket));
    let reserved: Vec<&str> = own.map(String::as_str).chain([STATE_BUCKET]).collect();
    let mut settings = vec![
        ("STATE_BUCKET", STATE_BUCKET.to_owned()),
        ("RESERVED_BUCKETS", reserved.join(",")),
    ];
    let more = spec.processor.iter();
    settings.extend(more.map(|(name, value)| (name.as_str(), value.clone())));
    if let Some(task) = &spec.task_destination {
        settings.push(("IMAGES_BUCKET_NAME", task.bucket.clone()));
        settings.push(("IMAGES_PREFIX", task.prefix.clone()));
        settings.push(("NAME_TEMPLATE", task.name.clone()));
        settings.push(("MAX_CONCURRENCY", spec.task_items.to_string()));
    }
    let config = processor::Config::from_lookup(lookup(&settings));
    let config = Arc::new(config.map_err(|error| Error::internal(error.to_string()))?);
    let ports = Arc::new(processor::Ports {
        store: Arc::clone(&shared.store),
        origin: Arc::new(origin(spec, config.guard.allow_private.clone())?),
        clock: Arc::clone(&shared.clock),
        meter: Arc::clone(meter),
        politeness: Arc::new(Politeness::default()),
    });
    let limits = spec.limits;
    let handle = move |mut event: processor::Event, deadline| {
        limit_event(&mut event, limits);
        let (ports, config) = (Arc::clone(&ports), Arc::clone(&config));
        async move { processor::handle(event, &ports, &config, deadline).await }
    };
    Ok(functions.with(function_arn("gantry-processor"), InProcess::new(handle)))
}

/// How many processors the next map run may have at once.
fn limit_answer(answer: &mut batcher::Response, limits: Limits) {
    if let (batcher::Response::Batched(batched), Some(processors)) = (answer, limits.processors) {
        batched.max_concurrency = processors;
    }
}

/// How many requests a processor may have in flight.
fn limit_event(event: &mut processor::Event, limits: Limits) {
    let Some(requests) = limits.requests else { return };
    match event {
        processor::Event::Task(task) => task.task.batch_input.lambda_concur = requests,
        processor::Event::Batch(request) => *request.work.lambda_concur_mut() = requests,
    }
}

fn origin(spec: &RunSpec, allowed: AllowPrivate) -> Result<Origin> {
    let resolver: Arc<dyn Resolver> = Arc::new(GuardedResolver::new(Arc::new(SystemResolver), allowed));
    let options = OriginOptions {
        idle_per_host_max: spec.connections,
        ..OriginOptions::default()
    };
    Origin::new(resolver, &options).map_err(|error| Error::internal(chain(&error)))
}

fn with_consolidator(functions: Functions, shared: &Shared, spec: &RunSpec) -> Result<Functions> {
    let schema = table_of(spec.action);
    let mut settings = vec![
        ("STATE_BUCKET", STATE_BUCKET.to_owned()),
        ("TABLE_NAME", schema.name),
        ("TABLE_HASH", schema.hash),
        ("TABLE_RANGE", schema.range.unwrap_or_default()),
        ("TOPIC_ARN", topic_arn()),
    ];
    let more = spec.consolidator.iter();
    settings.extend(more.map(|(name, value)| (name.as_str(), value.clone())));
    let config = consolidator::Config::from_lookup(lookup(&settings));
    let config = Arc::new(config.map_err(|error| Error::internal(error.to_string()))?);
    let ports = Arc::new(consolidator::Ports {
        store: Arc::clone(&shared.store),
        table: Arc::clone(&shared.table),
        notifier: Arc::clone(&shared.notifier),
        clock: Arc::clone(&shared.clock),
    });
    let handle = move |event: consolidator::Event, deadline| {
        let (ports, config) = (Arc::clone(&ports), Arc::clone(&config));
        async move { consolidator::handle(event, &ports, &config, deadline).await }
    };
    Ok(functions.with(function_arn("gantry-consolidator"), InProcess::new(handle)))
}

/// Settings as a stage looks them up.
fn lookup<'a>(settings: &'a [(&'a str, String)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| {
        let found = settings.iter().find(|(setting, _)| *setting == name);
        found.map(|(_, value)| value.clone())
    }
}
