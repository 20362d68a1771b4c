//! Objects that come while a run over their listing is down, or between it and its redrive.

use engine::MapRunChange;
use ports::ExecutionStatus;
use serde_json::{Value, json};

use crate::counts::dies_after;
use crate::world::{World, map};

/// A Map over the objects below `in/`, in a world where these are there.
fn over_listing(world: &World, keys: &[&str], fields: Value) -> Value {
    for key in keys {
        world.store.insert("bucket", &format!("in/{key}"), "x");
    }
    let reader = json!({
        "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "bucket", "Prefix": "in/"},
    });
    let mut map = map("EXPRESS", fields);
    let members = map.as_object_mut().unwrap();
    members.insert("ItemReader".to_owned(), reader);
    members.insert(
        "ItemSelector".to_owned(),
        json!({"n.$": "$$.Map.Item.Index", "key.$": "$$.Map.Item.Value.Key"}),
    );
    map
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_has_changed_is_not_redriven() {
    let world = World::new(0, &[2]);
    let map = over_listing(&world, &["a", "b", "c", "d"], json!({"ToleratedFailureCount": 0}));
    let failed = world.run(&map).await;
    assert_eq!(failed.row.status, ExecutionStatus::Failed);
    world.mend_all();
    world.calls("work");
    // Behind what was read it is as good as any.
    world.store.insert("bucket", "in/e", "x");
    world.store.insert("bucket", "in/0", "x");
    let redriven = world.redrive(&failed).await;
    assert_eq!(redriven.row.error.as_deref(), Some("States.ItemReaderFailed"));
    let cause = redriven.row.cause.clone().unwrap();
    assert!(cause.contains("in/*") && cause.contains("changed"), "{cause}");
    assert!(world.calls("work").is_empty());
    world.remove("in/0").await;
    let again = world.redrive(&redriven).await;
    assert_eq!(again.row.status, ExecutionStatus::Succeeded, "{:?}", again.row);
    assert_eq!(again.describe().await.execution_counts.succeeded, 5);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_has_changed_is_not_gone_on_with() {
    for (key, status) in [("in/a0", ExecutionStatus::Failed), ("in/z", ExecutionStatus::Succeeded)] {
        let world = World::new(0, &[]);
        let mut map = over_listing(&world, &["a", "b", "c", "d", "e", "f"], json!({"MaxConcurrency": 2}));
        // The first child waits longer than the others.
        map["ItemProcessor"]["StartAt"] = json!("Which");
        map["ItemProcessor"]["States"].as_object_mut().unwrap().remove("First");
        map["ItemProcessor"]["States"]["Which"] = json!({
            "Type": "Choice", "Default": "Work", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "Wait"}],
        });
        map["ItemProcessor"]["States"]["Wait"] = json!({"Type": "Wait", "Seconds": 100, "Next": "Work"});
        let engine = world.engine();
        let arn = world.start(&engine, "run", &map, None).await;
        dies_after(&engine, &arn, 4, MapRunChange::default()).await;
        world.store.insert("bucket", key, "x");
        let run = world.finish(world.engine(), arn).await;
        assert_eq!(run.row.status, status, "{key}: {:?}", run.row.cause);
    }
}
