//! `gantry runs`: every run, the newest first.

use ports::{ExecutionRow, ExecutionStatus};
use serde_json::json;

use crate::composition::Composition;
use crate::exit_code::{Exit, Failure};
use crate::output;
use crate::state::{Opened, State};

/// Columns that a manifest's name may take.
const MANIFEST_WIDTH: usize = 50;

pub(crate) async fn execute(opened: Opened) -> Result<Exit, Failure> {
    let state = opened.shared()?;
    let rows = state.all_runs().await?;
    if state.output.json {
        list_json(&state, &rows);
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        state.output.say("no runs yet");
        return Ok(Exit::Success);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(&state, row)).collect();
    for line in output::table(&["RUN", "STATUS", "STARTED (UTC)", "TOOK", "MANIFEST"], &cells) {
        if !state.output.data(line) {
            break;
        }
    }
    Ok(Exit::Success)
}

fn list_json(state: &State, rows: &[ExecutionRow]) {
    for row in rows {
        let line = json!({
            "run": row.name, "status": row.status, "stateMachine": row.state_machine,
            "started": row.started.to_string(), "stopped": row.stopped.map(|stopped| stopped.to_string()),
            "manifest": manifest(row), "error": row.error, "rerunOf": row.rerun_of,
        });
        if !state.output.data(line.to_string()) {
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
    Composition::of(row).map_or_else(|_unknown| "?".to_owned(), |composition| composition.manifest)
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
