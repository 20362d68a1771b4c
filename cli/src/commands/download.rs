//! `gantry download`: a manifest of URLs to files.

use crate::args::DownloadArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &DownloadArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let new = args.download().prepare(&state)?;
    if args.run.dry_run {
        return run::rehearse(context, &state, &new).await;
    }
    let checked = if args.run.verify { None } else { run::CHECKED };
    run::execute(context, &state, new, checked).await
}
