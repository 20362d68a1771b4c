//! `gantry copy`: a manifest of objects to copies of them.

use crate::args::CopyArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &CopyArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let new = args.copy().prepare(&state)?;
    if args.run.dry_run {
        return run::rehearse(context, &state, &new).await;
    }
    let checked = if args.run.verify { None } else { run::CHECKED };
    run::execute(context, &state, new, checked).await
}
