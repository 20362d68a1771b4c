//! `gantry copy`: a manifest of objects to copies of them.

use crate::args::CopyArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &CopyArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let new = args.copy().prepare(&state)?;
    run::execute(context, &state, new).await
}
