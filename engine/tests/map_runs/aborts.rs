//! Map runs whose execution is stopped half-way, in processes that die at each call of a port; and their redrives.

use engine::{Engine, Error, Stop};
use ports::{ExecutionArn, ExecutionStatus};
use serde_json::{Value, json};

use crate::world::{World, map};
use crate::{dies_when_stopped, once};

/// Ports that die. The simulation has the store's deaths, and all others without an abort.
const PORTS: [&str; 2] = ["journal", "ledger"];

/// Stops an execution while two children run and two have succeeded, in a process that may die meanwhile.
async fn stop_half_way(world: &World, engine: &Engine, kind: &str) -> (ExecutionArn, bool) {
    let fields = json!({"MaxConcurrency": 2, "ItemBatcher": {"MaxItemsPerBatch": 2}});
    let arn = world.start(&world.engine(), "run", &map(kind, fields), None).await;
    let half_way = async {
        world.let_through(2);
        while world.noted("work") < 8 {
            tokio::task::yield_now().await;
        }
    };
    let has_died = dies_when_stopped(engine, &arn, half_way).await;
    (arn, has_died)
}

/// The items in the files of a manifest, by status.
fn files(world: &World, manifest: &Value) -> Vec<(String, Vec<u64>)> {
    ["SUCCEEDED", "FAILED", "PENDING"]
        .iter()
        .map(|status| {
            let records = world.records(manifest, status);
            let inputs = records
                .iter()
                .map(|record| -> Value { serde_json::from_str(record["Input"].as_str().unwrap()).unwrap() });
            let items = inputs.flat_map(|input| input["Items"].as_array().unwrap().clone());
            let mut items: Vec<u64> = items.map(|item| item["n"].as_u64().unwrap()).collect();
            items.sort_unstable();
            ((*status).to_owned(), items)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_aborted_run_has_each_item_in_one_file_wherever_a_crash_comes() {
    for (port, kind) in PORTS
        .into_iter()
        .flat_map(|port| [(port, "STANDARD"), (port, "EXPRESS")])
    {
        let mut aborted = 0;
        for calls in 0.. {
            let world = World::new(13, &[]);
            world.shut();
            let (arn, died) = stop_half_way(&world, &world.engine_with_until(port, calls), kind).await;
            world.open();
            let run = world.finish(world.engine(), arn).await;
            let place = format!("{kind}: the {port} died at call {calls}");
            let found = files(&world, &world.manifest(&run, 0));
            let mut all: Vec<u64> = found.iter().flat_map(|(_, items)| items.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..13).collect::<Vec<_>>(), "{place}: {found:?}");
            let counts = run.describe().await.item_counts;
            assert_eq!(counts.total, 13, "{place}: {counts:?}");
            aborted += u32::from(run.row.status == ExecutionStatus::Aborted);
            if run.row.status == ExecutionStatus::Aborted {
                assert_eq!(counts.succeeded, 4, "{place}: {counts:?}");
                world.calls("work");
                let redriven = world.redrive(&run).await;
                assert_eq!(redriven.row.status, ExecutionStatus::Succeeded, "{place}");
                assert_eq!(world.calls("work"), once(4..13), "{place}");
                let found = files(&world, &world.manifest(&redriven, 1));
                assert_eq!(found[0].1, (0..13).collect::<Vec<_>>(), "{place}: {found:?}");
            }
            if !died {
                break;
            }
        }
        assert!(aborted > 0, "{port} {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_does_what_is_left_wherever_a_crash_comes() {
    for (port, kind) in PORTS
        .into_iter()
        .flat_map(|port| [(port, "STANDARD"), (port, "EXPRESS")])
    {
        for calls in 0.. {
            let world = World::new(13, &[]);
            world.shut();
            let (arn, _) = stop_half_way(&world, &world.engine(), kind).await;
            world.open();
            let engine = world.engine_with_until(port, calls);
            let died = match engine.redrive(&arn).await {
                Ok(()) => engine.run(&arn, &Stop::default()).await.is_err(),
                Err(_) => true,
            };
            let place = format!("{kind}: the {port} died at call {calls}");
            let engine = world.engine();
            if let Err(refused) = engine.redrive(&arn).await {
                assert!(matches!(refused, Error::NotRedrivable { .. }), "{place}: {refused}");
            }
            let run = world.finish(engine, arn).await;
            assert_eq!(run.row.status, ExecutionStatus::Succeeded, "{place}");
            let found = files(&world, &world.manifest(&run, 1));
            assert_eq!(found[0].1, (0..13).collect::<Vec<_>>(), "{place}: {found:?}");
            assert_eq!((&found[1].1, &found[2].1), (&vec![], &vec![]), "{place}");
            let description = run.describe().await;
            let counts = description.item_counts;
            assert_eq!(
                (counts.succeeded, counts.total, counts.results_written),
                (13, 13, 13),
                "{place}"
            );
            assert_eq!(description.redrive_count, 1, "{place}");
            if !died {
                break;
            }
        }
    }
}
