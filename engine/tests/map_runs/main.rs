//! Map runs as their operators see them: described, listed, changed while they go on, given up, redriven.
#![cfg(test)]

mod aborts;
mod counts;
mod crashes;
mod fan_out;
mod listings;
mod world;

use std::collections::BTreeMap;

use engine::{Engine, Error, InvalidRequest, ItemFilter, ItemSubset, MapRunChange, MapRunCounts, RunEnd, Stop};
use ports::{ExecutionArn, ExecutionFilter, ExecutionStatus, Journal, MapRunArn, MapRunStatus};
use serde_json::{Value, json};

use world::{World, ended, map};

/// Each of these once.
fn once(items: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u32> {
    items.into_iter().map(|n| (n, 1)).collect()
}

fn counts(pending: u64, succeeded: u64, failed: u64, written: u64) -> MapRunCounts {
    MapRunCounts {
        pending,
        succeeded,
        failed,
        total: pending + succeeded + failed,
        results_written: written,
        ..MapRunCounts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_redriven_run_does_what_failed_and_what_was_never_started() {
    for kind in ["EXPRESS", "STANDARD"] {
        let world = World::new(20, &[3, 7, 11]);
        let failed = world.run(&map(kind, json!({"ToleratedFailureCount": 2}))).await;
        assert_eq!(
            failed.row.error.as_deref(),
            Some("States.ExceedToleratedFailureThreshold")
        );
        let description = failed.describe().await;
        assert_eq!(description.status, MapRunStatus::Failed);
        assert_eq!(description.execution_counts, counts(8, 9, 3, 12), "{kind}");
        assert_eq!(description.item_counts, counts(8, 9, 3, 12));
        assert!(description.stop_date.is_some() && description.redrive_date.is_none());
        let manifest = world.manifest(&failed, 0);
        assert_eq!(world.items(&manifest, "FAILED"), [3, 7, 11]);
        assert_eq!(world.items(&manifest, "PENDING"), (12..20).collect::<Vec<_>>());
        world.calls("work");

        world.mend_all();
        let redriven = world.redrive(&failed).await;
        assert_eq!(redriven.row.status, ExecutionStatus::Succeeded, "{:?}", redriven.row);
        assert_eq!(redriven.map_run, failed.map_run);
        assert_eq!(world.calls("work"), once([3, 7, 11].into_iter().chain(12..20)));
        let description = redriven.describe().await;
        assert_eq!(description.status, MapRunStatus::Succeeded);
        assert_eq!(description.execution_counts, counts(0, 20, 0, 20));
        assert_eq!(description.redrive_count, 1);
        assert!(description.redrive_date.is_some());
        let manifest = world.manifest(&redriven, 1);
        assert_eq!(world.items(&manifest, "SUCCEEDED"), (0..20).collect::<Vec<_>>());
        assert_eq!(world.items(&manifest, "FAILED"), Vec::<u64>::new());
        let output: Value = serde_json::from_str(&redriven.row.output.clone().unwrap()).unwrap();
        let key = output["ResultWriterDetails"]["Key"].as_str().unwrap();
        assert!(key.ends_with("/Redrive-1/manifest.json"), "{key}");
        let kinds = redriven.kinds().await;
        let redrive: Vec<&str> = kinds
            .iter()
            .map(String::as_str)
            .filter(|kind| kind.contains("Redriven"))
            .collect();
        assert_eq!(redrive, ["ExecutionRedriven", "MapRunRedriven"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_is_redriven_again() {
    let world = World::new(10, &[2, 5]);
    let map = map("STANDARD", json!({"ToleratedFailureCount": 1}));
    let first = world.run(&map).await;
    assert_eq!(first.describe().await.execution_counts, counts(4, 4, 2, 6));
    // 2 fails again, is tolerated, and so does 8.
    world.mend_all();
    world.break_item(2, "Test.Bad");
    world.break_item(8, "Test.Bad");
    let second = world.redrive(&first).await;
    assert_eq!(second.row.status, ExecutionStatus::Failed);
    assert_eq!(second.describe().await.execution_counts, counts(1, 7, 2, 9));
    let manifest = world.manifest(&second, 1);
    assert_eq!(world.items(&manifest, "SUCCEEDED"), [0, 1, 3, 4, 5, 6, 7]);
    assert_eq!(world.items(&manifest, "FAILED"), [2, 8]);
    assert_eq!(world.items(&manifest, "PENDING"), [9]);
    world.mend_all();
    world.calls("work");
    let third = world.redrive(&second).await;
    assert_eq!(third.row.status, ExecutionStatus::Succeeded);
    assert_eq!(world.calls("work"), once([2, 8, 9]));
    let description = third.describe().await;
    assert_eq!(
        (description.redrive_count, description.execution_counts),
        (2, counts(0, 10, 0, 10))
    );
    let manifest = world.manifest(&third, 2);
    assert_eq!(world.items(&manifest, "SUCCEEDED"), (0..10).collect::<Vec<_>>());
    let redrives: Vec<u64> = world
        .records(&manifest, "SUCCEEDED")
        .iter()
        .map(|record| record["RedriveCount"].as_u64().unwrap())
        .collect();
    assert_eq!(redrives.iter().sum::<u64>(), 4, "5 once, 2 twice, 8 once: {redrives:?}");
    let refused = third.engine.redrive(&third.arn).await.unwrap_err();
    assert!(matches!(refused, Error::NotRedrivable { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_standard_child_goes_on_from_where_it_failed_and_an_express_one_begins_again() {
    for (kind, first_calls) in [("STANDARD", 0), ("EXPRESS", 1)] {
        let world = World::new(1, &[0]);
        let failed = world.run(&map(kind, json!({}))).await;
        let record = world.records(&world.manifest(&failed, 0), "FAILED")[0].clone();
        assert_eq!(record["RedriveStatus"], "REDRIVABLE_BY_MAP_RUN");
        world.mend_all();
        world.calls("first");
        let redriven = world.redrive(&failed).await;
        assert_eq!(redriven.row.status, ExecutionStatus::Succeeded);
        assert_eq!(world.calls("first").len(), first_calls, "{kind}");
        let again = world.records(&world.manifest(&redriven, 1), "SUCCEEDED")[0].clone();
        assert_eq!(again["ExecutionArn"] == record["ExecutionArn"], kind == "STANDARD");
        assert_eq!(again["RedriveCount"], 1 - first_calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_standard_child_is_an_execution_with_a_history() {
    let world = World::new(3, &[1]);
    let run = world
        .run(&map("STANDARD", json!({"ToleratedFailurePercentage": 50})))
        .await;
    assert_eq!(run.row.status, ExecutionStatus::Succeeded);
    let children = world
        .journal
        .executions(&ExecutionFilter::children_of(&run.map_run), None, 10)
        .await
        .unwrap()
        .items;
    let mut statuses: Vec<ExecutionStatus> = children.iter().map(|child| child.status).collect();
    statuses.reverse();
    assert_eq!(
        statuses,
        [
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Succeeded
        ]
    );
    let failed = &children[1];
    assert!(failed.redrivable && failed.redrive_count == 0);
    assert!(
        failed
            .arn
            .0
            .starts_with("arn:aws:states:us-east-1:000000000000:execution:machine/Files:")
    );
    let history = run.engine.history(&failed.arn).await.unwrap();
    let kinds: Vec<&str> = history.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds.first(), Some(&"ExecutionStarted"));
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "LambdaFunctionSucceeded").count(),
        1
    );
    assert_eq!(kinds[kinds.len() - 2..], ["LambdaFunctionFailed", "ExecutionFailed"]);
    assert_eq!(
        world
            .journal
            .executions(&ExecutionFilter::default(), None, 10)
            .await
            .unwrap()
            .items
            .len(),
        1,
        "children are not listed beside it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_is_run_and_redriven_by_its_map_run_alone() {
    let world = World::new(2, &[1]);
    let run = world.run(&map("STANDARD", json!({}))).await;
    let failed = world
        .journal
        .executions(&ExecutionFilter::children_of(&run.map_run), None, 1)
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(failed.status, ExecutionStatus::Failed);
    // AWS says REDRIVABLE_BY_MAP_RUN of it.
    let refused = run.engine.redrive(&failed.arn).await.unwrap_err();
    assert!(matches!(refused, Error::OfMapRun { .. }), "{refused}");
    let row = ended(run.engine.run(&failed.arn, &Stop::default()).await.unwrap());
    assert_eq!(row, failed, "it can be read");

    let world = World::new(1, &[]);
    world.shut();
    let engine = world.engine();
    let arn = world.start(&engine, "run", &map("STANDARD", json!({})), None).await;
    let act = async {
        let map_run = running(&engine, &arn, 1).await;
        let child = world
            .journal
            .executions(&ExecutionFilter::children_of(&map_run), None, 1)
            .await
            .unwrap()
            .items
            .remove(0);
        let refused = engine.run(&child.arn, &Stop::default()).await.unwrap_err();
        assert!(matches!(refused, Error::OfMapRun { .. }), "{refused}");
        world.open();
    };
    let (outcome, ()) = meanwhile(&engine, &arn, act).await;
    assert_eq!(ended(outcome).status, ExecutionStatus::Succeeded);
    assert_eq!(world.calls("work"), once([0]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_redriven_as_a_whole() {
    let world = World::new(10, &[5]);
    let fields = json!({"ItemBatcher": {"MaxItemsPerBatch": 4}, "ToleratedFailureCount": 3});
    let failed = world.run(&map("EXPRESS", fields)).await;
    let description = failed.describe().await;
    assert_eq!(description.execution_counts, counts(1, 1, 1, 2));
    assert_eq!(
        description.item_counts,
        counts(2, 4, 4, 8),
        "a failed batch is four failed items"
    );
    world.mend_all();
    world.calls("work");
    let redriven = world.redrive(&failed).await;
    assert_eq!(world.calls("work"), once(4..10));
    assert_eq!(redriven.describe().await.item_counts, counts(0, 10, 0, 10));
}

#[tokio::test(start_paused = true)]
async fn without_a_writer_the_outputs_of_all_attempts_are_the_answer() {
    let world = World::new(6, &[2]);
    let mut map = map("EXPRESS", json!({}));
    map.as_object_mut().unwrap().remove("ResultWriter");
    let failed = world.run(&map).await;
    assert_eq!(failed.describe().await.execution_counts, counts(3, 2, 1, 0));
    world.mend_all();
    let redriven = world.redrive(&failed).await;
    let output: Value = serde_json::from_str(&redriven.row.output.unwrap()).unwrap();
    let items: Vec<u64> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|child| child["n"].as_u64().unwrap())
        .collect();
    assert_eq!(items, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_has_changed_is_not_redriven() {
    let world = World::new(6, &[2]);
    let failed = world.run(&map("EXPRESS", json!({}))).await;
    world.mend_all();
    world.calls("work");
    world.put_items((0..6).rev());
    let redriven = world.redrive(&failed).await;
    assert_eq!(redriven.row.error.as_deref(), Some("States.ItemReaderFailed"));
    let cause = redriven.row.cause.clone().unwrap();
    assert!(cause.contains("items.jsonl") && cause.contains("changed"), "{cause}");
    assert_eq!(world.calls("work"), BTreeMap::new());
    // As it was before: the same ETag.
    world.put_items(0..6);
    let again = world.redrive(&redriven).await;
    assert_eq!(again.row.status, ExecutionStatus::Succeeded, "{:?}", again.row);
    assert_eq!(world.calls("work"), once(2..6));
    assert_eq!(again.describe().await.execution_counts, counts(0, 6, 0, 6));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_results_could_not_be_written_writes_them_when_it_is_redriven() {
    let world = World::new(4, &[]);
    // It may look at the source and read it.
    let engine = world.engine_until(2);
    let arn = world.start(&engine, "run", &map("EXPRESS", json!({})), None).await;
    let failed = world.finish(engine, arn).await;
    assert_eq!(failed.row.error.as_deref(), Some("States.ResultWriterFailed"));
    let description = failed.describe().await;
    assert_eq!(
        (description.status, description.execution_counts),
        (MapRunStatus::Failed, counts(0, 4, 0, 0))
    );
    world.calls("work");
    let redriven = world.redrive(&failed).await;
    assert_eq!(redriven.row.status, ExecutionStatus::Succeeded, "{:?}", redriven.row);
    assert_eq!(world.calls("work"), BTreeMap::new(), "no child runs again");
    assert_eq!(redriven.describe().await.execution_counts, counts(0, 4, 0, 4));
    let manifest = world.manifest(&redriven, 1);
    assert_eq!(world.items(&manifest, "SUCCEEDED"), [0, 1, 2, 3]);
}

/// Runs it while something is done from outside.
async fn meanwhile<T>(engine: &Engine, arn: &ExecutionArn, act: impl Future<Output = T>) -> (RunEnd, T) {
    let stop = Stop::default();
    let (outcome, done) = tokio::join!(engine.run(arn, &stop), act);
    (outcome.unwrap(), done)
}

/// Stops it once this has come, in a process that may die meanwhile. Whether it has died.
async fn dies_when_stopped(engine: &Engine, arn: &ExecutionArn, half_way: impl Future<Output = ()>) -> bool {
    let act = async {
        half_way.await;
        engine.stop_execution(arn, None, None).await.unwrap_or_default();
        std::future::pending::<()>().await;
    };
    let stop = Stop::default();
    let outcome = tokio::select! {
        biased;
        outcome = engine.run(arn, &stop) => outcome,
        () = act => unreachable!("it waits for ever"),
    };
    outcome.is_err()
}

/// The map run of an execution, once so many of its children run.
async fn running(engine: &Engine, arn: &ExecutionArn, children: u64) -> MapRunArn {
    loop {
        if let Some(found) = engine.list_map_runs(arn, 0, 1).await.unwrap().first() {
            let description = engine.describe_map_run(&found.map_run_arn).await.unwrap();
            if description.execution_counts.running == children {
                return found.map_run_arn.clone();
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrency_can_be_raised_and_lowered_while_a_run_goes_on() {
    for kind in ["EXPRESS", "STANDARD"] {
        let world = World::new(30, &[]);
        world.shut();
        let engine = world.engine();
        let arn = world
            .start(&engine, "run", &map(kind, json!({"MaxConcurrency": 2})), None)
            .await;
        let act = async {
            let map_run = running(&engine, &arn, 2).await;
            let description = engine.describe_map_run(&map_run).await.unwrap();
            assert_eq!(
                (description.status, description.max_concurrency),
                (MapRunStatus::Running, 2)
            );
            let change = MapRunChange {
                max_concurrency: Some(7),
                ..MapRunChange::default()
            };
            engine.update_map_run(&map_run, change).await.unwrap();
            running(&engine, &arn, 7).await;
            let change = MapRunChange {
                max_concurrency: Some(3),
                ..MapRunChange::default()
            };
            engine.update_map_run(&map_run, change).await.unwrap();
            // Those that run are not stopped, and none is started above it.
            assert_eq!(
                engine
                    .describe_map_run(&map_run)
                    .await
                    .unwrap()
                    .execution_counts
                    .running,
                7
            );
            world.let_through(5);
            while engine
                .describe_map_run(&map_run)
                .await
                .unwrap()
                .execution_counts
                .succeeded
                < 5
            {
                tokio::task::yield_now().await;
            }
            running(&engine, &arn, 3).await;
            world.open();
        };
        let (outcome, ()) = meanwhile(&engine, &arn, act).await;
        assert_eq!(ended(outcome).status, ExecutionStatus::Succeeded);
        assert_eq!(world.calls("work"), once(0..30));
    }
}

#[tokio::test(start_paused = true)]
async fn tolerance_can_be_changed_while_a_run_goes_on() {
    let world = World::new(10, &[1, 2, 3]);
    world.shut();
    let engine = world.engine();
    let arn = world.start(&engine, "run", &map("EXPRESS", json!({})), None).await;
    let act = async {
        let map_run = running(&engine, &arn, 1).await;
        let change = MapRunChange {
            tolerated_failure_percentage: Some(30.0),
            ..MapRunChange::default()
        };
        engine.update_map_run(&map_run, change).await.unwrap();
        let wrong = MapRunChange {
            tolerated_failure_percentage: Some(100.5),
            ..MapRunChange::default()
        };
        let refused = engine.update_map_run(&map_run, wrong).await.unwrap_err();
        assert!(
            matches!(refused, Error::Request(InvalidRequest::Percentage)),
            "{refused}"
        );
        world.open();
        map_run
    };
    let (outcome, map_run) = meanwhile(&engine, &arn, act).await;
    assert_eq!(ended(outcome).status, ExecutionStatus::Succeeded);
    let description = engine.describe_map_run(&map_run).await.unwrap();
    assert_eq!(description.execution_counts, counts(0, 7, 3, 10));
    assert!((description.tolerated_failure_percentage - 30.0).abs() < 1e-9);
    let over = engine
        .update_map_run(&map_run, MapRunChange::default())
        .await
        .unwrap_err();
    assert!(matches!(over, Error::Request(InvalidRequest::MapRunOver)), "{over}");
    let nowhere = MapRunArn("arn:aws:states:us-east-1:000000000000:mapRun:machine/Files:0".to_owned());
    let unknown = engine.describe_map_run(&nowhere).await.unwrap_err();
    assert!(matches!(unknown, Error::Request(InvalidRequest::MapRun)), "{unknown}");
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_stopped_takes_its_map_run_and_its_children_along() {
    for kind in ["EXPRESS", "STANDARD"] {
        let world = World::new(5, &[]);
        world.shut();
        let engine = world.engine();
        let arn = world
            .start(&engine, "run", &map(kind, json!({"MaxConcurrency": 2})), None)
            .await;
        let act = async {
            let map_run = running(&engine, &arn, 2).await;
            let (error, cause) = (Some("Enough".to_owned()), None);
            engine.stop_execution(&arn, error, cause).await.unwrap();
            map_run
        };
        let (outcome, map_run) = meanwhile(&engine, &arn, act).await;
        let row = ended(outcome);
        assert_eq!(
            (row.status, row.error.as_deref()),
            (ExecutionStatus::Aborted, Some("Enough"))
        );
        let description = engine.describe_map_run(&map_run).await.unwrap();
        assert_eq!(description.status, MapRunStatus::Aborted);
        let expected = MapRunCounts {
            pending: 3,
            aborted: 2,
            total: 5,
            results_written: 2,
            ..MapRunCounts::default()
        };
        assert_eq!(description.execution_counts, expected, "{kind}");
        let children = world
            .journal
            .executions(&ExecutionFilter::children_of(&map_run), None, 10)
            .await
            .unwrap()
            .items;
        assert_eq!(children.len(), if kind == "STANDARD" { 2 } else { 0 });
        assert!(
            children.iter().all(|child| child.status == ExecutionStatus::Aborted),
            "{children:?}"
        );

        world.open();
        world.calls("work");
        let redriven = {
            let engine = world.engine();
            engine.redrive(&arn).await.unwrap();
            world.finish(engine, arn).await
        };
        assert_eq!(redriven.row.status, ExecutionStatus::Succeeded, "{:?}", redriven.row);
        assert_eq!(world.calls("work"), once(0..5));
        assert_eq!(redriven.describe().await.execution_counts, counts(0, 5, 0, 5));
    }
}

#[tokio::test(start_paused = true)]
async fn map_runs_are_listed_the_newest_first() {
    let world = World::new(2, &[]);
    let mut twice = world::machine(&map("EXPRESS", json!({"Label": "One"})));
    let second = map("EXPRESS", json!({"Label": "Two"})).to_string();
    // A machine has each name of a state once.
    let second = second.replace("\"First\"", "\"Begin\"").replace("\"Work\"", "\"Act\"");
    let mut second: Value = serde_json::from_str(&second).unwrap();
    second["End"] = json!(true);
    twice["States"]["Map"].as_object_mut().unwrap().remove("End");
    twice["States"]["Map"]["Next"] = json!("Second");
    twice["States"]["Second"] = second;
    let engine = world.engine();
    let arn = world.start_machine(&engine, "run", &twice, None).await;
    let run = world.finish(engine, arn).await;
    let listed = run.engine.list_map_runs(&run.arn, 0, 10).await.unwrap();
    let machines: Vec<&str> = listed.iter().map(|entry| entry.state_machine_arn.as_str()).collect();
    let machine = |label: &str| format!("arn:aws:states:us-east-1:000000000000:stateMachine:machine/{label}");
    assert_eq!(machines, [machine("Two"), machine("One")]);
    assert!(
        listed
            .iter()
            .all(|entry| entry.execution_arn == run.arn && entry.stop_date.is_some())
    );
    let second = run.engine.list_map_runs(&run.arn, 1, 10).await.unwrap();
    assert_eq!(second, listed[1..]);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_run_that_has_succeeded_are_done_again_by_what_became_of_them() {
    let world = World::new(12, &[1, 4]);
    world.break_item(7, "Test.Other");
    let map = map("EXPRESS", json!({"ToleratedFailurePercentage": 100}));
    let first = world.run(&map).await;
    assert_eq!(first.row.status, ExecutionStatus::Succeeded);
    let refused = first.engine.redrive(&first.arn).await.unwrap_err();
    assert!(
        matches!(refused, Error::NotRedrivable { .. }),
        "AWS does not redrive it"
    );
    world.calls("work");
    world.mend_all();
    world.break_item(4, "Test.Other");
    let error = |name: &str| ItemFilter::Error(name.to_owned());
    let redone = [
        ("others", error("Test.Other"), vec![7]),
        ("all", ItemFilter::Unsuccessful, vec![1, 4, 7]),
        ("failed", ItemFilter::Failed, vec![1, 4, 7]),
        ("none", ItemFilter::Pending, vec![]),
        ("no such", error("Test.Unknown"), vec![]),
    ];
    for (name, only, items) in redone {
        let engine = world.engine();
        let item_subset = ItemSubset {
            execution: first.arn.clone(),
            only,
        };
        let arn = world.start(&engine, name, &map, Some(item_subset)).await;
        let run = world.finish(engine, arn).await;
        assert_eq!(run.row.status, ExecutionStatus::Succeeded);
        assert_eq!(world.calls("work"), once(items.iter().copied()), "{name}");
        let description = run.describe().await;
        assert_eq!(description.execution_counts.total, items.len() as u64);
        assert_eq!(description.redrive_count, 0, "it is a run of its own");
    }
    // What it has not done either is left for the next.
    let engine = world.engine();
    let all = ExecutionArn(first.arn.0.replace(":run", ":all"));
    world.mend_all();
    let item_subset = ItemSubset {
        execution: all,
        only: ItemFilter::Unsuccessful,
    };
    let arn = world.start(&engine, "last", &map, Some(item_subset)).await;
    world.finish(engine, arn).await;
    assert_eq!(world.calls("work"), once([4]));
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_run_never_started_can_be_done_by_another() {
    let world = World::new(9, &[2]);
    let map = map("EXPRESS", json!({}));
    let failed = world.run(&map).await;
    assert_eq!(failed.row.status, ExecutionStatus::Failed);
    for (name, only, items) in [
        ("rest", ItemFilter::Pending, vec![3, 4, 5, 6, 7, 8]),
        ("both", ItemFilter::Unsuccessful, vec![2, 3, 4, 5, 6, 7, 8]),
    ] {
        world.calls("work");
        world.mend_all();
        let engine = world.engine();
        let item_subset = ItemSubset {
            execution: failed.arn.clone(),
            only,
        };
        let arn = world.start(&engine, name, &map, Some(item_subset)).await;
        world.finish(engine, arn).await;
        assert_eq!(world.calls("work"), once(items), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_standard_child_waits_for_its_token_through_a_crash() {
    let world = World::new(3, &[]);
    let wait = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
    });
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Wait", "States": {"Wait": wait},
    });
    let map = map("STANDARD", json!({"ItemProcessor": processor, "MaxConcurrency": 3}));
    let first = world.engine();
    let arn = world.start(&first, "run", &map, None).await;
    let stop = Stop::default();
    tokio::select! {
        biased;
        _ = first.run(&arn, &stop) => panic!("nobody has answered"),
        map_run = running(&first, &arn, 3) => {
            submitted(&first, &world, &map_run).await;
        }
    }
    // The process is gone; another one takes the answers.
    let second = world.engine();
    let act = async {
        let tokens = world.sent.lock().unwrap().clone();
        for token in &tokens {
            while second.send_task_success(token, "1".to_owned()).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    };
    let (outcome, ()) = meanwhile(&second, &arn, act).await;
    assert_eq!(ended(outcome).status, ExecutionStatus::Succeeded);
    assert_eq!(world.sent.lock().unwrap().len(), 3, "none is submitted again");
}

/// Waits until the journals of three children have a submitted task.
async fn submitted(engine: &Engine, world: &World, map_run: &MapRunArn) {
    loop {
        let children = world
            .journal
            .executions(&ExecutionFilter::children_of(map_run), None, 10)
            .await
            .unwrap()
            .items;
        let mut waiting = 0;
        for child in &children {
            let history = engine.history(&child.arn).await.unwrap();
            waiting += usize::from(history.iter().any(|event| event.kind.as_str() == "TaskSubmitted"));
        }
        if waiting == 3 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A Map over a state's own items, whose number is known at once.
fn over_own_items(items: u64, fields: Value) -> Value {
    let mut machine = map("EXPRESS", fields);
    let items: Vec<Value> = (0..items).map(|n| json!({"n": n})).collect();
    let members = machine.as_object_mut().unwrap();
    members.remove("ItemReader");
    members.insert("ItemSelector".to_owned(), json!({"n.$": "$$.Map.Item.Value.n"}));
    let prepare = json!({"Type": "Pass", "Result": items, "Next": "Map"});
    json!({"StartAt": "Prepare", "States": {"Prepare": prepare, "Map": machine}})
}

#[tokio::test(start_paused = true)]
async fn what_is_pending_is_known_where_the_items_are() {
    for (batcher, children, running_items) in [(None, 10, 1), (Some(3), 4, 3)] {
        let world = World::new(0, &[]);
        world.shut();
        let mut fields = json!({});
        if let Some(max) = batcher {
            fields["ItemBatcher"] = json!({"MaxItemsPerBatch": max});
        }
        let engine = world.engine();
        let machine = over_own_items(10, fields);
        let arn = world.start_machine(&engine, "run", &machine, None).await;
        let act = async {
            let map_run = running(&engine, &arn, 1).await;
            let description = engine.describe_map_run(&map_run).await.unwrap();
            let (executions, items) = (description.execution_counts, description.item_counts);
            assert_eq!((executions.total, executions.pending), (children, children - 1));
            assert_eq!((items.total, items.pending), (10, 10 - running_items));
            world.open();
        };
        let (outcome, ()) = meanwhile(&engine, &arn, act).await;
        assert_eq!(ended(outcome).status, ExecutionStatus::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_percentage_of_known_items_ends_the_run_at_once() {
    let world = World::new(0, &[0, 1, 2]);
    let engine = world.engine();
    let machine = over_own_items(10, json!({"ToleratedFailurePercentage": 20}));
    let arn = world.start_machine(&engine, "run", &machine, None).await;
    let run = world.finish(engine, arn).await;
    assert_eq!(run.row.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    assert_eq!(run.describe().await.execution_counts, counts(7, 0, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn items_are_not_done_again_where_nobody_can_tell_which() {
    let world = World::new(3, &[]);
    let item_subset = |execution: &ExecutionArn| {
        Some(ItemSubset {
            execution: execution.clone(),
            only: ItemFilter::Unsuccessful,
        })
    };
    let map = map("EXPRESS", json!({}));
    let engine = world.engine();
    let running = world.start(&engine, "run", &map, None).await;
    let start = async |name: &str, item_subset| {
        let new = world::new_execution(name, &world::machine(&map), item_subset);
        engine.start(new).await.unwrap_err().to_string()
    };
    let refused = start("early", item_subset(&running)).await;
    assert_eq!(
        refused,
        "the items of `run` cannot be done again: the execution has not ended"
    );
    let nobody = ExecutionArn(running.0.replace(":run", ":nobody"));
    assert!(start("lost", item_subset(&nobody)).await.contains("done again"));

    // The same Map twice, in a loop.
    let mut twice = world::machine(&map);
    let states = twice["States"].as_object_mut().unwrap();
    states["Map"].as_object_mut().unwrap().remove("End");
    states["Map"]["Next"] = json!("Again");
    states["Map"]["ResultPath"] = json!("$.map");
    states.insert(
        "Again".to_owned(),
        json!({"Type": "Choice", "Default": "Count", "Choices": [
            {"Variable": "$.again", "IsPresent": true, "Next": "Done"},
        ]}),
    );
    states.insert(
        "Count".to_owned(),
        json!({"Type": "Pass", "Result": true, "ResultPath": "$.again", "Next": "Map"}),
    );
    states.insert("Done".to_owned(), json!({"Type": "Succeed"}));
    let arn = world.start_machine(&engine, "twice", &twice, None).await;
    let run = world.finish(world.engine(), arn).await;
    assert_eq!(run.row.status, ExecutionStatus::Succeeded, "{:?}", run.row);
    let refused = start("which", item_subset(&run.arn)).await;
    assert_eq!(
        refused,
        "the items of `twice` cannot be done again: its Map `Map` ran 2 times"
    );
}

#[tokio::test(start_paused = true)]
async fn an_express_child_cannot_run_a_distributed_map() {
    let world = World::new(1, &[]);
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Inner", "States": {"Inner": map("EXPRESS", json!({"Label": "Inner"}))},
    });
    let run = world.run(&map("EXPRESS", json!({"ItemProcessor": processor}))).await;
    assert_eq!(run.row.status, ExecutionStatus::Failed);
    let record = world.records(&world.manifest(&run, 0), "FAILED")[0].clone();
    assert_eq!(record["Error"], "States.Runtime");
    assert_eq!(record["Cause"], "an EXPRESS execution cannot run a DISTRIBUTED Map");
}
