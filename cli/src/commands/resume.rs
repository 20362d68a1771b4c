//! `gantry resume`: a run that was interrupted, whatever command has started it.

use std::path::PathBuf;

use ports::{ExecutionRow, ExecutionStatus};
use serde_json::Value;

use crate::args::RunArg;
use crate::composition::Composition;
use crate::exit_code::{Exit, Failure};
use crate::input;
use crate::state::{Opened, State};

use super::run;

pub(crate) async fn execute(opened: Opened, args: &RunArg) -> Result<Exit, Failure> {
    let state = opened.exclusive()?;
    let row = state.find_run(&args.run).await?;
    if row.status != ExecutionStatus::Running {
        let text = format!("{} has ended", row.name);
        let again = format!("run what failed again: gantry redrive {}{}", row.name, state.flag());
        return Err(Failure::usage(text).with_hint(again));
    }
    go_on(state, &row).await
}

/// Goes on with a run as it was set up.
pub(crate) async fn go_on(state: State, row: &ExecutionRow) -> Result<Exit, Failure> {
    let mut composition = Composition::of(row)?;
    if let Some((bucket, path)) = local_manifest(row, &composition)? {
        composition.pin(&bucket, input::pin_of(&path)?);
    }
    run::resume(state, row, &composition).await
}

/// The manifest's bucket and file, if it is on this machine and not gantry's own.
fn local_manifest(row: &ExecutionRow, composition: &Composition) -> Result<Option<(String, PathBuf)>, Failure> {
    let input: Value = serde_json::from_str(&row.input)
        .map_err(|error| Failure::internal(format!("failed to read the input of `{}`: {error}", row.name)))?;
    let text = |at: &str| input.pointer(at).and_then(Value::as_str);
    let (Some(bucket), Some(key)) = (text("/manifest/bucket"), text("/manifest/key")) else {
        return Ok(None);
    };
    let mount = composition.mounts.get(bucket);
    Ok(mount.map(|mount| (bucket.to_owned(), mount.dir.join(key))))
}
