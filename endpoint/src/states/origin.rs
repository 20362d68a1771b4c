//! What the endpoint remembers of how an execution was started, beside the execution's row.

use ports::{ExecutionRow, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// How an execution was started; JSON that the engine keeps and does not read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Origin {
    /// The version that runs, where one was asked for.
    pub(crate) version_arn: Option<String>,
    /// The alias that was asked for.
    pub(crate) alias_arn: Option<String>,
    /// X-Ray's header, as the client sent it.
    pub(crate) trace_header: Option<String>,
    /// What runs.
    pub(crate) revision: Option<Revision>,
    /// When the revision was made.
    pub(crate) updated: Option<Timestamp>,
}

impl Origin {
    pub(crate) fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|error| ApiError::Internal(format!("failed to write the origin: {error}")))
    }

    /// The origin of an execution; empty for one that the endpoint has not started.
    pub(crate) fn read(row: &ExecutionRow) -> Self {
        let kept = row
            .composition
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        kept.unwrap_or_default()
    }
}
