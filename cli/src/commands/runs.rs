//! `gantry runs`: every run, the newest first.

use ports::ExecutionRow;
use runs::{RunSpec, RunStatus, State};
use serde_json::json;

use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

/// Columns that a manifest's name may take.
const MANIFEST_WIDTH: usize = 50;

pub(crate) async fn execute(context: &Context) -> Result<Exit, CliError> {
    let state = context.open_shared()?;
    let rows = state.all_runs().await?;
    if context.output.json {
        list_json(context, &state, &rows)?;
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        context.output.say("no runs yet");
        return Ok(Exit::Success);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(&state, row)).collect();
    for line in output::table(&["RUN", "STATUS", "STARTED (UTC)", "TOOK", "SIZE", "MANIFEST"], &cells) {
        if !context.output.data(line)? {
            break;
        }
    }
    Ok(Exit::Success)
}

fn list_json(context: &Context, state: &State, rows: &[ExecutionRow]) -> Result<(), CliError> {
    for row in rows {
        let line = json!({
            "run": row.name, "status": state.status(row), "bytes": state.size_of(row), "stateMachine": row.state_machine,
            "started": row.started.to_string(), "stopped": row.stopped.map(|stopped| stopped.to_string()),
            "manifest": manifest(row), "error": row.error, "rerunOf": row.rerun_of,
        });
        if !context.output.data(line.to_string())? {
            break;
        }
    }
    Ok(())
}

fn cells(state: &State, row: &ExecutionRow) -> Vec<String> {
    let until = row.stopped.unwrap_or_else(|| state.clock.now());
    vec![
        row.name.clone(),
        status(state.status(row)).to_owned(),
        output::moment(row.started),
        output::duration(until.since(row.started)),
        output::bytes(state.size_of(row)),
        output::cut(&output::printable(&manifest(row)), MANIFEST_WIDTH),
    ]
}

/// The manifest as it was typed.
pub(crate) fn manifest(row: &ExecutionRow) -> String {
    RunSpec::from_row(row).map_or_else(|_unknown| "?".to_owned(), |spec| spec.manifest)
}

/// A status as people say it.
pub(crate) const fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Interrupted => "interrupted",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::TimedOut => "timed out",
        RunStatus::Aborted => "aborted",
    }
}
