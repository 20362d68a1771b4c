//! `gantry runs`: every run, the newest first.

use ports::{ExecutionRow, ExecutionStatus};
use runs::{RunSpec, State};
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
        list_json(context, &rows);
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        context.output.say("no runs yet");
        return Ok(Exit::Success);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(&state, row)).collect();
    for line in output::table(&["RUN", "STATUS", "STARTED (UTC)", "TOOK", "MANIFEST"], &cells) {
        if !context.output.data(line) {
            break;
        }
    }
    Ok(Exit::Success)
}

fn list_json(context: &Context, rows: &[ExecutionRow]) {
    for row in rows {
        let line = json!({
            "run": row.name, "status": row.status, "stateMachine": row.state_machine,
            "started": row.started.to_string(), "stopped": row.stopped.map(|stopped| stopped.to_string()),
            "manifest": manifest(row), "error": row.error, "rerunOf": row.rerun_of,
        });
        if !context.output.data(line.to_string()) {
            return;
        }
    }
}

fn cells(state: &State, row: &ExecutionRow) -> Vec<String> {
    let until = row.stopped.unwrap_or_else(|| state.clock.now());
    vec![
        row.name.clone(),
        status(row.status).to_owned(),
        output::moment(row.started),
        output::duration(until.since(row.started)),
        output::cut(&output::printable(&manifest(row)), MANIFEST_WIDTH),
    ]
}

/// The manifest as it was typed.
pub(crate) fn manifest(row: &ExecutionRow) -> String {
    RunSpec::from_row(row).map_or_else(|_unknown| "?".to_owned(), |spec| spec.manifest)
}

/// A status as people say it. A run that is not running here may have been interrupted; the record cannot tell.
pub(crate) const fn status(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Running => "unfinished",
        ExecutionStatus::Succeeded => "succeeded",
        ExecutionStatus::Failed => "failed",
        ExecutionStatus::TimedOut => "timed out",
        ExecutionStatus::Aborted => "aborted",
    }
}
