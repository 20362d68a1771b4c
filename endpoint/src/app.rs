//! What every request can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::Stop;
use ports::{Activities, Clock, StateMachines};
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
