//! The variables that Lambda sets for a function's process.
//!
//! **Source**: `configuration-envvars.html` of the Lambda developer guide, "Defined runtime environment variables".

use std::path::Path;

use super::ProcessSettings;
use super::logs::LogStream;

/// Where programs are looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// All variables of a process: the function's own first, so that Lambda's own win.
pub(super) fn variables(settings: &ProcessSettings, stream: &LogStream, runtime_api: &str) -> Vec<(String, String)> {
    let region = settings.arn.region().unwrap_or("us-east-1");
    let own = settings
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let defaults = [("LANG", "en_US.UTF-8"), ("PATH", PATH), ("TZ", ":UTC")];
    let defaults = defaults.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let reserved = [
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mib.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", settings.arn.name().to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", stream.group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream.stream.clone()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_REGION", region.to_owned()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("LAMBDA_TASK_ROOT", display(&settings.task_root)),
        ("_HANDLER", settings.handler.clone()),
    ];
    let reserved = reserved.map(|(name, value)| (name.to_owned(), value));
    defaults.into_iter().chain(own).chain(reserved).collect()
}

fn display(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
