//! Runs the program of a Lambda function under the Runtime API, and prints its response and what it wrote.
//!
//! ```text
//! cargo run -p gantry-adapters --example invoke -- target/debug/batcher '{"baseUrl":"https://example.com","resourcePaths":["a"]}'
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the response is data, lines of the log are for people"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters::functions::{Function as _, LogLine, LogSink, Process, ProcessSettings};
use adapters::local::Clock;
use ports::Clock as _;

/// How long the function may take.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Stderr;

impl LogSink for Stderr {
    fn write(&self, line: LogLine) {
        eprintln!("{} {}", line.at, line.text);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(program), Some(event)) = (arguments.next(), arguments.next()) else {
        return Err("give a program and an event".into());
    };
    let settings = ProcessSettings {
        arn: "arn:aws:lambda:us-east-1:000000000000:function:example".into(),
        program: std::fs::canonicalize(PathBuf::from(program))?,
        arguments: Vec::new(),
        task_root: std::env::current_dir()?,
        handler: "bootstrap".to_owned(),
        variables: BTreeMap::from([("STATE_BUCKET".to_owned(), "state".to_owned())]),
        memory_mib: 128,
        timeout: TIMEOUT,
        concurrency_max: 1,
        idle_max: Duration::from_mins(1),
    };
    let function = Process::new(settings, Arc::new(Clock), Arc::new(Stderr));
    match function.invoke(event, Clock.now().plus(TIMEOUT)).await {
        Ok(response) => println!("{response}"),
        Err(failure) => println!("{}: {}", failure.error, failure.cause),
    }
    Ok(())
}
