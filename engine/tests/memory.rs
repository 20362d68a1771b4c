//! The memory that a map run may take, as `engine::limits` says it: measured on the heap of this process, with a source
//! and a ledger that hold nothing themselves.
#![cfg(test)]

mod memory {
    //! The heap and a world that takes none of it.

    mod heap;
    mod world;

    pub(crate) use heap::{alone, peak_of};
    pub(crate) use world::{Ended, Lines, PIECE_BYTES, run};
}

use engine::limits;
use memory::{Ended, Lines, PIECE_BYTES, alone, peak_of, run};
use serde_json::{Value, json};

/// The formula at the head of `limits.rs`, in **bytes**.
const fn formula(concurrency: usize) -> usize {
    let reader = 2 * limits::ITEM_BYTES_MAX + PIECE_BYTES;
    concurrency * 3 * limits::PAYLOAD_BYTES_MAX + reader + limits::RESULT_BYTES_MAX + limits::PAYLOAD_BYTES_MAX
}

/// A map over the lines in which so many children run at once.
fn machine(input_type: &str, child: &Value, concurrency: usize, batch_items: Option<u64>) -> Value {
    let mut map = json!({
        "Type": "Map", "MaxConcurrency": concurrency, "End": true,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": input_type, "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "bucket", "Key": "key"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Child", "States": {"Child": child},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bucket", "Prefix": "results"},
        },
    });
    if let Some(items) = batch_items {
        map["ItemBatcher"] = json!({"MaxItemsPerBatch": items});
    }
    json!({"StartAt": "Map", "States": {"Map": map}})
}

fn pass() -> Value {
    json!({"Type": "Pass", "End": true})
}

/// A second each: as many run at once as may.
fn wait() -> Value {
    json!({"Type": "Wait", "Seconds": 1, "End": true})
}

/// The first one waits longer than all others together take.
fn first_waits() -> Value {
    json!({
        "Type": "Parallel", "End": true,
        "Branches": [{
            "StartAt": "Which",
            "States": {
                "Which": {
                    "Type": "Choice", "Default": "Pass",
                    "Choices": [{"Variable": "$.id", "StringEquals": "0000000000", "Next": "Wait"}],
                },
                "Wait": {"Type": "Wait", "Seconds": 290, "End": true},
                "Pass": pass(),
            },
        }],
    })
}

/// The peak of a run over so many rows of 260 bytes, all of which end well. Already 5,000 of them make more results than
/// may wait for a commit.
fn peak_of_rows(rows: u64, definition: &Value) -> usize {
    let lines = Lines {
        header: "id,text\n",
        rows,
        before: "",
        after: format!(",{}\n", "x".repeat(248)),
    };
    let (peak, Ended { row, written, items }) = peak_of(|| run(lines, definition));
    assert_eq!(items, rows, "{:?}: {:?}", row.error, row.cause);
    assert!(written > rows * 500, "{written} bytes of inputs and outputs");
    peak
}

#[test]
fn twenty_times_the_rows_take_the_same_memory() {
    let _alone = alone();
    for (child, batch_items) in [
        (pass(), None),
        (pass(), Some(100)),
        (wait(), Some(100)),
        (first_waits(), None),
    ] {
        let definition = machine("CSV", &child, 10, batch_items);
        let (few, many) = (peak_of_rows(5_000, &definition), peak_of_rows(100_000, &definition));
        let limit = formula(10);
        println!("{few} and {many} bytes of {limit}: {child}, {batch_items:?} items a batch");
        assert!(many <= limit, "{many} bytes, over the formula's {limit}");
        assert!(many * 10 <= few * 12, "{many} bytes for 100,000 rows, {few} for 5,000");
    }
}

#[test]
fn payloads_at_their_limit_take_what_the_formula_says() {
    let _alone = alone();
    for (child, concurrency) in [(pass(), 1), (wait(), 1), (wait(), 20)] {
        let lines = Lines {
            header: "",
            rows: 60,
            before: "\"",
            after: format!("{}\"\n", "x".repeat(262_000)),
        };
        let (peak, Ended { row, items, .. }) = peak_of(|| run(lines, &machine("JSONL", &child, concurrency, None)));
        let limit = formula(concurrency);
        println!("{peak} bytes of {limit}: {concurrency} of {child}");
        assert_eq!(items, 60, "{:?}: {:?}", row.error, row.cause);
        assert!(peak <= limit, "{peak} bytes, over the formula's {limit}");
    }
}

/// No child can have it, but a selector may take a part of it: so it has to be read.
#[test]
fn an_item_near_its_limit_is_held_as_it_stands_there_and_once_more() {
    let _alone = alone();
    let large = |before, after: &str| Lines {
        header: "id,text\n",
        rows: 1,
        before,
        after: after.replace("TEXT", &"x".repeat(7_900_000)),
    };
    for (input_type, lines) in [
        ("CSV", large("", ",TEXT\n")),
        (
            "JSONL",
            Lines {
                header: "",
                ..large("\"", "TEXT\"\n")
            },
        ),
        (
            "JSON",
            Lines {
                header: "[1",
                ..large(",\"", "TEXT\"")
            },
        ),
    ] {
        let (peak, Ended { row, .. }) = peak_of(|| run(lines, &machine(input_type, &pass(), 1, None)));
        println!("{peak} bytes of {}: {input_type}", formula(1));
        assert_eq!(
            row.error.as_deref(),
            Some("States.DataLimitExceeded"),
            "{:?}",
            row.cause
        );
        assert!(peak <= formula(1), "{peak} bytes, over the formula's {}", formula(1));
    }
}
