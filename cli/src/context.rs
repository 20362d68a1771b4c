//! What every command is told besides its own arguments: where the state directory is, and how to speak.

use std::path::{Path, PathBuf};

use runs::State;

use crate::exit_code::CliError;
use crate::output::Output;

/// The directory where people expect it; others are repeated in what the commands suggest.
const USUAL: &str = ".gantry";

/// The options that all commands share.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) state_dir: PathBuf,
    pub(crate) output: Output,
}

impl Context {
    /// Opens the state directory to run something.
    pub(crate) fn open_exclusive(&self) -> Result<State, CliError> {
        Ok(State::open_exclusive(&self.state_dir)?)
    }

    /// Opens the state directory to look something up.
    pub(crate) fn open_shared(&self) -> Result<State, CliError> {
        Ok(State::open_shared(&self.state_dir)?)
    }

    /// The command that resumes a run.
    pub(crate) fn resume(&self, run: &str) -> String {
        format!("gantry resume {run}{}", self.flag())
    }

    /// What a suggested command needs to find this state directory again.
    pub(crate) fn flag(&self) -> String {
        if self.state_dir == Path::new(USUAL) {
            return String::new();
        }
        format!(" --state-dir {}", self.state_dir.display())
    }
}
