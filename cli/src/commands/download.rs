//! `gantry download`: a manifest of URLs to files.

use crate::args::DownloadArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};

use super::run;

pub(crate) async fn execute(context: &Context, args: &DownloadArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let new = args.download().prepare(&state)?;
    run::execute(context, &state, new).await
}
