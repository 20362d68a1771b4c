//! What the state machines send to the batcher, and what it answers.

use manifest::Task;
use manifest::request::{Batched, InlineBody, Manifest, Request};
use serde::{Deserialize, Deserializer, Serialize};

/// An event of either machine.
#[derive(Debug, Clone)]
pub enum Event {
    /// `manifest-map` wants a batch list.
    Manifest(Box<ManifestEvent>),
    /// `image-download` wants tasks.
    Inline(InlineBody),
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let is_manifest = value.as_object().is_some_and(|event| event.contains_key("manifest"));
        let event = if is_manifest {
            ManifestEvent::deserialize(value).map(|event| Self::Manifest(Box::new(event)))
        } else {
            InlineBody::deserialize(value).map(Self::Inline)
        };
        event.map_err(serde::de::Error::custom)
    }
}

/// One call of `manifest-map`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestEvent {
    /// The execution's name.
    pub execution: String,
    /// The round, from 0.
    pub round: u32,
    /// What to split: in round 0 the request's manifest, later what the round before has left.
    pub manifest: Manifest,
    /// The execution's input.
    pub request: Request,
}

/// The answer to either machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To `manifest-map`.
    Batched(Box<Batched>),
    /// To `image-download`.
    Tasks(Tasks),
}

/// The tasks of an inline body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// In the order of the paths.
    pub tasks: Vec<Task>,
}
