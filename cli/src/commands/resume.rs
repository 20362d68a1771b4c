//! `gantry resume`: a run that was interrupted, whatever command has started it.

use ports::ExecutionStatus;
use runs::Run;

use crate::args::RunArg;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &RunArg) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let row = state.find_run(&args.run).await?;
    if row.status != ExecutionStatus::Running {
        let text = format!("{} has ended", row.name);
        let again = format!("run what failed again: gantry redrive {}{}", row.name, context.flag());
        return Err(CliError::usage(text).with_hint(again));
    }
    let run = Run::resume(&state, &row).await?;
    run::watch(context, &state, run).await
}
