//! A Lambda function as a child process that speaks the Lambda Runtime API on loopback.
//!
//! ```text
//!   invoke ──▶ Process ──▶ an idle instance, or a new one ──▶ runtime API ◀── next/response/error ── the program
//!                 │              (at most `concurrency_max`)                        │
//!                 └── reaper: ends instances that were idle for long                └── stdout, stderr ──▶ LogSink
//! ```
//!
//! A process is started when no idle one is there, serves one event at a time, is kept for the next, and is ended when
//! it was idle for long. One that reports a failed initialisation, takes too long, or ends by itself is not used
//! again. The whole process group is killed, so that a shell script does not leave its program behind.
//!
//! **Sources**: `runtimes-api.html`, `runtimes-custom.html`, `configuration-envvars.html` and
//! `lambda-runtime-environment.html` of the Lambda developer guide, read 2026-11-28.

mod environment;
pub(super) mod failure;
mod instance;
mod logs;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Clock, FunctionArn, TaskFailure, Timestamp};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::Function;
use instance::{Ended, Instance};
pub use logs::{LogLine, LogSink};

/// Lambda's limit for the event of a synchronous invocation. **Source**: `gettingstarted-limits.html`.
const EVENT_BYTES_MAX: usize = 6 * 1_024 * 1_024;

/// How a function's program is run.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// The function's ARN without a version.
    pub arn: FunctionArn,
    /// The program, such as a package's `bootstrap`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The folder of the function's package: `LAMBDA_TASK_ROOT` and the working directory.
    pub task_root: PathBuf,
    /// What the program is told to run: `_HANDLER`.
    pub handler: String,
    /// The function's own variables, among them credentials and endpoints of AWS. Lambda's own variables win.
    pub variables: BTreeMap<String, String>,
    /// **MiB**, as the program is told; nothing enforces it.
    pub memory_mib: u32,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Processes at once, at most; further invocations wait. 0 counts as 1.
    pub concurrency_max: usize,
    /// How long a process is kept without an invocation.
    pub idle_max: Duration,
}

/// A function as child processes.
#[derive(Debug)]
pub struct Process {
    shared: Arc<Shared>,
    /// Ends idle instances; it ends with this value.
    reaper: Mutex<JoinSet<()>>,
}

/// What instances, invocations and the reaper share.
#[derive(Debug)]
struct Shared {
    settings: ProcessSettings,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn LogSink>,
    permits: Semaphore,
    /// The one that was used last is at the end.
    idle: Mutex<Vec<Idle>>,
    kept: Notify,
}

#[derive(Debug)]
struct Idle {
    until: Timestamp,
    instance: Instance,
}

impl Process {
    /// A function of which no process runs yet.
    pub fn new(settings: ProcessSettings, clock: Arc<dyn Clock>, sink: Arc<dyn LogSink>) -> Self {
        let permits = Semaphore::new(settings.concurrency_max.clamp(1, Semaphore::MAX_PERMITS));
        let shared = Arc::new(Shared {
            settings,
            clock,
            sink,
            permits,
            idle: Mutex::default(),
            kept: Notify::new(),
        });
        Self {
            shared,
            reaper: Mutex::default(),
        }
    }

    /// Processes that wait for an event.
    pub fn idle(&self) -> usize {
        lock(&self.shared.idle).len()
    }

    /// Starts the reaper with the first invocation: before it there may be no runtime.
    fn start_reaper(&self) {
        let mut reaper = lock(&self.reaper);
        if reaper.is_empty() {
            reaper.spawn(reap(Arc::clone(&self.shared)));
        }
    }
}

#[async_trait]
impl Function for Process {
    /// Dropping the future kills the process that was working on the event.
    async fn invoke(&self, event: String, deadline: Timestamp) -> Result<String, TaskFailure> {
        if event.len() > EVENT_BYTES_MAX {
            return Err(failure::event_too_large(event.len(), EVENT_BYTES_MAX));
        }
        self.start_reaper();
        let permit = self.shared.permits.acquire().await;
        let _permit = permit.map_err(|closed| TaskFailure::from_error("Lambda.ServiceException", &closed))?;
        let event = Bytes::from(event);
        // It ends: a new instance takes the event, or is lost.
        loop {
            let mut instance = self.shared.instance().await?;
            match instance.invoke(&self.shared, event.clone(), deadline).await {
                Ended::Answered(answer) => {
                    self.shared.keep(instance);
                    return answer;
                }
                Ended::Lost(failure) => return Err(failure),
                Ended::NotTaken => {}
            }
        }
    }
}

impl Shared {
    async fn instance(&self) -> Result<Instance, TaskFailure> {
        let idle = lock(&self.idle).pop();
        match idle {
            Some(idle) => Ok(idle.instance),
            None => Instance::start(self).await,
        }
    }

    fn keep(&self, instance: Instance) {
        let until = self.clock.now().plus(self.settings.idle_max);
        lock(&self.idle).push(Idle { until, instance });
        self.kept.notify_one();
    }
}

/// Ends instances whose time is up.
async fn reap(shared: Arc<Shared>) {
    loop {
        let now = shared.clock.now();
        let next = end_idle(&mut lock(&shared.idle), now);
        match next {
            Some(until) => shared.clock.sleep_until(until).await,
            None => shared.kept.notified().await,
        }
    }
}

/// Removes the instances whose time is up; returns when the next one's is.
fn end_idle(idle: &mut Vec<Idle>, now: Timestamp) -> Option<Timestamp> {
    idle.retain(|one| one.until > now);
    idle.iter().map(|one| one.until).min()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
