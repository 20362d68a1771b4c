//! Item readers against what AWS recorded, through the whole engine over a store in memory.
//!
//! `GANTRY_GOLDEN=DIR cargo test -p gantry-engine --test readers_recorded`. Unset, it says so and passes.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{ExecutionRow, Timestamp, memory};
use serde_json::{Value, json};

/// Recorded in 2023, when the entries of an object were no items yet; they are since (seen at AWS in 2026-07).
const OUTDATED: &str = "map_item_reader_json_no_json_list_object";

async fn run(case: &Value) -> ExecutionRow {
    let store = memory::ObjectStore::default();
    for object in case["s3_objects"].as_array().into_iter().flatten() {
        let text = |name: &str| object[name].as_str().unwrap().to_owned();
        store.insert(&text("bucket"), &text("key"), text("body"));
    }
    let ports = Ports {
        store: Arc::new(store),
        invoker: Arc::new(memory::TaskInvoker::default()),
        journal: Arc::new(memory::Journal::default()),
        ledger: Arc::new(memory::Ledger::default()),
        clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
    };
    let settings = Settings {
        account: "111111111111".to_owned(),
        region: "us-east-1".to_owned(),
        halt_on: BTreeSet::new(),
    };
    let engine = Engine::new(ports, settings);
    let new = NewExecution {
        state_machine: "machine".to_owned(),
        definition: case["definition"].as_str().unwrap().to_owned(),
        name: "execution-name".to_owned(),
        input: case["input"].as_str().unwrap_or("{}").to_owned(),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    };
    let arn = engine.start(new).await.unwrap();
    let RunEnd::Ended(row) = engine.run(&arn, &Stop::default()).await.unwrap() else {
        panic!("nobody asked it to stop");
    };
    *row
}

/// The end in the form of the recordings.
fn end(row: &ExecutionRow) -> Value {
    match &row.output {
        Some(output) => json!({"status": "SUCCEEDED", "output": serde_json::from_str::<Value>(output).unwrap()}),
        None => json!({"status": "FAILED", "error": row.error, "cause": row.cause}),
    }
}

#[tokio::test(start_paused = true)]
async fn item_readers_end_as_aws_recorded() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one way to tell the harness where the cases lie"
    )]
    let folder = std::env::var("GANTRY_GOLDEN");
    let Ok(folder) = folder else {
        println!("GANTRY_GOLDEN is not set: no recorded cases to replay");
        return;
    };
    let mut replayed = 0;
    for entry in std::fs::read_dir(Path::new(&folder).join("scenarios_map-itemreader")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let id = case["id"].as_str().unwrap();
        let (found, expected) = (end(&run(&case).await), &case["expect"]["final"]);
        if id.contains(OUTDATED) {
            assert_eq!(found["output"], json!([{"Key": "Hello", "Value": "world"}]), "{id}");
        } else {
            // As text: the order of the members counts.
            assert_eq!(found.to_string(), expected.to_string(), "{id}");
        }
        replayed += 1;
    }
    println!("{replayed} recorded item readers replayed");
    assert!(replayed >= 14, "{replayed} cases");
}
