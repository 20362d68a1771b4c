//! `gantry failures`: the items of a run that failed, and that no redrive of it has brought since.

use manifest::{Outcome, Status};

use runs::LatestOutcomes;

use crate::args::RunArg;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

pub(crate) async fn execute(context: &Context, args: &RunArg) -> Result<Exit, CliError> {
    let state = context.open_shared()?;
    let row = state.find_run(&args.run).await?;
    let name = row.name.clone();
    let lineage = state.lineage(row).await?;
    let mut outcomes = LatestOutcomes::new(&state, &lineage)?;
    let mut failed = 0;
    while let Some(outcome) = outcomes.next().await? {
        if outcome.status != Status::Failed {
            continue;
        }
        failed += 1;
        if !context.output.data(line(context, &outcome)?)? {
            return Ok(Exit::Success);
        }
    }
    if failed == 0 {
        context.output.say(format!("no item of {name} has failed"));
    }
    Ok(Exit::Success)
}

fn line(context: &Context, outcome: &Outcome) -> Result<String, CliError> {
    if context.output.json {
        return serde_json::to_string(outcome).map_err(|error| CliError::internal(error.to_string()));
    }
    let (name, message) = outcome
        .error
        .as_ref()
        .map_or(("?", ""), |error| (error.name.as_str(), error.message.as_str()));
    let to = outcome
        .destination
        .as_ref()
        .map(|to| format!(" -> {to}"))
        .unwrap_or_default();
    let line = format!("{}\t{name}\t{}{to}\t{message}", outcome.index, outcome.subject.shown());
    Ok(line.split('\t').map(output::printable).collect::<Vec<_>>().join("\t"))
}
