//! `gantry prune`: removes runs that are no longer needed.

use runs::Prune;
use serde_json::json;

use crate::args::PruneArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

pub(crate) async fn execute(context: &Context, args: &PruneArgs) -> Result<Exit, CliError> {
    let state = context.open_exclusive()?;
    let prune = Prune {
        older_than: args.older_than,
        keep: args.keep,
        max_bytes: args.max_size,
        force: args.force,
    };
    let plan = prune.plan(&state).await?;
    let mut bytes = 0;
    for (row, size) in &plan.removed {
        if !args.dry_run {
            state.remove(row).await?;
        }
        bytes += size;
        let line = if context.output.json {
            json!({"run": row.name, "bytes": size, "removed": !args.dry_run}).to_string()
        } else {
            format!("{}  {}", row.name, output::bytes(*size))
        };
        context.output.data(line)?;
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    let runs = |count: usize| format!("{count} run{}", if count == 1 { "" } else { "s" });
    let removed = runs(plan.removed.len());
    context
        .output
        .say(format!("{verb} {removed}, {}", output::bytes(bytes)));
    if !plan.needed.is_empty() {
        let kept = runs(plan.needed.len());
        let text = format!("kept {kept} that can be resumed or redriven; --force removes these as well");
        context.output.say(text);
    }
    Ok(Exit::Success)
}
