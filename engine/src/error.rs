//! Errors of the engine. An execution that fails is not one of them: its failure is in its row.

use asl::Diagnostic;

/// The answer of an engine's method.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the engine could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port failed; the execution can be run again.
    #[error("failed to {doing}")]
    Port {
        /// The activity that failed, as a verb phrase.
        doing: &'static str,
        /// The error of the port.
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
        /// The version of the interpreter that wrote the journal.
        found: u32,
        /// The version of this interpreter.
        expected: u32,
    },
    /// The journal does not fit its definition.
    #[error("record {sequence} of the journal of `{name}` cannot be replayed: {reason}")]
    Journal {
        /// The execution's name.
        name: String,
        /// Sequence number of the record.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// The execution cannot be redriven: only one that ended without success and has room in its history can.
    #[error("the execution `{name}` cannot be redriven: it is running, has succeeded, or its history is full")]
    NotRedrivable {
        /// The execution's name.
        name: String,
    },
    /// The subset of an earlier execution's items cannot be determined.
    #[error("the items of `{name}` cannot be done again: {reason}")]
    NoItemSubset {
        /// The execution's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The execution is a child of a map run, which alone runs and redrives it.
    #[error("the execution `{name}` is a child of the map run `{map_run}`: run or redrive its parent instead")]
    OfMapRun {
        /// The child's name.
        name: String,
        /// The child's map run.
        map_run: String,
    },
    /// The execution is a child whose map run or parent is missing.
    #[error(
        "the execution `{name}` is a child of the map run `{map_run}`, whose ledger, parent or Map state is missing"
    )]
    Orphan {
        /// The child's name.
        name: String,
        /// The child's map run.
        map_run: String,
    },
    /// A request named something that is not there, or carried an invalid value.
    #[error("{0}")]
    Request(InvalidRequest),
    /// The execution has not ended and waits for nothing: a fault of the engine.
    #[error("the execution `{name}` has not ended and waits for nothing: this is a fault of the engine")]
    Stuck {
        /// The execution's name.
        name: String,
    },
    /// A task failed with an error of [`crate::Settings::halt_on`]. The failure was not recorded: the task is called again
    /// when the execution is resumed.
    #[error("{error}: {cause}")]
    Halted {
        /// The task's error name.
        error: String,
        /// The cause that the task gave.
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
    /// The task of an execution panicked: a fault of the engine or of a port.
    #[error("a task panicked: {0}")]
    Panicked(String),
    /// The task of a map run's child panicked: a fault of the engine or of a port.
    #[error("a child of the map run broke off: {0}")]
    Child(String),
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The output is not JSON, or larger than 256 KiB: AWS's `InvalidOutput`.
    #[error("expected an output that is JSON text of at most 256 KiB")]
    Output,
    /// No task waits with this token: AWS's `InvalidToken` or `TaskDoesNotExist`.
    #[error("no task waits with this token")]
    Token,
    /// The task has ended before the request reached it: AWS's `TaskTimedOut`.
    #[error("the task with this token has ended already")]
    TimedOut,
    /// AWS's `ActivityDoesNotExist`.
    #[error("there is no such activity")]
    Activity,
    /// The execution is not being driven here: AWS's `ExecutionDoesNotExist`.
    #[error("the execution is not running in this process")]
    Execution,
    /// There is no map run with this ARN: AWS's `ResourceNotFound`.
    #[error("there is no such map run")]
    MapRun,
    /// The map run has ended, or another process runs it: AWS's `ValidationException`.
    #[error("the map run is not running in this process")]
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
