//! Children that start executions and do not wait for them.

use engine::Engine;
use ports::{ExecutionFilter, ExecutionStatus, Journal};
use serde_json::{Value, json};

use crate::counts;
use crate::world::{World, map};

/// Starts `slow`, which takes twice as long as an Express child may, for each item.
fn starts_slow(kind: &str) -> Value {
    let start = json!({
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": true,
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:slow", "Input.$": "$"},
    });
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "Start", "States": {"Start": start},
    });
    map(kind, json!({"ItemProcessor": processor}))
}

fn register(engine: &Engine) {
    let slow = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}});
    engine.register("slow", &slow.to_string()).unwrap();
}

/// What they have started runs here, and is bounded as they are.
#[tokio::test(start_paused = true)]
async fn children_wait_while_too_much_of_what_they_have_started_runs() {
    let most = engine::limits::STARTED_MAX as u64;
    let world = World::new(most + 10, &[]);
    let engine = world.engine();
    register(&engine);
    let arn = world.start(&engine, "run", &starts_slow("EXPRESS"), None).await;
    let run = world.finish(engine, arn).await;
    assert_eq!(run.row.status, ExecutionStatus::Succeeded, "{:?}", run.row);
    let description = run.describe().await;
    assert_eq!(description.execution_counts.succeeded, most + 10);
    let took = description.stop_date.unwrap().since(description.start_date);
    assert_eq!(took.as_secs(), 600, "the last ten begin when the first have ended");
}

#[tokio::test(start_paused = true)]
async fn a_child_ends_before_what_it_has_only_started() {
    for kind in ["EXPRESS", "STANDARD"] {
        let world = World::new(5, &[]);
        let engine = world.engine();
        register(&engine);
        let arn = world.start(&engine, "run", &starts_slow(kind), None).await;
        let run = world.finish(engine, arn).await;
        assert_eq!(run.row.status, ExecutionStatus::Succeeded, "{kind}: {:?}", run.row);
        let description = run.describe().await;
        assert_eq!(description.execution_counts, counts(0, 5, 0, 5), "{kind}");
        let took = description.stop_date.unwrap().since(description.start_date);
        assert!(took.as_secs() < 1, "{kind}: {took:?} with one child at a time");
        let started = world
            .journal
            .executions(&ExecutionFilter::default(), None, 10)
            .await
            .unwrap()
            .items;
        let started: Vec<_> = started.iter().filter(|row| row.state_machine == "slow").collect();
        assert_eq!(started.len(), 5);
        assert!(
            started.iter().all(|row| row.status == ExecutionStatus::Succeeded),
            "{kind}: they have ended when the run returns: {started:?}"
        );
    }
}
