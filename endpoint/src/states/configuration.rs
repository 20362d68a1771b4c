//! Logging, tracing and encryption of a state machine, as requests and answers have them.

use ports::{EncryptionConfiguration, EncryptionType, LogLevel, LoggingConfiguration};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// What is logged, and where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Logging {
    level: LogLevel,
    include_execution_data: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<Destination>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Destination {
    cloud_watch_logs_log_group: LogGroup,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogGroup {
    log_group_arn: String,
}

impl TryFrom<Logging> for LoggingConfiguration {
    type Error = ApiError;

    fn try_from(asked: Logging) -> Result<Self, ApiError> {
        let wanted = asked.level != LogLevel::Off;
        let destinations = asked.destinations.into_iter();
        let destinations: Vec<String> = destinations
            .map(|one| one.cloud_watch_logs_log_group.log_group_arn)
            .collect();
        if destinations.len() > 1 || (wanted && destinations.iter().all(String::is_empty)) {
            return Err(ApiError::invalid_logging("Must specify exactly one Log Destination."));
        }
        Ok(Self {
            level: asked.level,
            include_execution_data: asked.include_execution_data,
            destinations,
        })
    }
}

impl From<LoggingConfiguration> for Logging {
    fn from(kept: LoggingConfiguration) -> Self {
        let destination = |log_group_arn| Destination {
            cloud_watch_logs_log_group: LogGroup { log_group_arn },
        };
        Self {
            level: kept.level,
            include_execution_data: kept.include_execution_data,
            destinations: kept.destinations.into_iter().map(destination).collect(),
        }
    }
}

/// Whether X-Ray traces executions: kept and described, nothing is traced.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tracing {
    pub(crate) enabled: bool,
}

/// Whose key encrypts data: kept and described, nothing is encrypted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Encryption(pub(crate) EncryptionConfiguration);

impl Encryption {
    /// # Errors
    /// `InvalidEncryptionConfiguration` when a customer's key is wanted and not named.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let Self(asked) = self;
        let is_own = asked.kind == EncryptionType::CustomerManagedKmsKey;
        if is_own == asked.kms_key_id.is_some() {
            return Ok(());
        }
        Err(ApiError::Worded {
            code: "InvalidEncryptionConfiguration",
            message:
                "Invalid Encryption Configuration: kmsKeyId must be given with CUSTOMER_MANAGED_KMS_KEY, and only then"
                    .to_owned(),
        })
    }
}
