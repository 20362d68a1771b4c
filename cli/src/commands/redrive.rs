//! `gantry redrive`: the failed items of a run again, in a new run over a rest of them.

use manifest::{ErrorClass, Outcome, Rest, Status, error_name};
use ports::{ExecutionRow, ExecutionStatus, ObjectBody, ObjectKey, ObjectStore, PutOptions};
use serde_json::{Value, json};

use crate::args::{Filter, RedriveArgs};
use crate::composition::{Action, Composition, Machine, STATE_BUCKET};
use crate::exit_code::{Exit, Failure};
use crate::input::set;
use crate::newest::Newest;
use crate::state::{Opened, State};

use super::resume;
use super::run::{self, NewRun};

pub(crate) async fn execute(opened: Opened, args: &RedriveArgs) -> Result<Exit, Failure> {
    let state = opened.exclusive()?;
    let lineage = lineage(&state, args).await?;
    let Some(row) = lineage.first() else {
        return Err(Failure::internal("a run is of its own lineage"));
    };
    if let Some(interrupted) = interrupted(&lineage, &args.only).filter(|_| !args.new) {
        return resume::go_on(state, interrupted).await;
    }
    let rest = matching(&state, &lineage, &args.only).await?;
    if rest.is_empty() {
        state.output.say(format!("no item of {} is {}", row.name, args.only));
        return Ok(Exit::Success);
    }
    let at = keep(&state, row, &rest).await?;
    let mut composition = Composition::of(row)?;
    let input = input(row, &composition, &at)?;
    composition.only = Some(args.only.to_string());
    let run = NewRun {
        machine: Machine::ManifestMap,
        digest: at.key.clone(),
        input,
        composition,
        rerun_of: Some(row.arn.clone()),
        new: args.new,
    };
    run::execute(state, run).await
}

/// The run that is to be redriven, and all that redrive it. The latest run is never an interrupted redrive: that is gone on
/// with, for the run that it redrives.
async fn lineage(state: &State, args: &RedriveArgs) -> Result<Vec<ExecutionRow>, Failure> {
    let mut row = state.find_run(&args.run.run).await?;
    while row.status == ExecutionStatus::Running {
        let Some(of) = &row.rerun_of else {
            let text = format!("{} has not ended", row.name);
            let first = format!("go on with it first: gantry resume {}{}", row.name, state.flag());
            return Err(Failure::usage(text).with_hint(first));
        };
        row = state.find_run(run::short_name(of)).await?;
    }
    state.lineage(row).await
}

/// A redrive of these items that was interrupted.
fn interrupted<'a>(lineage: &'a [ExecutionRow], only: &Filter) -> Option<&'a ExecutionRow> {
    let only = only.to_string();
    let mut redrives = lineage.iter().skip(1).rev();
    redrives.find(|row| {
        let asked = Composition::of(row).ok().and_then(|composition| composition.only);
        row.status == ExecutionStatus::Running && asked.is_none_or(|asked| asked == only)
    })
}

/// The items that are to be run again, as lines of a rest. What an earlier redrive has brought is not among them.
async fn matching(state: &State, lineage: &[ExecutionRow], only: &Filter) -> Result<Vec<u8>, Failure> {
    let mut outcomes = Newest::of(&*state.objects, lineage)?;
    let mut lines = Vec::new();
    while let Some(outcome) = outcomes.next().await? {
        if is_wanted(&outcome, only) {
            Rest::of(&outcome, outcome.destination.clone()).write(&mut lines);
        }
    }
    Ok(lines)
}

fn is_wanted(outcome: &Outcome, only: &Filter) -> bool {
    let failed = matches!(outcome.status, Status::Failed | Status::Pending);
    let error = outcome.error.as_ref();
    failed
        && match only {
            Filter::Failed => true,
            Filter::Pending => {
                outcome.status == Status::Pending
                    || error.is_some_and(|error| {
                        error.name == error_name::NOT_REACHED && error.class == ErrorClass::Timeout
                    })
            }
            Filter::StatusCode(code) => outcome.status_code == Some(*code),
            Filter::Error(name) => error.is_some_and(|error| error.name == *name),
            Filter::Host(host) => outcome.subject.host().as_deref() == Some(host),
        }
}

/// Writes the rest under a name that its content gives: the same redrive again finds the same object.
async fn keep(state: &State, row: &ExecutionRow, rest: &[u8]) -> Result<ObjectKey, Failure> {
    let digest = xxhash_rust::xxh3::xxh3_128(rest);
    let at = ObjectKey::new(STATE_BUCKET, format!("runs/{}/redrive-{digest:032x}.jsonl", row.name));
    let body = ObjectBody::from(rest.to_vec());
    // The batch list insists on this object's ETag: a redrive that is resumed must find it as it was.
    if state.objects.head(&at).await.is_err() {
        state.objects.put(&at, body, PutOptions::default()).await?;
    }
    Ok(at)
}

/// The input of the first run, over the rest; a small run becomes a large one.
fn input(row: &ExecutionRow, composition: &Composition, at: &ObjectKey) -> Result<Value, Failure> {
    let first: Value = serde_json::from_str(&row.input)
        .map_err(|error| Failure::internal(format!("failed to read the input of `{}`: {error}", row.name)))?;
    let mut input = match &composition.task_destination {
        None => first,
        Some(task) => json!({
            "work": {
                "action": Action::Download.name(),
                "destination": {"bucket": task.bucket, "prefix": task.prefix},
                "name": task.name,
                "lambdaConcur": concurrency(&first),
            },
        }),
    };
    set(
        &mut input,
        "manifest",
        json!({"bucket": at.bucket, "key": at.key, "format": "rest"}),
    );
    // Names that the first run has given stay given.
    if let Some(work) = input.get_mut("work").filter(|work| work.get("namesOf").is_none()) {
        set(work, "namesOf", json!(row.name));
    }
    Ok(input)
}

/// A body's `lambdaConcur`, which may be text.
fn concurrency(body: &Value) -> Value {
    let value = body.get("lambdaConcur");
    let number = value.and_then(Value::as_u64);
    let text = || value.and_then(Value::as_str)?.parse().ok();
    number.or_else(text).map_or(Value::from(5), Value::from)
}
