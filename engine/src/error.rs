//! Why the engine cannot go on. An execution that fails is not an error: that is an answer.

use asl::Diagnostic;

/// The answer of an engine's method.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port failed; the execution can be run again.
    #[error("failed to {doing}")]
    Port {
        /// What was being done.
        doing: &'static str,
        /// What the port said.
        #[source]
        source: ports::Error,
    },
    /// The definition is not one that AWS would create.
    #[error("the definition of `{name}` has {} fault(s), the first: {}", .diagnostics.len(), first(.diagnostics))]
    Definition {
        /// The machine's name.
        name: String,
        /// All faults.
        diagnostics: Vec<Diagnostic>,
    },
    /// The journal was written by another version of the interpreter.
    #[error(
        "the journal of `{name}` was written by interpreter version {found}, this gantry reads version {expected}: finish the run with the gantry that started it, or start a new one"
    )]
    JournalVersion {
        /// The execution's name.
        name: String,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// The journal does not fit its definition.
    #[error("record {sequence} of the journal of `{name}` cannot be replayed: {reason}")]
    Journal {
        /// The execution's name.
        name: String,
        /// Which record.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// Only what ended without success, and has room left in its history, can be redriven.
    #[error("the execution `{name}` cannot be redriven: it runs, has succeeded, or its history is full")]
    NotRedrivable {
        /// The execution's name.
        name: String,
    },
    /// Which items of an execution are meant cannot be told.
    #[error("the items of `{name}` cannot be done again: {reason}")]
    NoItemSubset {
        /// The execution's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A child of a map run runs, and is redriven, with its parent alone.
    #[error("the execution `{name}` is a child of `{map_run}`: it goes on with its parent, not by itself")]
    OfMapRun {
        /// The child's name.
        name: String,
        /// Its map run.
        map_run: String,
    },
    /// A child whose map run or parent is not there any more.
    #[error("the execution `{name}` is a child of `{map_run}`, whose definition is not there any more")]
    Orphan {
        /// The child's name.
        name: String,
        /// Its map run.
        map_run: String,
    },
    /// Somebody outside answered or asked for what is not there.
    #[error("{0}")]
    Request(InvalidRequest),
    /// Nothing more can happen to the execution, and it has not ended: a fault of ours.
    #[error("the execution `{name}` waits for nothing")]
    Stuck {
        /// The execution's name.
        name: String,
    },
    /// A task failed in a way that no retry on this machine can mend; nothing of it was recorded.
    #[error("{error}: {cause}")]
    Halted {
        /// The task's error name.
        error: String,
        /// What it said.
        cause: String,
    },
    /// As many executions as may wait or run are there already.
    #[error("there are {bound} {what} already: try again when some of them have ended, or raise the bound")]
    Busy {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        bound: usize,
    },
    /// The supervisor is shutting down and takes nothing on.
    #[error("the supervisor is shutting down: start the execution after the next start")]
    Draining,
    /// An execution broke off; it is still `RUNNING` and can be resumed.
    #[error("the execution `{name}` broke off: {reason}")]
    Broken {
        /// The execution's ARN.
        name: String,
        /// Why.
        reason: String,
    },
    /// The task of an execution panicked: a fault of ours.
    #[error("a task panicked: {0}")]
    Panicked(String),
    /// A child's task panicked: a fault of ours.
    #[error("a child of the map run broke off: {0}")]
    Child(String),
}

/// What is wrong with an answer from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The output is no JSON, or larger than 256 KiB: AWS's `InvalidOutput`.
    #[error("the output is no JSON of at most 256 KiB")]
    Output,
    /// Nobody waits with this token: AWS's `InvalidToken` or `TaskDoesNotExist`.
    #[error("no task waits with this token")]
    Token,
    /// The task was waited for until just now: AWS's `TaskTimedOut`.
    #[error("the task is not waited for any more")]
    TimedOut,
    /// AWS's `ActivityDoesNotExist`.
    #[error("there is no such activity")]
    Activity,
    /// The execution is not being driven here: AWS's `ExecutionDoesNotExist`.
    #[error("the execution is not running")]
    Execution,
    /// There is no map run with this ARN: AWS's `ResourceNotFound`.
    #[error("there is no such map run")]
    MapRun,
    /// It has ended, or goes on in another process: AWS's `ValidationException`.
    #[error("the map run is not running")]
    MapRunOver,
    /// A setting that AWS refuses: AWS's `ValidationException`.
    #[error("expected a tolerated failure percentage between 0 and 100")]
    Percentage,
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .first()
        .map_or_else(String::new, |one| format!("{} at {}", one.message, one.location))
}

/// Says what was being done when a port failed.
pub(crate) fn while_doing(doing: &'static str) -> impl FnOnce(ports::Error) -> Error {
    move |source| Error::Port { doing, source }
}
