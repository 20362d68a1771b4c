//! `gantry failures`: the items of a run that failed, and that no redrive of it has brought since.

use manifest::{Outcome, Status};

use crate::args::RunArg;
use crate::exit_code::{Exit, Failure};
use crate::newest::Newest;
use crate::output;
use crate::state::{Opened, State};

pub(crate) async fn execute(opened: Opened, args: &RunArg) -> Result<Exit, Failure> {
    let state = opened.shared()?;
    let row = state.find_run(&args.run).await?;
    let name = row.name.clone();
    let lineage = state.lineage(row).await?;
    let mut outcomes = Newest::of(&*state.objects, &lineage)?;
    let mut failed = 0;
    while let Some(outcome) = outcomes.next().await? {
        if outcome.status != Status::Failed {
            continue;
        }
        failed += 1;
        if !state.output.data(line(&state, &outcome)?) {
            return Ok(Exit::Success);
        }
    }
    if failed == 0 {
        state.output.say(format!("no item of {name} has failed"));
    }
    Ok(Exit::Success)
}

fn line(state: &State, outcome: &Outcome) -> Result<String, Failure> {
    if state.output.json {
        return serde_json::to_string(outcome).map_err(|error| Failure::internal(error.to_string()));
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
