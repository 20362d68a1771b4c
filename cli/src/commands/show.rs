//! `gantry show`: one run in full.

use engine::MapRunDescription;
use ports::{ExecutionRow, Ledger as _};
use runs::{RunStatus, RunSummary, State, cause_of, short_name};
use serde_json::json;

use crate::args::RunArg;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

use super::run::error_lines;
use super::runs::{manifest, status};

/// Map runs that are listed.
const MAP_RUNS_SHOWN: usize = 100;
/// Hosts that are listed.
const HOSTS_SHOWN: usize = 5;

pub(crate) async fn execute(context: &Context, args: &RunArg) -> Result<Exit, CliError> {
    let state = context.open_shared()?;
    let row = state.find_run(&args.run).await?;
    let found = RunSummary::read(&state, &row).await?;
    let map_runs = map_runs_of(&state, &row).await?;
    if context.output.json {
        let resume = (state.status(&row) == RunStatus::Interrupted).then(|| context.resume(&row.name));
        context.output.data(
            json!({
                "run": row.name, "arn": row.arn, "status": state.status(&row), "resume": resume, "stateMachine": row.state_machine,
                "manifest": manifest(&row), "started": row.started.to_string(),
                "stopped": row.stopped.map(|stopped| stopped.to_string()), "error": row.error, "cause": row.cause,
                "rerunOf": row.rerun_of, "summary": found, "mapRuns": map_runs,
            })
            .to_string(),
        )?;
        return Ok(Exit::Success);
    }
    for line in lines(context, &state, &row, found.as_ref(), &map_runs).await? {
        if !context.output.data(line)? {
            break;
        }
    }
    Ok(Exit::Success)
}

async fn lines(
    context: &Context,
    state: &State,
    row: &ExecutionRow,
    found: Option<&RunSummary>,
    map_runs: &[MapRunDescription],
) -> Result<Vec<String>, CliError> {
    let until = row.stopped.unwrap_or_else(|| state.clock.now());
    let mut lines = vec![
        format!("run        {}", row.name),
        format!("status     {}", status_line(state, row)),
        format!("manifest   {}", output::printable(&manifest(row))),
        format!(
            "started    {} UTC, {} ago; took {}",
            output::moment(row.started),
            output::duration(state.clock.now().since(row.started)),
            output::duration(until.since(row.started))
        ),
        format!("machine    {}", row.state_machine),
    ];
    if let Some(earlier) = &row.rerun_of {
        lines.push(format!("rerun of   {}", short_name(earlier)));
    }
    if let Some(error) = &row.error {
        lines.push(format!("error      {error}: {}", output::printable(&cause_of(row))));
    }
    if let Some(found) = found {
        lines.extend(numbers(found));
    }
    lines.extend(map_runs.iter().map(map_run));
    for newer in state.lineage(row.clone()).await?.iter().skip(1) {
        lines.push(redrive(state, newer).await?);
    }
    if state.status(row) == RunStatus::Interrupted {
        lines.push(format!("resume     {}", context.resume(&row.name)));
    }
    Ok(lines)
}

/// The status, and what else there is to say of a run that has not ended.
fn status_line(state: &State, row: &ExecutionRow) -> String {
    match state.status(row) {
        RunStatus::Running => "running, in another process".to_owned(),
        ended @ (RunStatus::Interrupted
        | RunStatus::Succeeded
        | RunStatus::Failed
        | RunStatus::TimedOut
        | RunStatus::Aborted) => status(ended).to_owned(),
    }
}

/// Its map runs, the oldest first: one for each round.
async fn map_runs_of(state: &State, row: &ExecutionRow) -> Result<Vec<MapRunDescription>, CliError> {
    let mut listed = state.records.map_runs(&row.arn, 0, MAP_RUNS_SHOWN).await?;
    listed.reverse();
    let described = listed
        .into_iter()
        .filter_map(|(arn, state)| MapRunDescription::from_ledger(&arn, state));
    Ok(described.collect())
}

fn map_run(described: &MapRunDescription) -> String {
    let counts = described.execution_counts;
    let parts = [
        (counts.succeeded, "succeeded"),
        (counts.failed, "failed"),
        (counts.timed_out, "timed out"),
        (counts.aborted, "aborted"),
        (counts.pending, "pending"),
        (counts.pending_redrive, "pending redrive"),
    ];
    let parts = parts.iter().filter(|(count, name)| *count > 0 || *name == "succeeded");
    let parts: Vec<String> = parts
        .map(|(count, name)| format!("{} {name}", output::number(*count)))
        .collect();
    let id = described.map_run_arn.0.rsplit(':').next().unwrap_or_default();
    format!("map run    {id}: children {}", parts.join(", "))
}

/// A run that redrives it, and how many of its items that has brought.
async fn redrive(state: &State, row: &ExecutionRow) -> Result<String, CliError> {
    let brought = RunSummary::read(state, row).await?.map_or_else(String::new, |found| {
        let (succeeded, items) = (output::number(found.counts.succeeded), output::items(found.items));
        format!(": {succeeded} of {items} succeeded")
    });
    Ok(format!("redriven   {}{brought}", row.name))
}

fn numbers(found: &RunSummary) -> Vec<String> {
    let mut lines = vec![format!(
        "items      {}: {} succeeded, {} failed, {} skipped, {} pending",
        output::number(found.items),
        output::number(found.counts.succeeded),
        output::number(found.counts.failed),
        output::number(found.counts.skipped),
        output::number(found.counts.pending)
    )];
    lines.push(format!(
        "bytes      {}; {} requests in {} round{}",
        output::bytes(found.counts.bytes),
        output::number(found.attempts),
        found.rounds,
        if found.rounds == 1 { "" } else { "s" }
    ));
    let mut times: Vec<_> = found.milliseconds.iter().collect();
    // `p50` before `p100`.
    times.sort_by_key(|(percentile, _)| (percentile.len(), percentile.as_str()));
    let times: Vec<String> = times
        .into_iter()
        .map(|(percentile, milliseconds)| format!("{percentile} {milliseconds} ms"))
        .collect();
    if !times.is_empty() {
        lines.push(format!("an item    {}", times.join(", ")));
    }
    if !found.errors.is_empty() {
        lines.push("errors".to_owned());
        lines.extend(error_lines(&found.errors));
    }
    for (host, count) in found.worst_hosts.iter().take(HOSTS_SHOWN) {
        lines.push(format!(
            "  {:>9}  failed at {}",
            output::number(*count),
            output::printable(host)
        ));
    }
    if let Some(report) = &found.report {
        lines.push(format!("report     {report}"));
    }
    lines
}
