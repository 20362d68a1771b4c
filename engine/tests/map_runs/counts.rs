//! What is told of a map run's items and children while it goes on, through crashes and redrives.

use engine::{Engine, MapRunChange, MapRunCounts, MapRunDescription, Stop};
use ports::{ExecutionArn, Ledger, MapRunArn, MapRunStatus};
use serde_json::{Value, json};

use crate::world::{World, machine, map};
use crate::{counts, meanwhile, over_own_items, running};

/// A Map over a state's own items; the children that get item 0 wait for ever.
fn first_waits(items: u64, fields: Value) -> Value {
    let mut machine = over_own_items(items, fields);
    let wait = json!({"Type": "Wait", "Seconds": 1_000_000, "End": true});
    let choice = json!({
        "Type": "Choice", "Default": "Work",
        "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "Wait"}],
    });
    let work = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:work", "End": true});
    machine["States"]["Map"]["ItemProcessor"] = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Which", "States": {"Which": choice, "Wait": wait, "Work": work},
    });
    machine
}

/// Runs it until so many children have succeeded, and then no further: the process dies.
pub(crate) async fn dies_after(engine: &Engine, arn: &ExecutionArn, succeeded: u64, change: MapRunChange) -> MapRunArn {
    let stop = Stop::default();
    tokio::select! {
        biased;
        _ = engine.run(arn, &stop) => panic!("the first child waits"),
        map_run = async {
            let map_run = running(engine, arn, 1).await;
            while engine.describe_map_run(&map_run).await.unwrap().execution_counts.succeeded < succeeded {
                tokio::task::yield_now().await;
            }
            engine.update_map_run(&map_run, change).await.unwrap();
            map_run
        } => map_run,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_not_pending_too_after_a_crash() {
    let world = World::new(0, &[]);
    let (engine, definition) = (world.engine(), first_waits(10, json!({"MaxConcurrency": 2})));
    let arn = world.start_machine(&engine, "run", &definition, None).await;
    let change = MapRunChange {
        max_concurrency: Some(1),
        ..MapRunChange::default()
    };
    dies_after(&engine, &arn, 9, change).await;
    let engine = world.engine();
    let stop = Stop::default();
    let description = tokio::select! {
        biased;
        _ = engine.run(&arn, &stop) => panic!("the first child waits"),
        description = async {
            let map_run = running(&engine, &arn, 1).await;
            engine.describe_map_run(&map_run).await.unwrap()
        } => description,
    };
    let expected = MapRunCounts {
        running: 1,
        succeeded: 9,
        total: 10,
        ..MapRunCounts::default()
    };
    assert_eq!(
        (description.execution_counts, description.item_counts),
        (expected, expected)
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_never_started_is_pending_in_a_redrive() {
    let world = World::new(0, &[3]);
    let engine = world.engine();
    let arn = world
        .start_machine(&engine, "run", &over_own_items(10, json!({})), None)
        .await;
    let failed = world.finish(engine, arn.clone()).await;
    assert_eq!(failed.describe().await.execution_counts, counts(6, 3, 1, 4));
    world.mend_all();
    world.shut();
    let engine = world.engine();
    engine.redrive(&arn).await.unwrap();
    let act = async {
        let map_run = running(&engine, &arn, 1).await;
        let found = engine.describe_map_run(&map_run).await.unwrap().execution_counts;
        let expected = MapRunCounts {
            running: 1,
            total: 10,
            ..counts(6, 3, 0, 4)
        };
        assert_eq!(found, expected);
        world.open();
    };
    meanwhile(&engine, &arn, act).await;
    assert_eq!(failed.describe().await.execution_counts, counts(0, 10, 0, 10));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_failed_has_all_its_items_while_its_results_are_written() {
    for kind in ["EXPRESS", "STANDARD"] {
        let mut seen = 0;
        for commits in 0.. {
            let world = World::new(0, &[3]);
            let mut definition = over_own_items(10, json!({}));
            definition["States"]["Map"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = json!(kind);
            let engine = world.engine_with_ledger_until(commits);
            let arn = world.start_machine(&engine, "run", &definition, None).await;
            let died = engine.run(&arn, &Stop::default()).await.is_err();
            let found = world.ledger.map_runs(&arn, 0, 1).await.unwrap().pop();
            if let Some((map_run, state)) = found.filter(|(_, state)| state.failure.is_some()) {
                let description = MapRunDescription::from_ledger(&map_run, state).unwrap();
                let items = description.item_counts;
                assert_eq!((items.pending, items.total), (6, 10), "{kind}: {description:?}");
                seen += u32::from(description.status == MapRunStatus::Running);
            }
            if !died {
                break;
            }
        }
        assert!(seen > 0, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_begin_has_failed() {
    let world = World::new(3, &[]);
    let reader = json!({
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL", "MaxItemsPath": "$.many"},
        "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
    });
    let mut definition = machine(&map("EXPRESS", json!({"ItemReader": reader})));
    definition["States"]["Prepare"] = json!({"Type": "Pass", "Result": {"many": -1}, "Next": "Map"});
    definition["StartAt"] = json!("Prepare");
    let engine = world.engine();
    let arn = world.start_machine(&engine, "run", &definition, None).await;
    let run = world.finish(engine, arn).await;
    assert_eq!(run.row.cause.as_deref(), Some("field MaxItems must be positive"));
    let description = run.describe().await;
    assert_eq!(description.status, MapRunStatus::Failed);
    assert_eq!(description.execution_counts, MapRunCounts::default());
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_changes_from_the_moment_it_can_be_found() {
    let world = World::new(5, &[2]);
    let failed = world.run(&map("EXPRESS", json!({}))).await;
    world.mend_all();
    let engine = world.engine_with_slow_ledger();
    engine.redrive(&failed.arn).await.unwrap();
    let act = async {
        // Once its ledger says that it goes on again.
        while engine.describe_map_run(&failed.map_run).await.unwrap().status != MapRunStatus::Running {
            tokio::task::yield_now().await;
        }
        let change = MapRunChange {
            tolerated_failure_count: Some(3),
            ..MapRunChange::default()
        };
        engine.update_map_run(&failed.map_run, change).await.unwrap();
    };
    meanwhile(&engine, &failed.arn, act).await;
    assert_eq!(failed.describe().await.tolerated_failure_count, 3);
}
