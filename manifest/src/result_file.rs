//! What a map run's `ResultWriter` leaves behind: `manifest.json` and the `SUCCEEDED_n`, `FAILED_n`, `PENDING_n` files.
//!
//! **Source**: input-output-resultwriter.html of the Step Functions developer guide, and its recorded answers.

use serde::{Deserialize, Serialize};

/// Whether the service left a value in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Included {
    /// Always true here.
    #[serde(rename = "Included")]
    pub included: bool,
}

/// How one child execution ended: one record of a result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultRecord {
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Its error name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The child's ARN; absent when it never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_arn: Option<String>,
    /// Its input, as JSON text.
    pub input: String,
    /// About the input.
    pub input_details: Included,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its output, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// About the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_details: Option<Included>,
    /// How often it was redriven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_count: Option<u64>,
    /// Whether it can be redriven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_status: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_status_reason: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// The child machine's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_machine_arn: Option<String>,
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED` or `PENDING`.
    pub status: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_date: Option<String>,
}

/// One file of a result set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultFile {
    /// Its key in the destination bucket.
    pub key: String,
    /// **Bytes.**
    pub size: u64,
}

/// The files of a result set, by how the children ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct ResultFiles {
    /// Failed, timed out or aborted.
    pub failed: Vec<ResultFile>,
    /// Never started.
    pub pending: Vec<ResultFile>,
    /// Ended well.
    pub succeeded: Vec<ResultFile>,
}

/// `manifest.json` of a result set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultManifest {
    /// The bucket.
    pub destination_bucket: String,
    /// The map run.
    pub map_run_arn: String,
    /// The files.
    pub result_files: ResultFiles,
}
