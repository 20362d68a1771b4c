//! `gantry resume`: a run that was interrupted, whatever command has started it.

use ports::ExecutionStatus;
use runs::{Limits, Run};

use crate::args::ResumeArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &ResumeArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let row = state.find_run(&args.run.run).await?;
    if row.status != ExecutionStatus::Running {
        let text = format!("{} has ended", row.name);
        let again = format!(
            "run the failed items again: gantry redrive {}{}",
            row.name,
            context.flag()
        );
        return Err(CliError::usage(text).with_hint(again));
    }
    let limits = Limits {
        requests: args.concurrency,
        processors: args.max_concurrency,
    };
    let run = Run::resume(&state, &row, limits).await?;
    run::watch(context, &state, run, run::CHECKED).await
}
