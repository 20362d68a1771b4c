//! `gantry explain`: everything that is known of one item.

use manifest::{Outcome, Status};
use ports::ExecutionRow;
use runs::State;

use crate::args::ExplainArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

/// One outcome of the item, and where it stands.
struct Attempt {
    run: String,
    key: String,
    outcome: Outcome,
}

pub(crate) async fn execute(context: &Context, args: &ExplainArgs) -> Result<Exit, CliError> {
    let state = context.open_shared()?;
    let row = state.find_run(&args.run).await?;
    let attempts = attempts(&state, row, &args.item).await?;
    let Some(last) = attempts.last() else {
        let text = format!("the run and its redrives have no outcome of an item `{}`", args.item);
        return Err(CliError::usage(text)
            .with_hint("give the item's URL, s3://bucket/key, or its zero-based position in the manifest"));
    };
    if context.output.json {
        for attempt in &attempts {
            let line = serde_json::json!({"run": attempt.run, "object": attempt.key, "outcome": attempt.outcome});
            context.output.data(line.to_string())?;
        }
        return Ok(Exit::Success);
    }
    let head = format!(
        "item {}: {}",
        last.outcome.index,
        output::printable(&last.outcome.subject.shown())
    );
    context.output.data(head)?;
    for attempt in &attempts {
        for line in lines(attempt) {
            context.output.data(line)?;
        }
    }
    Ok(Exit::Success)
}

/// The item's outcomes in the run and in all that redrive it, the earliest first.
async fn attempts(state: &State, row: ExecutionRow, item: &str) -> Result<Vec<Attempt>, CliError> {
    let mut attempts = Vec::new();
    for row in state.lineage(state.first_of(row).await?).await? {
        let mut outcomes = state.objects_of(&row).await?.attempts().await?;
        while let Some((key, outcome)) = outcomes.next().await? {
            if is_item(&outcome, item) {
                let run = row.name.clone();
                attempts.push(Attempt { run, key, outcome });
            }
        }
    }
    Ok(attempts)
}

fn is_item(outcome: &Outcome, typed: &str) -> bool {
    let subject = &outcome.subject;
    typed.parse() == Ok(outcome.index) || subject.name() == typed || subject.shown() == typed
}

fn lines(attempt: &Attempt) -> Vec<String> {
    let outcome = &attempt.outcome;
    let status = match outcome.status {
        Status::Succeeded => "succeeded",
        Status::Failed => "failed",
        Status::Pending => "pending",
        Status::Skipped => "skipped",
    };
    let code = outcome
        .status_code
        .map(|code| format!(", status {code}"))
        .unwrap_or_default();
    let mut lines = vec![format!(
        "{}  {status}{code}, {} request{} in {} ms",
        attempt.run,
        outcome.attempts,
        if outcome.attempts == 1 { "" } else { "s" },
        outcome.milliseconds
    )];
    if let Some(error) = &outcome.error {
        lines.push(format!("    {}: {}", error.name, output::printable(&error.message)));
    }
    if let Some(place) = outcome.position {
        lines.push(format!(
            "    record {}, line {}, byte {} of the manifest",
            place.record, place.line, place.byte
        ));
    }
    if let Some(destination) = &outcome.destination {
        lines.push(format!(
            "    {}, {}",
            output::printable(destination),
            output::bytes(outcome.bytes)
        ));
    }
    if let Some(checksum) = &outcome.checksum {
        lines.push(format!("    {checksum}"));
    }
    lines.push(format!("    in {}", attempt.key));
    lines
}
