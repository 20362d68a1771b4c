//! What every request can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Engine, Stop, Supervisor};
use ports::{Activities, Clock, Journal, PAGE_MAX, StateMachineStatus, StateMachines};
use uuid::Uuid;

use crate::error::ApiError;
use crate::facts::Facts;

/// Who the endpoint says it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account in the ARNs of what is created.
    pub account: String,
    /// The region in the ARNs of what is created.
    pub region: String,
}

impl Settings {
    /// The ARN of something that is created here: `arn:aws:states:REGION:ACCOUNT:KIND:NAME`.
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:states:{}:{}:{kind}:{name}", self.region, self.account)
    }
}

/// What the endpoint stands on.
#[derive(Debug, Clone)]
pub struct Parts {
    /// State machines, their versions and aliases.
    pub state_machines: Arc<dyn StateMachines>,
    /// Activities.
    pub activities: Arc<dyn Activities>,
    /// Executions.
    pub journal: Arc<dyn Journal>,
    /// Runs executions; over the same journal.
    pub engine: Engine,
    /// Starts and ends executions; over the same engine.
    pub supervisor: Supervisor,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Told the cause of every internal error, which clients are not shown.
    pub report: fn(&str),
}

/// The endpoint.
#[derive(Debug)]
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) facts: Facts,
    pub(crate) parts: Parts,
    /// Requested when the endpoint shuts down: open polls answer at once.
    pub(crate) draining: Stop,
    ids: Ids,
}

impl App {
    /// Composes the endpoint.
    ///
    /// # Errors
    /// When the service model of this build cannot be read: a fault of the build.
    pub fn new(settings: Settings, parts: Parts) -> Result<Self, ApiError> {
        let ids = Ids::new(&settings, parts.clock.as_ref());
        Ok(Self {
            settings,
            facts: Facts::load()?,
            parts,
            draining: Stop::default(),
            ids,
        })
    }

    /// Makes the state machines and activities of the records known to the engine. Executions start machines, and workers
    /// ask for work, by what the engine knows: call this before anything runs.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn restore(&self) -> Result<(), ApiError> {
        let mut after = None;
        loop {
            let page = self.parts.activities.activities(after, PAGE_MAX).await?;
            for activity in page.items {
                self.parts.engine.create_activity(&activity.name);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let page = self.parts.state_machines.state_machines(after, PAGE_MAX).await?;
            for machine in page
                .items
                .into_iter()
                .filter(|one| one.status == StateMachineStatus::Active)
            {
                let text = self
                    .parts
                    .state_machines
                    .definition(&machine.revision.definition)
                    .await?;
                self.parts.engine.register(&machine.name, &text)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// An identifier that no other call returns, as AWS makes them for requests, revisions and names.
    pub(crate) fn new_id(&self) -> Uuid {
        self.ids.next()
    }
}

/// Identifiers from the moment of the start and a counter: one process owns a state directory at a time.
#[derive(Debug)]
struct Ids {
    namespace: Uuid,
    counter: AtomicU64,
}

impl Ids {
    fn new(settings: &Settings, clock: &dyn Clock) -> Self {
        let start = format!("{}:{}@{}", settings.region, settings.account, clock.now().as_millis());
        Self {
            namespace: Uuid::new_v5(&Uuid::NAMESPACE_URL, start.as_bytes()),
            counter: AtomicU64::new(0),
        }
    }

    fn next(&self) -> Uuid {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        Uuid::new_v5(&self.namespace, &number.to_be_bytes())
    }
}
