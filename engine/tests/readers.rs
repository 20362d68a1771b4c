//! Item readers, selectors and batches through the whole engine: what AWS recorded, and what bad input gets.
#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{ExecutionArn, ExecutionRow, FaultInjector, Faults, Ledger, ObjectStore, Timestamp, memory};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// What survives a crash.
struct World {
    store: Arc<dyn ObjectStore>,
    journal: Arc<memory::Journal>,
    ledger: Arc<memory::Ledger>,
}

impl World {
    /// With the object `s3://bucket/key`.
    fn with(body: impl Into<Bytes>) -> Self {
        let store = memory::ObjectStore::default();
        store.insert("bucket", "key", body);
        Self {
            store: Arc::new(store),
            journal: Arc::default(),
            ledger: Arc::default(),
        }
    }

    /// An engine whose ledger can be called so often.
    fn engine(&self, ledger_calls: u64) -> Engine {
        let ledger = FaultInjector::<dyn Ledger>::new(self.ledger.clone(), Faults::DeadFrom(ledger_calls));
        let ports = Ports {
            store: Arc::clone(&self.store),
            invoker: Arc::new(memory::TaskInvoker::default()),
            journal: self.journal.clone(),
            ledger: Arc::new(ledger),
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::new(),
        };
        Engine::new(ports, settings)
    }

    async fn start(&self, map: &Value, input: &Value) -> ExecutionArn {
        let new = NewExecution {
            state_machine: "machine".to_owned(),
            definition: machine(map),
            name: "run".to_owned(),
            input: input.to_string(),
            identity: None,
            rerun_of: None,
            item_subset: None,
            composition: None,
        };
        self.engine(u64::MAX).start(new).await.unwrap()
    }
}

/// A Map whose children answer with their input.
fn machine(map: &Value) -> String {
    let mut state = json!({
        "Type": "Map", "MaxConcurrency": 1, "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}},
        },
    });
    state.as_object_mut().unwrap().extend(map.as_object().unwrap().clone());
    json!({"StartAt": "Map", "States": {"Map": state}}).to_string()
}

/// A reader of `s3://bucket/key`.
fn reader(config: &Value) -> Value {
    json!({"ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
        "Parameters": {"Bucket": "bucket", "Key": "key"},
    }})
}

/// Children that take a second: what a Pass child has done goes into one commit with all the others.
fn slow_children() -> Value {
    json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": true}},
    })
}

async fn run(world: &World, map: &Value, input: &Value) -> ExecutionRow {
    let arn = world.start(map, input).await;
    let RunEnd::Ended(row) = world.engine(u64::MAX).run(&arn, &Stop::default()).await.unwrap() else {
        panic!("nobody asked it to stop");
    };
    *row
}

fn output(row: &ExecutionRow) -> Value {
    let output = row.output.as_ref();
    serde_json::from_str(output.unwrap_or_else(|| panic!("{:?}: {:?}", row.error, row.cause))).unwrap()
}

const FIRST_ROW: &str = r#"{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}"#;

/// Recordings of 2023-09 and 2024-03 against AWS.
#[tokio::test(start_paused = true)]
async fn items_are_those_that_aws_recorded() {
    let four = "Col1,Col2\nValue1,Value2\nValue3,Value4\nValue5,Value6\nValue7,Value8\n";
    let rows = json!([
        {"Col1": "Value1", "Col2": "Value2"}, {"Col1": "Value3", "Col2": "Value4"},
        {"Col1": "Value5", "Col2": "Value6"}, {"Col1": "Value7", "Col2": "Value8"},
    ]);
    let two = json!([rows[0], rows[1]]);
    let with = |name: &str, value: Value| {
        let mut config: Value = serde_json::from_str(FIRST_ROW).unwrap();
        config[name] = value;
        config
    };
    let first_row = serde_json::from_str(FIRST_ROW).unwrap();
    for (config, max, body, expected) in [
        (
            first_row,
            0,
            "H1,\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   \n",
            json!([
                {"": "Value5", "H1": "Value4"}, {"": "", "H1": ""}, {"": "1", "H1": "true"},
                {"": "None", "H1": "Null"}, {"": "", "H1": "   "},
            ]),
        ),
        (with("MaxItems", json!(0)), 0, four, rows.clone()),
        (with("MaxItems", json!(2)), 0, four, two.clone()),
        (with("MaxItemsPath", json!("$.max")), 0, four, rows.clone()),
        (with("MaxItemsPath", json!("$.max")), 100_000_000, four, rows.clone()),
        (with("MaxItemsPath", json!("$.max")), 100_000_001, four, rows.clone()),
        (
            json!({"InputType": "JSON", "MaxItems": 2}),
            0,
            "[{\"a\": \"true\"}, {\"a\": \"6/11/2008\"}, 3]",
            json!([{"a": "true"}, {"a": "6/11/2008"}]),
        ),
        (
            json!({"InputType": "JSON"}),
            0,
            "[[\"from-bucket-item-0\"]]",
            json!([["from-bucket-item-0"]]),
        ),
    ] {
        let row = run(&World::with(body), &reader(&config), &json!({"max": max})).await;
        // As text: the order of the members counts.
        assert_eq!(output(&row).to_string(), expected.to_string(), "{config}");
    }
}

#[tokio::test(start_paused = true)]
async fn bad_input_gets_its_error() {
    let csv: Value = serde_json::from_str(FIRST_ROW).unwrap();
    let max = json!({"InputType": "JSONL", "MaxItemsPath": "$.max"});
    let large = format!("\"{}\"", "x".repeat(262_143));
    let line = format!("\"{}\"\n1", "x".repeat(9_000_000));
    let failed = "States.ItemReaderFailed";
    for (config, input, body, error, cause) in [
        (
            &csv,
            json!(1),
            "a,a\n1,2",
            failed,
            "CSV headers cannot contain duplicates.",
        ),
        (&csv, json!(1), "a,b\n", failed, "only CSV headers"),
        (
            &json!({"InputType": "JSON"}),
            json!(1),
            "1",
            failed,
            "Attempting to map over non-iterable node.",
        ),
        (
            &json!({"InputType": "JSON", "ItemsPointer": "/a"}),
            json!(1),
            "{}",
            failed,
            "`s3://bucket/key`: the ItemsPointer `/a` points to nothing",
        ),
        (&max, json!(-1), "1", failed, "field MaxItems must be positive"),
        (
            &max,
            json!(1.5),
            "1",
            "States.Runtime",
            "The MaxItemsPath field refers to value \"1.5\" which is not a valid integer: $.max",
        ),
        (
            &json!({"InputType": "JSONL"}),
            json!(1),
            &line,
            failed,
            "the item at byte 0 is longer than 8000000 bytes",
        ),
        (
            &json!({"InputType": "JSONL"}),
            json!(1),
            &large,
            "States.DataLimitExceeded",
            "item 0 (from 0) of `S3://bucket/key` makes a child's input of 262145 bytes, over the limit of 262144 bytes",
        ),
    ] {
        let row = run(&World::with(body.to_owned()), &reader(config), &json!({"max": input})).await;
        assert_eq!(row.error.as_deref(), Some(error), "{config}: {:?}", row.cause);
        let found = row.cause.unwrap();
        assert!(found.contains(cause), "{found} does not say: {cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_sees_the_item_its_place_and_its_source() {
    let mut map = reader(&json!({"InputType": "JSON"}));
    map["ItemSelector"] = json!({
        "index.$": "$$.Map.Item.Index", "key.$": "$$.Map.Item.Key", "value.$": "$$.Map.Item.Value",
        "source.$": "$$.Map.Item.Source", "all.$": "$.all",
    });
    let row = run(&World::with("{\"a\": 1, \"b\": [2]}"), &map, &json!({"all": true})).await;
    let source = "S3://bucket/key";
    let expected = json!([
        {"index": 0, "key": "a", "value": 1, "source": source, "all": true},
        {"index": 1, "key": "b", "value": [2], "source": source, "all": true},
    ]);
    assert_eq!(output(&row), expected);
    let row = run(
        &World::with("{\"a\": 1}"),
        &reader(&json!({"InputType": "JSON"})),
        &json!({}),
    )
    .await;
    assert_eq!(output(&row), json!([{"Key": "a", "Value": 1}]));
}

#[tokio::test(start_paused = true)]
async fn batches_close_at_whichever_limit_comes_first() {
    let lines = "\"aaaa\"\n\"bbbb\"\n\"cccc\"\n\"dddd\"\n\"eeee\"";
    // {"Items":["aaaa","bbbb"]}: 25 bytes; with the third item 32.
    for (batcher, expected) in [
        (
            json!({"MaxItemsPerBatch": 2}),
            json!([["aaaa", "bbbb"], ["cccc", "dddd"], ["eeee"]]),
        ),
        (
            json!({"MaxInputBytesPerBatch": 31}),
            json!([["aaaa", "bbbb"], ["cccc", "dddd"], ["eeee"]]),
        ),
        (
            json!({"MaxInputBytesPerBatch": 32}),
            json!([["aaaa", "bbbb", "cccc"], ["dddd", "eeee"]]),
        ),
        (
            json!({"MaxItemsPerBatch": 1, "MaxInputBytesPerBatch": 32}),
            json!([["aaaa"], ["bbbb"], ["cccc"], ["dddd"], ["eeee"]]),
        ),
        (
            json!({"MaxItemsPerBatchPath": "$.n"}),
            json!([["aaaa", "bbbb", "cccc"], ["dddd", "eeee"]]),
        ),
    ] {
        let mut map = reader(&json!({"InputType": "JSONL"}));
        map["ItemBatcher"] = batcher.clone();
        let row = run(&World::with(lines), &map, &json!({"n": 3})).await;
        let found: Vec<Value> = output(&row)
            .as_array()
            .unwrap()
            .iter()
            .map(|batch| batch["Items"].clone())
            .collect();
        assert_eq!(Value::Array(found), expected, "{batcher}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_over_the_batchs_bytes_is_an_error() {
    let mut map = reader(&json!({"InputType": "JSONL"}));
    map["ItemBatcher"] = json!({"MaxInputBytesPerBatch": 30, "BatchInput": {"a": 1}});
    let row = run(&World::with("1\n\"aaaa\"\n2"), &map, &json!({})).await;
    assert_eq!(row.error.as_deref(), Some("States.DataLimitExceeded"));
    let cause = row.cause.unwrap();
    assert!(
        cause.starts_with("item 0 (from 0) of `S3://bucket/key` makes a child's input of 34 bytes"),
        "{cause}"
    );
}

/// Sizes of items, and a batch's limits.
fn batching() -> impl Strategy<Value = (Vec<usize>, u64, usize, bool)> {
    (
        prop::collection::vec(0_usize..30, 0..40),
        1_u64..10,
        100_usize..200,
        any::<bool>(),
    )
}

fn in_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(work)
}

#[test]
fn batches_keep_their_limits_and_lose_nothing() {
    let mut runner = TestRunner::new(Config::with_cases(64));
    let tested = runner.run(&batching(), |(sizes, items_max, bytes_max, shared)| {
        let items: Vec<Value> = sizes.iter().map(|size| "é".repeat(*size).into()).collect();
        let lines: String = items
            .iter()
            .flat_map(|item| [item.to_string(), "\n".to_owned()])
            .collect();
        let mut map = reader(&json!({"InputType": "JSONL"}));
        map["ItemBatcher"] = json!({"MaxItemsPerBatch": items_max, "MaxInputBytesPerBatch": bytes_max});
        if shared {
            map["ItemBatcher"]["BatchInput"] = json!({"k": "v"});
        }
        let row = in_a_runtime(async { run(&World::with(lines), &map, &json!({})).await });
        let batches = output(&row);
        let batches = batches.as_array().unwrap();
        let mut joined = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            let inside = batch["Items"].as_array().unwrap();
            joined.extend(inside.iter().cloned());
            prop_assert!(batch.to_string().len() <= bytes_max && inside.len() as u64 <= items_max);
            // The next batch's first item did not fit.
            if let Some(next) = batches.get(at + 1) {
                let more = batch.to_string().len() + 1 + next["Items"][0].to_string().len();
                prop_assert!(more > bytes_max || inside.len() as u64 == items_max);
            }
        }
        prop_assert_eq!(joined, items);
        Ok(())
    });
    tested.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_from_its_mark_after_any_crash() {
    let rows: Vec<String> = (0..60).map(|n| format!("{n},\"{}\n\"\n", "x".repeat(n % 7))).collect();
    let rows = rows.concat();
    let mut map = reader(&serde_json::from_str(FIRST_ROW).unwrap());
    map["MaxConcurrency"] = json!(3);
    map["ItemProcessor"] = slow_children();
    map["ItemBatcher"] = json!({"MaxInputBytesPerBatch": 90});
    let expected = output(&run(&World::with(format!("n,text\n{rows}")), &map, &json!({})).await);
    assert!(expected.as_array().unwrap().len() > 20);
    for calls in 1..30 {
        let world = World::with(format!("n,text\n{rows}"));
        let arn = world.start(&map, &json!({})).await;
        let crashed = world.engine(calls).run(&arn, &Stop::default()).await;
        let ended = match crashed {
            Ok(ended) => ended,
            Err(_crash) => world.engine(u64::MAX).run(&arn, &Stop::default()).await.unwrap(),
        };
        let RunEnd::Ended(row) = ended else {
            panic!("nobody asked it to stop")
        };
        assert_eq!(output(&row), expected, "with {calls} calls of the ledger");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_in_another_object_fails() {
    let rows: Vec<String> = (0..60).map(|n| format!("{n}\n")).collect();
    let rows = rows.concat();
    let world = World::with(rows.clone());
    let mut map = reader(&json!({"InputType": "JSONL"}));
    map["ItemProcessor"] = slow_children();
    let arn = world.start(&map, &json!({})).await;
    world.engine(10).run(&arn, &Stop::default()).await.unwrap_err();
    let changed = World {
        store: World::with(rows + "60\n").store,
        ..world
    };
    let RunEnd::Ended(row) = changed.engine(u64::MAX).run(&arn, &Stop::default()).await.unwrap() else {
        panic!("nobody asked it to stop");
    };
    assert_eq!(row.error.as_deref(), Some("States.ItemReaderFailed"));
    let cause = row.cause.unwrap();
    assert!(
        cause.contains("`s3://bucket/key`: the object has changed since it was first read"),
        "{cause}"
    );
}
