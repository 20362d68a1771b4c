//! `gantry redrive`: the failed items of a run again, in a new run.

use runs::{PreparedRedrive, Redrive, Run, State, failures_left};

use crate::args::RedriveArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

use super::run;

pub(crate) async fn execute(context: &Context, args: &RedriveArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let redrive = Redrive {
        run: args.run.run.clone(),
        only: args.only.clone(),
        new: args.new,
        options: args.options(),
    };
    let limits = redrive.options.limits();
    let exit = match redrive.prepare(&state).await? {
        PreparedRedrive::New(new) => run::execute(context, &state, *new, run::CHECKED).await?,
        PreparedRedrive::Interrupted(row) => {
            let run = Run::resume(&state, &row, limits).await?;
            run::watch(context, &state, run, run::CHECKED).await?
        }
        PreparedRedrive::NothingToDo(name) => {
            context.output.say(format!("no item of {name} is {}", args.only));
            return Ok(Exit::Success);
        }
    };
    match exit {
        Exit::Success if args.tolerate.is_none() => what_is_left(context, &state, &args.run.run).await,
        Exit::Success | Exit::ItemsFailed | Exit::Usage | Exit::Internal | Exit::Interrupted => Ok(exit),
    }
}

/// A redrive of some items is no success while others of the run have failed.
async fn what_is_left(context: &Context, state: &State, run: &str) -> Result<Exit, CliError> {
    let left = failures_left(state, run).await?;
    if left == 0 {
        return Ok(Exit::Success);
    }
    let text = format!(
        "failed items that are left: {}; run them again with: gantry redrive {run}{}",
        output::number(left),
        context.flag()
    );
    context.output.say(text);
    Ok(Exit::ItemsFailed)
}
