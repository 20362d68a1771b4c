//! What the responses and errors of all services have in common.

use ports::{Error, ErrorKind, TaskFailure};
use serde::{Deserialize, Serialize};

/// Reads an action's parameters.
pub(super) fn parse<'a, T: Deserialize<'a>>(input: &'a str) -> Result<T, TaskFailure> {
    serde_json::from_str(input).map_err(|error| runtime_error(&error))
}

/// Writes an action's response.
pub(super) fn encode(response: &impl Serialize) -> Result<String, TaskFailure> {
    serde_json::to_string(response).map_err(|error| runtime_error(&error))
}

pub(super) fn runtime_error(error: &serde_json::Error) -> TaskFailure {
    TaskFailure::from_error("States.Runtime", error)
}

/// The names that a service has for its errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorNames {
    /// What stands before each name, such as `DynamoDB`.
    pub(super) service: &'static str,
    /// The thing asked for does not exist.
    pub(super) not_found: &'static str,
    /// Whatever has no name of its own.
    pub(super) other: &'static str,
}

impl ErrorNames {
    /// The failure of a task whose port failed.
    pub(super) fn failure(self, error: &Error) -> TaskFailure {
        let name = match error.kind() {
            ErrorKind::NotFound => self.not_found,
            ErrorKind::Throttled => "ThrottlingException",
            ErrorKind::Unavailable => "InternalServerErrorException",
            ErrorKind::Denied => "AccessDeniedException",
            ErrorKind::Conflict | ErrorKind::Malformed | ErrorKind::Full | ErrorKind::Cancelled => self.other,
        };
        TaskFailure {
            error: format!("{}.{name}", self.service),
            cause: error.chain(),
        }
    }
}

/// What the service integrations add to every response; here without the headers of a real exchange.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metadata {
    sdk_http_metadata: HttpMetadata,
    sdk_response_metadata: ResponseMetadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HttpMetadata {
    http_status_code: u16,
}

impl Default for HttpMetadata {
    fn default() -> Self {
        Self { http_status_code: 200 }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResponseMetadata {
    request_id: &'static str,
}

impl Default for ResponseMetadata {
    fn default() -> Self {
        Self {
            request_id: "00000000-0000-0000-0000-000000000000",
        }
    }
}
