//! A stage's binary as a Lambda function, and how its answers are compared with those of the Rust function.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters::functions::{LogLine, LogSink, Process, ProcessSettings};
use adapters::local::Clock;
use ports::TaskFailure;
use serde_json::Value;

/// How long an invocation may take; only a broken binary needs it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The binary as a function, with nothing but these variables, credentials for [`crate::s3`] and Lambda's own variables.
pub fn process(arn: &str, binary: &str, variables: &[(&str, &str)]) -> Process {
    let credentials = [
        ("AWS_ACCESS_KEY_ID", crate::s3::KEY),
        ("AWS_SECRET_ACCESS_KEY", crate::s3::KEY),
    ];
    let variables = credentials.iter().chain(variables);
    let settings = ProcessSettings {
        arn: arn.into(),
        program: PathBuf::from(binary),
        arguments: Vec::new(),
        task_root: Path::new(binary).parent().map(Path::to_path_buf).unwrap_or_default(),
        handler: "bootstrap".to_owned(),
        variables: variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        memory_mib: 128,
        timeout: TIMEOUT,
        concurrency_max: 1,
        idle_max: TIMEOUT,
    };
    Process::new(settings, Arc::new(Clock), Arc::new(Stderr))
}

/// Shows what a function writes beside what its test writes.
#[derive(Debug)]
struct Stderr;

impl LogSink for Stderr {
    #[expect(clippy::print_stderr, reason = "cargo shows it when the test fails")]
    fn write(&self, line: LogLine) {
        eprintln!("{}: {}", line.group, line.text);
    }
}

/// The error's name and its text without what the store below said, which is another store on each side.
pub fn in_our_words(failure: TaskFailure) -> (String, String) {
    let payload: Value = serde_json::from_str(&failure.cause).unwrap();
    let message = payload["errorMessage"].as_str().unwrap();
    let ours = message.split(": ").next().unwrap_or(message);
    (failure.error, ours.to_owned())
}
