//! Map runs that die, or fail, between two of their writes.

use engine::{ItemFilter, ItemSubset, Stop};
use ports::{
    Clock, ExecutionArn, ExecutionFilter, ExecutionStatus, Journal, Ledger, MapRunStatus, ObjectKey, ObjectStore,
    Timestamp, memory,
};
use serde_json::{Value, json};

use crate::world::{World, ended, map};
use crate::{dies_when_stopped, meanwhile, once, running};

#[tokio::test(start_paused = true)]
async fn what_a_redrive_could_not_write_is_written_by_the_next() {
    for kind in ["EXPRESS", "STANDARD"] {
        let world = World::new(6, &[2]);
        let first = world.run(&map(kind, json!({}))).await;
        assert_eq!(world.items(&world.manifest(&first, 0), "SUCCEEDED"), [0, 1]);
        world.mend_all();
        // It may read the source.
        let engine = world.engine_until(2);
        engine.redrive(&first.arn).await.unwrap();
        let second = world.finish(engine, first.arn.clone()).await;
        assert_eq!(second.row.error.as_deref(), Some("States.ResultWriterFailed"));
        world.calls("work");
        let third = world.redrive(&second).await;
        assert_eq!(third.row.status, ExecutionStatus::Succeeded, "{:?}", third.row);
        assert_eq!(world.calls("work"), once([]), "no child runs again");
        let manifest = world.manifest(&third, 2);
        assert_eq!(world.items(&manifest, "SUCCEEDED"), [0, 1, 2, 3, 4, 5], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_never_started_is_counted_when_no_file_can_be_written() {
    let world = World::new(6, &[2]);
    // No key may be as long as its files' would be.
    let writer = json!({
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "bucket", "Prefix": "p".repeat(2_000)},
    });
    let failed = world.run(&map("EXPRESS", json!({"ResultWriter": writer}))).await;
    assert_eq!(
        failed.row.error.as_deref(),
        Some("States.ExceedToleratedFailureThreshold")
    );
    let counts = failed.describe().await.execution_counts;
    assert_eq!((counts.pending, counts.total), (3, 6), "{counts:?}");
}

/// As long as nobody else has anything to do.
async fn seconds(seconds: i64) {
    let clock = memory::PausedClock::at(Timestamp::from_millis(0));
    clock.sleep_until(Timestamp::from_millis(seconds * 1_000)).await;
}

/// Item 0 waits for ever, the others go on.
fn first_waits() -> Value {
    let wait = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
    });
    let choice = json!({
        "Type": "Choice", "Default": "Work", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "Wait"}],
    });
    let work = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:work", "End": true});
    json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Which", "States": {"Which": choice, "Wait": wait, "Work": work},
    })
}

#[tokio::test(start_paused = true)]
async fn a_source_that_changes_before_its_first_child_has_ended_is_noticed() {
    let world = World::new(6, &[]);
    let engine = world.engine();
    let map = map("STANDARD", json!({"MaxConcurrency": 2, "ItemProcessor": first_waits()}));
    let arn = world.start(&engine, "run", &map, None).await;
    let stop = Stop::default();
    tokio::select! {
        biased;
        _ = engine.run(&arn, &stop) => panic!("the first child waits"),
        () = async {
            loop {
                let found = world.engine().list_map_runs(&arn, 0, 1).await.unwrap();
                if let Some(found) = found.first() {
                    let written = world.engine().describe_map_run(&found.map_run_arn).await.unwrap();
                    if written.execution_counts.succeeded == 5 {
                        return;
                    }
                }
                tokio::task::yield_now().await;
            }
        } => {}
    }
    world.put_items((0..6).rev());
    let engine = world.engine();
    let run = tokio::select! {
        biased;
        run = world.finish(engine, arn) => run,
        () = seconds(60) => panic!("it has not noticed"),
    };
    assert_eq!(
        run.row.error.as_deref(),
        Some("States.ItemReaderFailed"),
        "{:?}",
        run.row
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_redo_left_is_only_what_it_was_to_do() {
    let world = World::new(10, &[1, 4]);
    let tolerant = map("EXPRESS", json!({"ToleratedFailurePercentage": 100}));
    let first = world.run(&tolerant).await;
    assert_eq!(first.row.status, ExecutionStatus::Succeeded);
    let item_subset = |execution: &ExecutionArn| ItemSubset {
        execution: execution.clone(),
        only: ItemFilter::Unsuccessful,
    };
    // 1 fails again, and 4 is not come to.
    let strict = map("EXPRESS", json!({}));
    let engine = world.engine();
    let arn = world
        .start(&engine, "second", &strict, Some(item_subset(&first.arn)))
        .await;
    let second = world.finish(engine, arn).await;
    assert_eq!(second.row.status, ExecutionStatus::Failed);
    world.calls("work");
    world.mend_all();
    let engine = world.engine();
    let arn = world
        .start(&engine, "third", &strict, Some(item_subset(&second.arn)))
        .await;
    world.finish(engine, arn).await;
    assert_eq!(world.calls("work"), once([1, 4]));
}

#[tokio::test(start_paused = true)]
async fn items_of_a_source_that_has_changed_are_not_done_again() {
    let world = World::new(6, &[1]);
    let map = map("EXPRESS", json!({"ToleratedFailurePercentage": 100}));
    let first = world.run(&map).await;
    assert_eq!(first.row.status, ExecutionStatus::Succeeded);
    world.mend_all();
    world.calls("work");
    world.put_items((0..6).rev());
    let item_subset = ItemSubset {
        execution: first.arn.clone(),
        only: ItemFilter::Unsuccessful,
    };
    let engine = world.engine();
    let arn = world.start(&engine, "second", &map, Some(item_subset)).await;
    let second = world.finish(engine, arn).await;
    assert_eq!(second.row.error.as_deref(), Some("States.ItemReaderFailed"));
    assert_eq!(world.calls("work"), once([]));
}

#[tokio::test(start_paused = true)]
async fn a_standard_child_has_started_when_it_started() {
    let world = World::new(1, &[]);
    let wait = json!({"Type": "Wait", "Seconds": 100, "Next": "Say"});
    let say = json!({"Type": "Pass", "Parameters": {"started.$": "$$.Execution.StartTime"}, "End": true});
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Wait", "States": {"Wait": wait, "Say": say},
    });
    let map = map("STANDARD", json!({"ItemProcessor": processor}));
    let engine = world.engine();
    let arn = world.start(&engine, "run", &map, None).await;
    let stop = Stop::default();
    tokio::select! {
        biased;
        _ = engine.run(&arn, &stop) => panic!("it waits"),
        () = seconds(10) => {}
    }
    let run = world.finish(world.engine_later(10), arn).await;
    let child = world
        .journal
        .executions(&ExecutionFilter::children_of(&run.map_run), None, 1)
        .await
        .unwrap()
        .items
        .remove(0);
    let output: Value = serde_json::from_str(&child.output.unwrap()).unwrap();
    assert_eq!(output["started"], child.started.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_redriven_run_that_was_never_begun_is_begun_as_one() {
    // As an older gantry left it: over, and without a word on its execution.
    let world = World::new(4, &[1]);
    let failed = world.run(&map("EXPRESS", json!({}))).await;
    let state = world.ledger.state(&failed.map_run).await.unwrap().unwrap();
    let state = ports::LedgerState {
        execution: None,
        ..state
    };
    let commit = ports::Commit {
        state,
        ..ports::Commit::default()
    };
    world.ledger.commit(&failed.map_run, commit).await.unwrap();
    world.mend_all();
    world.calls("work");
    let redriven = world.redrive(&failed).await;
    assert_eq!(redriven.row.status, ExecutionStatus::Succeeded, "{:?}", redriven.row);
    assert_eq!(world.calls("work"), once(1..4));
}

#[tokio::test(start_paused = true)]
async fn children_that_had_started_are_aborted_wherever_a_crash_comes() {
    for kind in ["STANDARD", "EXPRESS"] {
        let mut aborted = 0;
        for calls in 0.. {
            let world = World::new(5, &[]);
            world.shut();
            let (arn, died) = stop_until(&world, kind, calls).await;
            world.open();
            world.calls("work");
            let run = world.finish(world.engine(), arn).await;
            let description = run.describe().await;
            let counts = description.execution_counts;
            if run.row.status == ExecutionStatus::Aborted {
                aborted += 1;
                assert_eq!(description.status, MapRunStatus::Aborted);
                assert_eq!((counts.aborted, counts.pending), (2, 3), "{kind}: died at call {calls}");
                assert_eq!(world.calls("work"), once([]), "{kind}: died at call {calls}");
            } else {
                assert_eq!(counts.succeeded, 5, "{kind}: died at call {calls}");
            }
            if !died {
                break;
            }
        }
        assert!(aborted > 1, "{kind}: {aborted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_given_up_is_aborted_also_where_its_source_is_gone() {
    for kind in ["STANDARD", "EXPRESS"] {
        let world = World::new(5, &[]);
        world.shut();
        let engine = world.engine_with_slow_ledger();
        let arn = world.start(&engine, "run", &map(kind, json!({})), None).await;
        let stop = Stop::default();
        tokio::select! {
            biased;
            _ = engine.run(&arn, &stop) => panic!("its ledger is not that fast"),
            () = async {
                running(&engine, &arn, 1).await;
                // Once something is done it goes on in the same content or not at all.
                world.let_through(1);
                while world.noted("work") < 2 {
                    tokio::task::yield_now().await;
                }
                seconds(1).await;
                engine.stop_execution(&arn, None, None).await.unwrap();
            } => {}
        }
        let source = ObjectKey::new("bucket", "items.jsonl");
        world.store.delete(&source).await.unwrap();
        let run = world.finish(world.engine(), arn).await;
        assert_eq!(run.row.status, ExecutionStatus::Aborted);
        let description = run.describe().await;
        assert_eq!(description.execution_counts.succeeded, 1);
        assert_eq!(description.status, MapRunStatus::Aborted, "{kind}");
    }
}

/// Stops an execution while two children run, with a journal that dies at a call. Whether it has died.
async fn stop_until(world: &World, kind: &str, calls: u64) -> (ExecutionArn, bool) {
    let engine = world.engine_with_journal_until(calls);
    let map = map(kind, json!({"MaxConcurrency": 2}));
    let arn = world.start(&world.engine(), "run", &map, None).await;
    let half_way = async {
        running(&engine, &arn, 2).await;
        while world.noted("work") < 2 {
            tokio::task::yield_now().await;
        }
    };
    let has_died = dies_when_stopped(&engine, &arn, half_way).await;
    (arn, has_died)
}

#[tokio::test(start_paused = true)]
async fn nested_map_runs_are_given_up_and_redriven_with_their_parents() {
    for kind in ["STANDARD", "EXPRESS"] {
        let world = World::new(0, &[]);
        world.shut();
        let engine = world.engine();
        let arn = world.start_machine(&engine, "run", &nested(kind), None).await;
        let act = async {
            let map_run = running(&engine, &arn, 2).await;
            for child in world
                .journal
                .executions(&ExecutionFilter::children_of(&map_run), None, 10)
                .await
                .unwrap()
                .items
            {
                running(&engine, &child.arn, 2).await;
            }
            engine.stop_execution(&arn, None, None).await.unwrap();
            map_run
        };
        let (outcome, map_run) = meanwhile(&engine, &arn, act).await;
        assert_eq!(ended(outcome).status, ExecutionStatus::Aborted);
        for child in world
            .journal
            .executions(&ExecutionFilter::children_of(&map_run), None, 10)
            .await
            .unwrap()
            .items
        {
            assert_eq!(child.status, ExecutionStatus::Aborted);
            let below = engine.list_map_runs(&child.arn, 0, 10).await.unwrap();
            let below = engine.describe_map_run(&below[0].map_run_arn).await.unwrap();
            assert_eq!(below.status, MapRunStatus::Aborted);
            assert_eq!((below.item_counts.aborted, below.item_counts.pending), (2, 1));
        }
        world.open();
        world.calls("work");
        let engine = world.engine();
        engine.redrive(&arn).await.unwrap();
        let run = world.finish(engine, arn).await;
        assert_eq!(run.row.status, ExecutionStatus::Succeeded, "{kind} {:?}", run.row);
        assert_eq!(world.calls("work"), once(0..9));
        let output: Vec<Vec<Value>> = serde_json::from_str(run.row.output.as_deref().unwrap()).unwrap();
        let items: Vec<u64> = output
            .iter()
            .flatten()
            .map(|child| child["n"].as_u64().unwrap())
            .collect();
        assert_eq!(items, (0..9).collect::<Vec<_>>());
    }
}

/// Three Standard children, each with a map run of three children of this kind.
fn nested(kind: &str) -> Value {
    let of_state = |kind: &str, fields: Value| {
        let mut map = map(kind, fields);
        map.as_object_mut().unwrap().remove("ItemReader");
        map.as_object_mut().unwrap().remove("ResultWriter");
        map
    };
    let below = of_state(
        kind,
        json!({"MaxConcurrency": 2, "ItemsPath": "$.items", "Label": "Below"}),
    );
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Below", "States": {"Below": below},
    });
    let fields = json!({"MaxConcurrency": 2, "ItemsPath": "$.all", "Label": "Above", "ItemProcessor": processor});
    let group = |from: u64| json!({"items": (from..from + 3).map(|n| json!({"n": n})).collect::<Vec<_>>()});
    let all = json!({"all": [group(0), group(3), group(6)]});
    json!({"StartAt": "All", "States": {
        "All": {"Type": "Pass", "Result": all, "Next": "Map"},
        "Map": of_state("STANDARD", fields),
    }})
}
