//! A world for the processor: a store in memory, an origin, a clock.

use std::sync::Arc;
use std::time::Duration;

use adapters::origin::{OriginOptions, SystemResolver};
use manifest::Outcome;
use ports::{Clock, Meter, ObjectStore, Timestamp, memory};
use processor::{Config, Error, Event, GuardedResolver, Ports, Response, Summary, TaskResult};
use serde_json::{Value, json};

/// Where tests' clocks stand at first.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// Everything that a call needs.
pub(crate) struct World {
    pub(crate) store: Arc<memory::ObjectStore>,
    pub(crate) ports: Ports,
    pub(crate) config: Config,
}

/// The configuration of these variables; the state bucket is `state`.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let find = |name: &str| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::from_lookup(|name| find(name).or_else(|| (name == "STATE_BUCKET").then(|| "state".to_owned()))).unwrap()
}

/// Variables with which retries do not take long.
pub(crate) const HURRY: [(&str, &str); 4] = [
    ("ALLOW_PRIVATE", "127.0.0.1,localhost"),
    ("BACKOFF_BASE_MS", "2"),
    ("RETRY_AFTER_MAX_MS", "20"),
    ("OBJECT_BYTES_MAX", "8000000"),
];

/// Variables with which slow answers do not take long either: for answers that are too slow on any machine.
pub(crate) const IMPATIENT: [(&str, &str); 4] = [
    ("ALLOW_PRIVATE", "127.0.0.1"),
    ("HEAD_TIMEOUT_MS", "300"),
    ("IDLE_TIMEOUT_MS", "1100"),
    ("SPEED_GRACE_MS", "1200"),
];

impl World {
    /// Over reqwest, guarded as the variables say, on the wall clock.
    pub(crate) fn real(variables: &[(&str, &str)]) -> Self {
        Self::real_trusting(variables, Vec::new())
    }

    /// The same, trusting these certificates.
    pub(crate) fn real_trusting(variables: &[(&str, &str)], extra_roots: Vec<Vec<u8>>) -> Self {
        let config = config(variables);
        let resolver = GuardedResolver::new(Arc::new(SystemResolver), config.guard.allow_private.clone());
        let options = OriginOptions {
            idle_per_host_max: 64,
            extra_roots,
            ..OriginOptions::default()
        };
        let origin = adapters::origin::Origin::new(Arc::new(resolver), &options).unwrap();
        Self::new(config, Arc::new(origin), Arc::new(adapters::local::Clock))
    }

    /// Over a script, on tokio's clock, which the test has paused.
    pub(crate) fn scripted(variables: &[(&str, &str)], origin: memory::Origin) -> (Self, Arc<memory::Origin>) {
        let clock: Arc<dyn Clock> = Arc::new(memory::PausedClock::at(NOON));
        let origin = Arc::new(origin.with_clock(Arc::clone(&clock)));
        let config = config(variables);
        (Self::new(config, Arc::<memory::Origin>::clone(&origin), clock), origin)
    }

    pub(crate) fn new(config: Config, origin: Arc<dyn ports::Origin>, clock: Arc<dyn Clock>) -> Self {
        let store = Arc::new(memory::ObjectStore::default());
        let ports = Ports {
            store: Arc::<memory::ObjectStore>::clone(&store) as Arc<dyn ObjectStore>,
            origin,
            clock,
            meter: Arc::new(Meter::default()),
            politeness: Arc::default(),
        };
        Self { store, ports, config }
    }

    /// Runs an event that ends in an hour.
    pub(crate) async fn call(&self, event: Value) -> Result<Response, Error> {
        let deadline = self.ports.clock.now().plus(Duration::from_hours(1));
        self.call_until(event, deadline).await
    }

    pub(crate) async fn call_until(&self, event: Value, deadline: Timestamp) -> Result<Response, Error> {
        let event: Event = serde_json::from_value(event).unwrap();
        processor::handle(event, &self.ports, &self.config, deadline).await
    }

    /// Runs a batch; its summary and its outcomes, as they were written.
    pub(crate) async fn batch(&self, event: Value) -> (Summary, Vec<Outcome>) {
        self.settle(self.call(event).await)
    }

    pub(crate) fn settle(&self, answer: Result<Response, Error>) -> (Summary, Vec<Outcome>) {
        let Response::Summary(summary) = answer.unwrap() else {
            panic!("a batch is answered with a summary")
        };
        let outcomes = self.outcomes(&summary.outcomes.as_ref().unwrap().key);
        (summary, outcomes)
    }

    /// Runs a task; its results.
    pub(crate) async fn task(&self, event: Value) -> Vec<TaskResult> {
        match self.call(event).await.unwrap() {
            Response::Results(results) => results,
            Response::Summary(_) => panic!("a task is answered with results"),
        }
    }

    pub(crate) fn outcomes(&self, key: &str) -> Vec<Outcome> {
        let bytes = self.store.bytes("state", key).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Downloads of these URLs into `out`.
pub(crate) fn downloads<T: AsRef<str>>(urls: &[T]) -> Value {
    downloads_with(urls, &json!({}))
}

/// The same, with more to say about the work.
pub(crate) fn downloads_with<T: AsRef<str>>(urls: &[T], more: &Value) -> Value {
    let paths: Vec<_> = urls.iter().map(AsRef::as_ref).collect();
    let mut work = json!({"action": "download", "destination": {"bucket": "out", "prefix": ""}});
    for (name, value) in more.as_object().unwrap() {
        work[name] = value.clone();
    }
    json!({
        "execution": "run", "round": 0, "work": work,
        "batch": {
            "number": 0, "first": 0, "items": paths.len(),
            "resourcePaths": paths, "batchInput": {"baseUrl": "http://unused.invalid", "lambdaConcur": 5},
        },
    })
}

/// An outcome's status, its error's name and its status code.
pub(crate) fn verdict(outcome: &Outcome) -> (manifest::Status, Option<&str>, Option<u16>) {
    let error = outcome.error.as_ref().map(|error| error.name.as_str());
    (outcome.status, error, outcome.status_code)
}
