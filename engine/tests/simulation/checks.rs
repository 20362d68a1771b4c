//! What is promised of an execution that is over, and what a story with crashes must have in common with one without.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use engine::{RunEnd, Stop};
use ports::{Clock, ExecutionFilter, ExecutionStatus, Journal, Ledger, LedgerState, MapRunStatus};
use serde_json::{Value, json};

use super::life::{End, Life};
use super::script::FIRST_ITEM;
use super::story::Told;
use super::world::{World, all, done};

/// How many children the maps of the story have committed.
pub(crate) fn children(told: &Told) -> u64 {
    told.world.seen.lock().unwrap().commits.values().map(done).sum()
}

/// Nothing more happens, what was written can be read, the history is one.
pub(crate) async fn over(told: &Told) {
    let world = &told.world;
    assert_ne!(told.row.status, ExecutionStatus::Running);
    let before = (world.work.lock().unwrap().invoked, writes(world));
    world
        .clock
        .sleep_until(world.clock.now().plus(Duration::from_hours(1_000)))
        .await;
    let life = Life::new(Arc::clone(&world.clock), Arc::default(), End::None, None);
    let engine = world.engine(&Arc::new(life));
    let again = engine.run(&told.row.arn, &Stop::default()).await.unwrap();
    assert_eq!(again, RunEnd::Ended(Box::new(told.row.clone())), "an end is final");
    let after = (world.work.lock().unwrap().invoked, writes(world));
    assert_eq!(before, after, "nothing happens after the end");
    read_back(world).await;
    history(&engine.history(&told.row.arn).await.unwrap(), told.row.status);
    outcomes(told);
}

fn writes(world: &World) -> (u64, usize) {
    let records = world.seen.lock().unwrap().records.values().map(Vec::len).sum();
    (world.story.lock().unwrap().writes, records)
}

async fn read_back(world: &World) {
    let (records, commits) = {
        let seen = world.seen.lock().unwrap();
        (seen.records.clone(), seen.commits.clone())
    };
    for (arn, records) in records {
        assert_eq!(world.journal.read(&arn, 0, usize::MAX).await.unwrap(), records);
    }
    for (arn, state) in commits {
        assert!(state.is_over(), "`{arn}` goes on after its execution: {state:?}");
        assert_eq!(world.ledger.state(&arn).await.unwrap(), Some(state));
        let running = ExecutionFilter::children_of(&arn).with_status(ExecutionStatus::Running);
        let orphans = world.journal.executions(&running, None, 1).await.unwrap().items;
        assert!(orphans.is_empty(), "a child goes on after its map run: {orphans:?}");
    }
}

/// Numbered from 1, each event follows an earlier one, and only the last one is an end.
fn history(events: &[asl::HistoryEvent], status: ExecutionStatus) {
    for (id, event) in (1..).zip(events) {
        assert_eq!(event.id, id);
        assert!(event.previous_event_id < id, "{event:?}");
        assert!(events[0].timestamp <= event.timestamp);
    }
    let end = match status {
        ExecutionStatus::Running => "none",
        ExecutionStatus::Succeeded => "ExecutionSucceeded",
        ExecutionStatus::Failed => "ExecutionFailed",
        ExecutionStatus::TimedOut => "ExecutionTimedOut",
        ExecutionStatus::Aborted => "ExecutionAborted",
    };
    let ends = |event: &asl::HistoryEvent| event.kind.as_str().starts_with("Execution");
    let kinds: Vec<&str> = events
        .iter()
        .filter(|event| ends(event))
        .map(|event| event.kind.as_str())
        .collect();
    match &kinds[..] {
        ["ExecutionStarted", last] | ["ExecutionStarted", _, "ExecutionRedriven", last] => assert_eq!(*last, end),
        other => panic!("{other:?}"),
    }
    assert_eq!(events.last().unwrap().kind.as_str(), end);
}

/// Every item of a map run that went to its end has exactly one outcome.
fn outcomes(told: &Told) {
    let output = output(told);
    for (name, map) in told.world.script.maps.iter().filter(|(_, map)| map.distributed) {
        let Some(ledger) = ledger(&told.world, name) else {
            continue;
        };
        let Some(result) = result_of(&output, name) else {
            continue;
        };
        assert_eq!(all(ledger.executions), map.children(), "children of `{name}`");
        assert_eq!(all(ledger.items), map.items, "items of `{name}`");
        let items: Vec<u64> = if map.writer {
            let records = records(&told.world, result);
            let sizes = records.values().map(Vec::len).collect::<Vec<_>>();
            assert_eq!(
                sizes.iter().sum::<usize>() as u64,
                map.children(),
                "records of `{name}`"
            );
            let succeeded = records.get("SUCCEEDED").map_or(0, Vec::len);
            assert_eq!(succeeded as u64, ledger.executions.succeeded);
            records.values().flatten().flat_map(items_of_record).collect()
        } else {
            let outputs = result.as_array().unwrap();
            assert_eq!(outputs.len() as u64, ledger.executions.succeeded, "outputs of `{name}`");
            outputs.iter().flat_map(items_of).collect()
        };
        let once: BTreeSet<u64> = items.iter().copied().collect();
        assert_eq!(
            once.len(),
            items.len(),
            "an item of `{name}` has two outcomes: {items:?}"
        );
        assert!(once.iter().all(|n| (FIRST_ITEM..FIRST_ITEM + map.items).contains(n)));
        let expected = if map.writer { map.items } else { ledger.items.succeeded };
        assert_eq!(items.len() as u64, expected, "items of `{name}` with an outcome");
    }
}

fn output(told: &Told) -> Value {
    let output = told.row.output.as_ref();
    output.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// What a Map has come to, wherever it stands in the output.
fn result_of<'a>(output: &'a Value, name: &str) -> Option<&'a Value> {
    match output {
        Value::Object(members) => {
            let here = members.get(name);
            here.or_else(|| members.values().find_map(|value| result_of(value, name)))
        }
        Value::Array(elements) => elements.iter().find_map(|value| result_of(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn ledger(world: &World, name: &str) -> Option<LedgerState> {
    let seen = world.seen.lock().unwrap();
    seen.commits.get(seen.map_runs.get(name)?).cloned()
}

/// The items in a child's input or output.
fn items_of(child: &Value) -> Vec<u64> {
    let number = |item: &Value| {
        let n = &item["n"];
        n.as_u64().or_else(|| n.as_str()?.parse().ok())
    };
    match child["Items"].as_array() {
        Some(items) => items.iter().filter_map(number).collect(),
        None => number(child).into_iter().collect(),
    }
}

fn items_of_record(record: &Value) -> Vec<u64> {
    items_of(&serde_json::from_str(record["Input"].as_str().unwrap()).unwrap())
}

/// The records of a map run's files by their status, in the order of their inputs, without what chance has a part in.
fn records(world: &World, result: &Value) -> BTreeMap<String, Vec<Value>> {
    let object = |key: &Value| -> Value {
        let key = key.as_str().unwrap();
        let body = world.store.bytes("bucket", key);
        serde_json::from_slice(&body.unwrap_or_else(|| panic!("no `{key}`"))).unwrap()
    };
    let manifest = object(&result["ResultWriterDetails"]["Key"]);
    let mut found = BTreeMap::new();
    for (status, files) in manifest["ResultFiles"].as_object().unwrap() {
        let files = files.as_array().unwrap().iter();
        let mut records: Vec<Value> = files
            .flat_map(|file| object(&file["Key"]).as_array().unwrap().clone())
            .map(without_chance)
            .collect();
        records.sort_by_key(|record| record["Input"].to_string());
        found.insert(status.clone(), records);
    }
    found
}

fn without_chance(mut record: Value) -> Value {
    let members = record.as_object_mut().unwrap();
    for name in ["ExecutionArn", "Name", "StartDate", "StopDate"] {
        assert!(members.remove(name).is_some(), "a record has a `{name}`");
    }
    if let Some(Value::String(output)) = members.get_mut("Output") {
        *output = without_children(output);
    }
    record
}

/// Answers without the child that asked: another map run has other children.
fn without_children(text: &str) -> String {
    let mut parts = text.split(" by ");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once(';').map_or(part, |(_, rest)| rest));
    rest.fold(first, |text, part| text + ";" + part)
}

/// Every map run that is in the output has done all of its items, in one attempt or another. Returns how many were
/// redriven.
pub(crate) fn all_succeeded(told: &Told) -> u64 {
    assert_eq!(told.row.status, ExecutionStatus::Succeeded, "{:?}", told.row);
    assert_eq!(told.row.redrive_count, 1);
    let output = output(told);
    let mut redriven = 0;
    for (name, map) in told.world.script.maps.iter().filter(|(_, map)| map.distributed) {
        let (Some(ledger), Some(_)) = (ledger(&told.world, name), result_of(&output, name)) else {
            continue;
        };
        // A run that had succeeded before keeps what it tolerated.
        if ledger.redrives() > 0 {
            assert_eq!(ledger.executions.succeeded, map.children(), "children of `{name}`");
            assert_eq!(ledger.items.succeeded, map.items, "items of `{name}`");
            assert_eq!(ledger.pending_redrive, ports::Amount::default());
            redriven += 1;
        }
    }
    redriven
}

/// The same outcome, output, files and counts.
pub(crate) fn same(expected: &Told, found: &Told) {
    let ending = |told: &Told| (told.row.status, told.row.error.clone(), told.row.cause.clone());
    assert_eq!(ending(expected), ending(found), "the end");
    let (wanted, got) = (output(expected), output(found));
    for (name, map) in expected.world.script.maps.iter().filter(|(_, map)| map.distributed) {
        let (Some(wanted), Some(got)) = (result_of(&wanted, name), result_of(&got, name)) else {
            continue;
        };
        let (left, right) = (ledger(&expected.world, name), ledger(&found.world, name));
        assert_eq!(
            left.as_ref().map(counts),
            right.as_ref().map(counts),
            "counts of `{name}`"
        );
        if map.writer {
            let (left, right) = (records(&expected.world, wanted), records(&found.world, got));
            assert_eq!(left, right, "result files of `{name}`");
        }
    }
    assert_eq!(comparable(&wanted), comparable(&got), "the output");
}

const fn counts(state: &LedgerState) -> (ports::Counts, ports::Counts, u64, MapRunStatus) {
    (state.executions, state.items, state.low_water, state.status)
}

/// The output without the names of map runs: a run that a broken store has ended leaves its name to nobody.
fn comparable(output: &Value) -> Value {
    match output {
        Value::Object(members) if members.contains_key("MapRunArn") => json!("written"),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), comparable(value)));
            members.collect()
        }
        Value::Array(elements) => elements.iter().map(comparable).collect(),
        Value::String(text) => Value::String(without_children(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => output.clone(),
    }
}
