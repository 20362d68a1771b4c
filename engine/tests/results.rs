//! What a map run leaves behind: result files in every form, and what a run that fails half-way still says.
#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::{Engine, Error, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{ExecutionRow, ExecutionStatus, FaultInjector, Faults, Ledger, TaskFailure, Timestamp, memory};
use serde_json::{Value, json};

const WORK: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";

struct World {
    store: Arc<memory::ObjectStore>,
    engine: Engine,
}

/// Items `{"n":0}`, `{"n":1}`, …; those of `bad` fail, the others answer `[n, 10 × n]`.
fn world(items: u64, bad: fn(u64) -> bool) -> World {
    world_over(Arc::new(memory::Ledger::default()), items, bad)
}

fn world_over(ledger: Arc<dyn Ledger>, items: u64, bad: fn(u64) -> bool) -> World {
    let store = Arc::new(memory::ObjectStore::default());
    let lines: Vec<String> = (0..items).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    store.insert("bucket", "items.jsonl", lines.concat());
    let invoker = memory::TaskInvoker::default().with(WORK, move |call| {
        let input: Value = serde_json::from_str(&call.input).unwrap();
        let n = input["n"].as_u64().unwrap();
        let answer = if bad(n) {
            Err(TaskFailure {
                error: "Test.Bad".to_owned(),
                cause: format!("item {n}"),
            })
        } else {
            Ok(json!([n, 10 * n]).to_string())
        };
        async move { answer }
    });
    let ports = Ports {
        store: Arc::<memory::ObjectStore>::clone(&store),
        invoker: Arc::new(invoker),
        journal: Arc::new(memory::Journal::default()),
        ledger,
        clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
    };
    let settings = Settings {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        halt_on: BTreeSet::new(),
    };
    World {
        store,
        engine: Engine::new(ports, settings),
    }
}

/// The fields that all maps have here, and these.
fn map(fields: Value) -> Value {
    let mut map = json!({
        "Type": "Map", "End": true, "MaxConcurrency": 1,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Work",
            "States": {"Work": {"Type": "Task", "Resource": WORK, "End": true}},
        },
    });
    let Value::Object(fields) = fields else {
        panic!("fields")
    };
    map.as_object_mut().unwrap().extend(fields);
    map
}

fn writer(config: Option<Value>) -> Value {
    let mut writer = json!({
        "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bucket", "Prefix": "results"},
    });
    if let Some(config) = config {
        writer["WriterConfig"] = config;
    }
    writer
}

impl World {
    async fn run(&self, map: Value) -> ExecutionRow {
        match self.try_run(map).await.unwrap() {
            RunEnd::Ended(row) => *row,
            RunEnd::Stopped => panic!("nobody asked it to stop"),
        }
    }

    async fn try_run(&self, map: Value) -> Result<RunEnd, Error> {
        self.try_run_machine(json!({"StartAt": "Map", "States": {"Map": map}}))
            .await
    }

    async fn try_run_machine(&self, definition: Value) -> Result<RunEnd, Error> {
        let new = NewExecution {
            state_machine: "machine".to_owned(),
            definition: definition.to_string(),
            name: "run".to_owned(),
            input: "{}".to_owned(),
            identity: None,
            rerun_of: None,
            item_subset: None,
            composition: None,
        };
        let arn = self.engine.start(new).await.unwrap();
        self.engine.run(&arn, &Stop::default()).await
    }

    async fn succeed(&self, map: Value) -> Value {
        let row = self.run(map).await;
        assert_eq!(
            row.status,
            ExecutionStatus::Succeeded,
            "{:?} {:?}",
            row.error,
            row.cause
        );
        serde_json::from_str(&row.output.unwrap()).unwrap()
    }

    /// The one manifest below `results/`.
    fn manifest(&self) -> Value {
        let keys = self.store.keys("bucket");
        let manifests: Vec<&String> = keys.iter().filter(|key| key.ends_with("/manifest.json")).collect();
        assert_eq!(manifests.len(), 1, "{keys:?}");
        serde_json::from_str(&self.text(manifests[0])).unwrap()
    }

    fn text(&self, key: &str) -> String {
        String::from_utf8(self.store.bytes("bucket", key).unwrap().to_vec()).unwrap()
    }

    /// The only file of a status.
    fn file(&self, status: &str) -> String {
        let manifest = self.manifest();
        let files = manifest["ResultFiles"][status].as_array().unwrap();
        assert_eq!(files.len(), 1, "{manifest}");
        self.text(files[0]["Key"].as_str().unwrap())
    }

    fn records(&self, status: &str) -> Vec<Value> {
        serde_json::from_str(&self.file(status)).unwrap()
    }
}

/// `n` of each record's input.
fn inputs(records: &[Value]) -> Vec<u64> {
    let input = |record: &Value| -> Value { serde_json::from_str(record["Input"].as_str().unwrap()).unwrap() };
    records
        .iter()
        .map(|record| input(record)["n"].as_u64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_over_its_tolerated_count_names_what_failed_and_what_never_started() {
    let world = world(20, |n| n >= 5);
    let row = world
        .run(map(json!({"ToleratedFailureCount": 3, "ResultWriter": writer(None)})))
        .await;
    assert_eq!(row.status, ExecutionStatus::Failed);
    assert_eq!(row.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    assert_eq!(inputs(&world.records("SUCCEEDED")), [0, 1, 2, 3, 4]);
    let failed = world.records("FAILED");
    let ended = |status: &str| failed.iter().filter(|record| record["Status"] == status).count();
    assert_eq!((ended("FAILED"), ended("FAILED") + ended("ABORTED")), (4, failed.len()));
    assert_eq!(
        (&failed[0]["Error"], &failed[0]["Cause"]),
        (&json!("Test.Bad"), &json!("item 5"))
    );
    let pending = world.records("PENDING");
    assert_eq!(
        pending[0],
        json!({"Input": pending[0]["Input"], "InputDetails": {"Included": true}, "Status": "PENDING"})
    );
    let unsettled: Vec<u64> = inputs(&failed).into_iter().chain(inputs(&pending)).collect();
    assert_eq!(unsettled, (5..20).collect::<Vec<u64>>(), "every item is in one file");
}

#[tokio::test(start_paused = true)]
async fn children_that_run_when_the_tolerance_is_exceeded_are_aborted() {
    let world = world(10, |n| n == 3);
    let mut fields = map(json!({"MaxConcurrency": 4, "ResultWriter": writer(None)}));
    // All but the fourth wait before they work.
    fields["ItemProcessor"]["StartAt"] = json!("Which");
    fields["ItemProcessor"]["States"]["Which"] = json!({
        "Type": "Choice", "Default": "Pause", "Choices": [{"Variable": "$.n", "NumericEquals": 3, "Next": "Work"}],
    });
    fields["ItemProcessor"]["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 200, "Next": "Work"});
    let row = world.run(fields).await;
    assert_eq!(row.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    let failed = world.records("FAILED");
    let statuses: Vec<&str> = failed.iter().map(|record| record["Status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["FAILED", "ABORTED", "ABORTED", "ABORTED"]);
    assert_eq!(inputs(&failed), [3, 0, 1, 2]);
    assert_eq!(inputs(&world.records("PENDING")), (4..10).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_percentage_is_judged_once_all_items_are_read() {
    for (tolerated, status) in [(49, ExecutionStatus::Failed), (50, ExecutionStatus::Succeeded)] {
        let world = world(10, |n| n % 2 == 0);
        let row = world
            .run(map(
                json!({"ToleratedFailurePercentage": tolerated, "ResultWriter": writer(None)}),
            ))
            .await;
        assert_eq!(row.status, status, "{tolerated} percent");
        assert_eq!(inputs(&world.records("FAILED")), [0, 2, 4, 6, 8]);
        assert_eq!(world.manifest()["ResultFiles"]["PENDING"], json!([]));
    }
}

#[tokio::test(start_paused = true)]
async fn outputs_are_exported_as_the_writer_is_configured() {
    let cases = [
        (
            json!({"Transformation": "COMPACT", "OutputType": "JSON"}),
            "[[1,10],[2,20]]",
        ),
        (
            json!({"Transformation": "COMPACT", "OutputType": "JSONL"}),
            "[1,10]\n[2,20]\n",
        ),
        (
            json!({"Transformation": "FLATTEN", "OutputType": "JSON"}),
            "[1,10,2,20]",
        ),
        (
            json!({"Transformation": "FLATTEN", "OutputType": "JSONL"}),
            "1\n10\n2\n20\n",
        ),
    ];
    for (config, expected) in cases {
        let world = world(3, |n| n == 0);
        let fields = json!({"ToleratedFailureCount": 1, "ResultWriter": writer(Some(config.clone()))});
        let output = world.succeed(map(fields)).await;
        assert!(
            output["ResultWriterDetails"]["Key"]
                .as_str()
                .unwrap()
                .ends_with("/manifest.json")
        );
        assert_eq!(world.file("SUCCEEDED"), expected, "{config}");
        let failed = world.file("FAILED");
        let record = failed.trim_start_matches('[').trim_end_matches([']', '\n']);
        let record: Value = serde_json::from_str(record).unwrap();
        assert_eq!(record["Error"], "Test.Bad", "failures keep their metadata");
    }
}

#[tokio::test(start_paused = true)]
async fn outputs_are_transformed_without_an_export() {
    let without = |transformation: &str| {
        map(json!({"ResultWriter": {"WriterConfig": {"Transformation": transformation, "OutputType": "JSON"}}}))
    };
    let output = world(2, |_| false).succeed(without("COMPACT")).await;
    assert_eq!(output, json!([[0, 0], [1, 10]]));
    let output = world(2, |_| false).succeed(without("FLATTEN")).await;
    assert_eq!(output, json!([0, 0, 1, 10]));
    let output = world(1, |_| false).succeed(without("NONE")).await;
    assert_eq!(
        (&output[0]["Status"], &output[0]["Output"]),
        (&json!("SUCCEEDED"), &json!("[0,0]"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_half_way_keeps_what_was_done() {
    let world = world(3, |_| false);
    let lines = world.text("items.jsonl") + "no JSON\n{\"n\":9}\n";
    world.store.insert("bucket", "items.jsonl", lines);
    let row = world.run(map(json!({"ResultWriter": writer(None)}))).await;
    assert_eq!(row.error.as_deref(), Some("States.ItemReaderFailed"), "{:?}", row.cause);
    let manifest = world.manifest();
    let count = |status: &str| manifest["ResultFiles"][status].as_array().unwrap().len();
    assert!(
        count("SUCCEEDED") + count("FAILED") + count("PENDING") > 0,
        "{manifest}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_destination_fails_the_run_under_the_writers_name() {
    let world = world(2, |_| false);
    let mut fields = map(json!({"ResultWriter": writer(None)}));
    fields["ResultWriter"]["Parameters"] = json!({"Prefix": "results"});
    let row = world.run(fields).await;
    assert_eq!(
        row.error.as_deref(),
        Some("States.ResultWriterFailed"),
        "{:?}",
        row.cause
    );
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_back_stops_the_engine_and_fails_no_run() {
    let mut slow = map(json!({"ResultWriter": writer(None), "MaxConcurrency": 1}));
    slow["ItemProcessor"]["States"] = json!({"Work": {"Type": "Wait", "Seconds": 1, "End": true}});
    let mut stopped = 0;
    for calls in 1.. {
        let inner: Arc<dyn Ledger> = Arc::new(memory::Ledger::default());
        let mortal = FaultInjector::<dyn Ledger>::new(inner, Faults::DeadFrom(calls));
        let world = world_over(Arc::new(mortal), 5, |_| false);
        match world.try_run(slow.clone()).await {
            Err(Error::Port { .. }) => stopped += 1,
            Ok(RunEnd::Ended(row)) if row.status == ExecutionStatus::Succeeded => break,
            other => panic!("with {calls} calls of the ledger: {other:?}"),
        }
    }
    assert!(stopped > 10, "commits and reads of five chunks: {stopped}");
}

/// What a Map called `ProcessAllItems` makes of these lines without a writer, its children handing them on.
async fn outputs_of(lines: &[String], fields: Value) -> ExecutionRow {
    let world = world(0, |_| false);
    world.store.insert("bucket", "items.jsonl", lines.join("\n"));
    let mut map = map(fields);
    map["ItemProcessor"]["States"]["Work"] = json!({"Type": "Pass", "End": true});
    let definition = json!({"StartAt": "ProcessAllItems", "States": {"ProcessAllItems": map}});
    match world.try_run_machine(definition).await.unwrap() {
        RunEnd::Ended(row) => *row,
        RunEnd::Stopped => panic!("nobody asked it to stop"),
    }
}

/// A JSON string of so many bytes.
fn string(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[tokio::test(start_paused = true)]
async fn outputs_may_be_as_large_as_a_payload_and_no_larger() {
    let row = outputs_of(&[string(131_070), string(131_071)], json!({})).await;
    assert_eq!(
        row.output.map(|output| output.len()),
        Some(262_144),
        "{:?} {:?}",
        row.error,
        row.cause
    );
    let row = outputs_of(&[string(131_071), string(131_071)], json!({})).await;
    assert_eq!(row.error.as_deref(), Some("States.DataLimitExceeded"));
    // AWS's text with a Map's name: an issue of the AWS samples of 2025-07.
    assert_eq!(
        row.cause.as_deref(),
        Some(
            "The state/task 'ProcessAllItems' returned a result with a size exceeding the maximum number of bytes service limit."
        )
    );
}

#[tokio::test(start_paused = true)]
async fn outputs_without_elements_take_no_room() {
    let flatten = json!({"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}});
    let mut lines = vec![format!("[{}]", string(262_142))];
    lines.resize(50, "[]".to_owned());
    let row = outputs_of(&lines, flatten).await;
    assert_eq!(
        row.output.map(|output| output.len()),
        Some(262_144),
        "{:?} {:?}",
        row.error,
        row.cause
    );
}
