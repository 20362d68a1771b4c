//! `gantry redrive`: the failed items of a run again, in a new run.

use runs::{PreparedRedrive, Redrive, Run};

use crate::args::RedriveArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &RedriveArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let redrive = Redrive {
        run: args.run.run.clone(),
        only: args.only.clone(),
        new: args.new,
    };
    match redrive.prepare(&state).await? {
        PreparedRedrive::New(new) => run::execute(context, &state, *new).await,
        PreparedRedrive::Interrupted(row) => {
            let run = Run::resume(&state, &row).await?;
            run::watch(context, &state, run).await
        }
        PreparedRedrive::NothingToDo(name) => {
            context.output.say(format!("no item of {name} is {}", args.only));
            Ok(Exit::Success)
        }
    }
}
