//! The request and the answer of `TestState`, as AWS's API has them.

use crate::StateError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `TestState` is asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestStateRequest {
    /// A state, or a machine together with `state_name`.
    pub definition: String,
    /// JSON text; `{}` if left out.
    pub input: Option<String>,
    /// The role to call with.
    pub role_arn: Option<String>,
    /// How much to tell.
    pub inspection_level: InspectionLevel,
    /// Show secrets of HTTP tasks.
    pub reveal_secrets: bool,
    /// Which state of the machine.
    pub state_name: Option<String>,
    /// What to answer instead of a real call.
    pub mock: Option<Mock>,
    /// JSON text of the context object.
    pub context: Option<String>,
    /// JSON text: variables in scope.
    pub variables: Option<String>,
    /// Where in its life the state is.
    pub state_configuration: StateConfiguration,
}

/// How much `TestState` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InspectionLevel {
    /// Output or error.
    #[default]
    Info,
    /// The data at each stage too.
    Debug,
    /// HTTP requests and responses too.
    Trace,
}

/// An answer instead of a real call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mock {
    /// JSON text of a result.
    pub result: Option<String>,
    /// A failure.
    pub error_output: Option<StateError>,
    /// How closely the result must fit the service's response.
    pub field_validation_mode: FieldValidationMode,
}

/// How closely a mocked result must fit the service's response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FieldValidationMode {
    /// Required fields must be there, and those that are must have their types.
    #[default]
    Strict,
    /// Fields that are there must have their types.
    Present,
    /// Anything goes.
    None,
}

/// Where in its life the state is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateConfiguration {
    /// Retries already made.
    pub retrier_retry_count: u32,
    /// Which state inside a Map or Parallel failed.
    pub error_caused_by_state: Option<String>,
    /// Iterations of a Map that failed.
    pub map_iteration_failure_count: Option<usize>,
    /// JSON text: what an `ItemReader` would have read.
    pub map_item_reader_data: Option<String>,
}

/// What `TestState` answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestStateResponse {
    /// JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Error name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The data at each stage, each as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection_data: Option<Value>,
    /// Where the machine would go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_state: Option<String>,
    /// `SUCCEEDED`, `FAILED`, `RETRIABLE`, `CAUGHT_ERROR`.
    pub status: String,
}

/// Why a test was not run: AWS's error code and text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to test the state: {message}")]
pub struct TestStateRefused {
    /// `ValidationException`, `InvalidDefinition`.
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
}
