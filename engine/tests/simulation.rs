//! The whole engine on one thread and a paused clock, crashed and recovered: a few machines at every write, then
//! thousands of machines that a seed makes up, each through several crashes, compared with itself without any.
//!
//! A failure prints its seed. To run it alone: put it into `ONE_SEED` and run `cargo test -p gantry-engine --test simulation
//! one_seed -- --nocapture`. How many seeds there are, and what they met, is printed with `--nocapture` too.
#![cfg(test)]

mod support;

mod simulation {
    //! The made-up machines and the world around them.

    mod chance;
    mod checks;
    mod invoker;
    mod life;
    mod script;
    mod story;
    mod world;

    pub(crate) use story::{Tally, tell, tell_each_write, trace};

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";
    const HALT: &str = "Test.DiskFull";
}

use engine::{Engine, Error, RunEnd, Stop};
use ports::{Clock, ExecutionArn, ExecutionStatus, Timestamp, memory};
use serde_json::{Value, json};

use support::{World, machine, new_execution};

const NEVER: u64 = u64::MAX;

/// What `one_seed` runs.
const ONE_SEED: u64 = 1;

/// Seeds of one test: the tests run beside each other.
const SEEDS_PER_TEST: u64 = 1_000;

fn tell_all(from: u64) {
    let mut tally = simulation::Tally::default();
    for seed in from..from + SEEDS_PER_TEST {
        simulation::tell(seed, &mut tally);
    }
    println!("from seed {from}: {tally:?}");
    assert!(
        tally.redrives > SEEDS_PER_TEST / 20 && tally.map_run_redrives > SEEDS_PER_TEST / 50,
        "{tally:?}"
    );
    assert!(
        tally.crashes > SEEDS_PER_TEST,
        "a simulation that does not crash shows nothing: {tally:?}"
    );
}

#[test]
fn one_seed() {
    let mut tally = simulation::Tally::default();
    simulation::tell(ONE_SEED, &mut tally);
    println!("seed {ONE_SEED}: {tally:?}");
}

#[test]
fn seeds_from_0_end_alike_with_and_without_crashes() {
    tell_all(0);
}

#[test]
fn seeds_from_1000_end_alike_with_and_without_crashes() {
    tell_all(1_000);
}

#[test]
fn seeds_from_2000_end_alike_with_and_without_crashes() {
    tell_all(2_000);
}

#[test]
fn a_crash_at_each_append_and_commit_changes_nothing() {
    let mut tally = simulation::Tally::default();
    for seed in 0..20 {
        simulation::tell_each_write(seed, &mut tally);
    }
    println!("at each write: {tally:?}");
    assert!(tally.crashes > 200, "{tally:?}");
}

#[test]
fn a_seed_always_does_the_same() {
    for seed in 0..50 {
        let (first, again) = (simulation::trace(seed), simulation::trace(seed));
        assert!(first == again, "seed {seed} does one thing and then another");
    }
}

async fn run(engine: &Engine, arn: &ExecutionArn) -> Result<Value, Error> {
    let RunEnd::Ended(row) = engine.run(arn, &Stop::default()).await? else {
        panic!("nobody asked it to stop");
    };
    assert_eq!(
        row.status,
        ExecutionStatus::Succeeded,
        "{:?} {:?}",
        row.error,
        row.cause
    );
    Ok(serde_json::from_str(&row.output.unwrap()).unwrap())
}

async fn crash_free(items: u64, writer: bool) -> (World, Value) {
    let world = World::with_items(items);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine.start(new_execution(machine(4, writer), "well")).await.unwrap();
    let output = run(&engine, &arn).await.unwrap();
    (world, output)
}

#[tokio::test(start_paused = true)]
async fn a_map_without_a_writer_gives_its_outputs_in_order() {
    let (_, output) = crash_free(10, false).await;
    let expected: Vec<Value> = (0..10).map(|n| json!({"n": n, "doubled": n * 2})).collect();
    assert_eq!(output["map"], Value::Array(expected));
    assert_eq!(output["round"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_writer_leaves_a_manifest_and_one_record_for_each_child() {
    let (world, output) = crash_free(10, true).await;
    let key = output["map"]["ResultWriterDetails"]["Key"].as_str().unwrap();
    let manifest = world.json(key);
    assert_eq!(manifest["DestinationBucket"], "bucket");
    assert_eq!(manifest["MapRunArn"], output["map"]["MapRunArn"]);
    assert_eq!(manifest["ResultFiles"]["FAILED"], json!([]));
    let file = &manifest["ResultFiles"]["SUCCEEDED"][0];
    let body = world.store.bytes("bucket", file["Key"].as_str().unwrap()).unwrap();
    assert_eq!(file["Size"], body.len());
    let records: Vec<Value> = serde_json::from_slice(&body).unwrap();
    let mut doubled: Vec<u64> = Vec::new();
    for record in &records {
        let output: Value = serde_json::from_str(record["Output"].as_str().unwrap()).unwrap();
        let input: Value = serde_json::from_str(record["Input"].as_str().unwrap()).unwrap();
        assert_eq!(output["n"], input["n"]);
        doubled.push(output["doubled"].as_u64().unwrap());
    }
    doubled.sort_unstable();
    assert_eq!(doubled, (0..10).map(|n| n * 2).collect::<Vec<_>>());
}

/// Runs, crashes and runs again until it ends. Returns the output and how often it crashed.
async fn through_crashes(world: &World, journal_lives: u64, commits: u64, writer: bool) -> (Value, u32) {
    let arn = world
        .engine(NEVER, NEVER)
        .start(new_execution(machine(4, writer), "well"))
        .await
        .unwrap();
    for crashes in 0..10_000 {
        let engine = world.engine(journal_lives, commits);
        match run(&engine, &arn).await {
            Ok(output) => return (output, crashes),
            Err(Error::Port { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it makes no progress with {journal_lives} journal calls and {commits} commits a life");
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_journal_call_changes_nothing() {
    let (_, expected) = crash_free(10, false).await;
    // Three calls are the least that a life needs: read the row, read the journal, append.
    let mut most = 0;
    for lives in 4..40 {
        let world = World::with_items(10);
        let (output, crashes) = through_crashes(&world, lives, NEVER, false).await;
        assert_eq!(output, expected, "with {lives} journal calls a life");
        most = most.max(crashes);
    }
    assert!(
        most >= 5,
        "the shortest lives crash often, found {most} crashes at most"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_changes_nothing() {
    for writer in [false, true] {
        let (_, expected) = crash_free(30, writer).await;
        for lives in 1..40 {
            let world = World::with_items(30);
            let (output, _) = through_crashes(&world, NEVER, lives, writer).await;
            assert_eq!(output, expected, "with {lives} commits a life");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn children_in_the_ledger_never_run_again() {
    let world = World::with_items(200);
    let (_, crashes) = through_crashes(&world, NEVER, 2, false).await;
    let worked = world.worked.lock().unwrap();
    // Two rounds; beyond them at most the children that ran or waited for a commit at each crash.
    let extra: u32 = (0..200).map(|n| worked[&n] - 2).sum();
    assert!(crashes > 5, "{crashes} crashes");
    assert!(
        extra <= crashes * 8,
        "{extra} children ran again over {crashes} crashes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_history_is_made_from_the_journal() {
    let world = World::with_items(3);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine.start(new_execution(machine(1, false), "well")).await.unwrap();
    run(&engine, &arn).await.unwrap();
    let kinds: Vec<&str> = engine
        .history(&arn)
        .await
        .unwrap()
        .iter()
        .map(|event| event.kind.as_str())
        .collect();
    let first = [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
    ];
    assert_eq!(kinds[..first.len()], first);
    assert_eq!(kinds.last(), Some(&"ExecutionSucceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_child_is_counted_and_the_run_goes_on() {
    let world = World::with_items(5);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine.start(new_execution(machine(2, true), "fail")).await.unwrap();
    let RunEnd::Ended(row) = engine.run(&arn, &Stop::default()).await.unwrap() else {
        panic!("nobody asked it to stop")
    };
    let output: Value = serde_json::from_str(&row.output.unwrap()).unwrap();
    let manifest = world.json(output["map"]["ResultWriterDetails"]["Key"].as_str().unwrap());
    let failed = world.json(manifest["ResultFiles"]["FAILED"][0]["Key"].as_str().unwrap());
    let failed = failed.as_array().unwrap();
    assert_eq!(failed.len(), 5);
    assert!(
        failed
            .iter()
            .all(|record| record["Error"] == "Test.Failed" && record["Status"] == "FAILED")
    );
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_can_mend_stops_the_run_and_is_not_recorded() {
    let world = World::with_items(5);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine.start(new_execution(machine(2, true), "halt")).await.unwrap();
    for _ in 0..2 {
        let halted = engine.run(&arn, &Stop::default()).await.unwrap_err();
        assert!(matches!(halted, Error::Halted { .. }), "{halted}");
    }
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_it_finishes_what_runs_and_goes_on_later() {
    let (_, expected) = crash_free(50, false).await;
    let world = World::with_items(50);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine.start(new_execution(machine(4, false), "well")).await.unwrap();
    let stop = Stop::default();
    let stopped = tokio::join!(engine.run(&arn, &stop), async {
        while world.worked.lock().unwrap().len() < 10 {
            tokio::task::yield_now().await;
        }
        stop.request();
    });
    assert_eq!(stopped.0.unwrap(), RunEnd::Stopped);
    let before = world.worked.lock().unwrap().clone();
    assert!(
        before.len() < 50 && before.values().all(|times| *times == 1),
        "{before:?}"
    );
    assert_eq!(run(&engine, &arn).await.unwrap(), expected);
    let worked = world.worked.lock().unwrap();
    assert!(
        (0..50).all(|n| worked[&n] == 2),
        "once in each of two rounds: {worked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_a_task_that_a_child_waits_for_still_runs_out_of_time() {
    let world = World::with_items(2);
    let mut definition: Value = serde_json::from_str(&machine(1, true)).unwrap();
    definition["States"]["Map"]["ItemProcessor"]["States"]["Work"]["TimeoutSeconds"] = json!(10);
    let engine = world.engine(NEVER, NEVER);
    let arn = engine
        .start(new_execution(definition.to_string(), "silence"))
        .await
        .unwrap();
    let stop = Stop::default();
    let stopped = tokio::join!(engine.run(&arn, &stop), async {
        let clock = memory::PausedClock::at(Timestamp::default());
        clock.sleep_until(Timestamp::from_millis(5_000)).await;
        stop.request();
    });
    assert_eq!(stopped.0.unwrap(), RunEnd::Stopped);
    run(&engine, &arn).await.unwrap();
    let keys = world.store.keys("bucket");
    let files = keys.iter().filter(|key| key.contains("FAILED_"));
    let records: Vec<Value> = files
        .flat_map(|key| world.json(key).as_array().unwrap().clone())
        .collect();
    assert_eq!(records.len(), 4, "two items in each of two rounds");
    for record in records {
        assert_eq!(
            (&record["Status"], &record["Error"]),
            (&json!("FAILED"), &json!("States.Timeout"))
        );
    }
}
