//! Many executions under one supervisor: bounds, crashes, shutdown, stops, panics, Express executions.
#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{
    Engine, Error, ExecutionFailure, HistorySink, InvalidRequest, NewExecution, NewExpress, Ports, RunEnd, Settings,
    Stop, Supervisor, SupervisorBounds,
};
use ports::{Clock, ExecutionArn, ExecutionStatus, Journal, TaskFailure, Timestamp, memory};
use serde_json::{Value, json};

/// What survives a crash, and what is seen of the tasks.
#[derive(Debug, Clone, Default)]
struct World {
    journal: Arc<memory::Journal>,
    ledger: Arc<memory::Ledger>,
    calls: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    mended: Arc<AtomicUsize>,
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

/// One task, then ten seconds of waiting.
fn machine(task: &str) -> Value {
    json!({"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": function(task), "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 10, "End": true},
    }})
}

fn new(name: &str, definition: &Value) -> NewExecution {
    NewExecution {
        state_machine: "machine".to_owned(),
        definition: definition.to_string(),
        name: name.to_owned(),
        input: format!("{{\"name\":\"{name}\"}}"),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    }
}

fn bounds(running_max: usize, waiting_max: usize) -> SupervisorBounds {
    SupervisorBounds {
        running_max,
        waiting_max,
        express_sync_max: 1,
    }
}

impl World {
    /// An engine of one life: its tasks take a second of its clock.
    fn engine(&self) -> Engine {
        let clock: Arc<dyn Clock> = Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000)));
        let ports = Ports {
            store: Arc::new(memory::ObjectStore::default()),
            invoker: Arc::new(self.tasks(&clock)),
            journal: self.journal.clone(),
            ledger: self.ledger.clone(),
            clock,
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::new(),
        };
        Engine::new(ports, settings)
    }

    fn tasks(&self, clock: &Arc<dyn Clock>) -> memory::TaskInvoker {
        let (world, clock, mended) = (self.clone(), Arc::clone(clock), Arc::clone(&self.mended));
        memory::TaskInvoker::default()
            .with(function("work"), move |_| {
                let (world, clock) = (world.clone(), Arc::clone(&clock));
                async move {
                    world.calls.fetch_add(1, Ordering::SeqCst);
                    let now = world.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                    world.most_at_once.fetch_max(now, Ordering::SeqCst);
                    clock.sleep_until(clock.now().plus(Duration::from_secs(1))).await;
                    world.at_once.fetch_sub(1, Ordering::SeqCst);
                    Ok("{}".to_owned())
                }
            })
            .with(function("panics"), |_| async { panic!("on purpose") })
            .with(function("mended"), move |_| {
                let mended = mended.load(Ordering::SeqCst) > 0;
                async move {
                    let failure = || TaskFailure {
                        error: "Test.Broken".to_owned(),
                        cause: "not yet".to_owned(),
                    };
                    if mended { Ok("{}".to_owned()) } else { Err(failure()) }
                }
            })
    }

    async fn status(&self, arn: &ExecutionArn) -> ExecutionStatus {
        self.journal.execution(arn).await.unwrap().status
    }
}

/// Returns when so much of the paused time has passed.
async fn passed(time: Duration) {
    let now = Timestamp::default();
    memory::PausedClock::at(now).sleep_until(now.plus(time)).await;
}

/// Runs the executor beside a story, until the story is told; then the process dies.
async fn live<T>(
    world: &World,
    bounds: SupervisorBounds,
    story: impl AsyncFnOnce(Supervisor) -> T,
) -> (T, Vec<ExecutionFailure>) {
    let (supervisor, executor) = Supervisor::open(world.engine(), bounds).await.unwrap();
    let (stop, failures) = (Stop::default(), Mutex::new(Vec::new()));
    let told = tokio::select! {
        () = executor.run(&stop, |failure| failures.lock().unwrap().push(failure)) => panic!("nobody stopped it"),
        told = story(supervisor) => told,
    };
    // Tasks that were under way when the process died are not counted on.
    world.at_once.store(0, Ordering::SeqCst);
    (told, failures.into_inner().unwrap())
}

async fn end(supervisor: &Supervisor, arn: &ExecutionArn) -> ExecutionStatus {
    match supervisor.wait(arn).await.unwrap() {
        RunEnd::Ended(row) => row.status,
        RunEnd::Stopped => panic!("`{arn}` was left"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_executions_end_once_and_no_more_run_than_may() {
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let mut arns = Vec::new();
        for number in 0..100 {
            arns.push(
                supervisor
                    .start(new(&number.to_string(), &machine("work")))
                    .await
                    .unwrap(),
            );
        }
        for arn in &arns {
            assert_eq!(end(&supervisor, arn).await, ExecutionStatus::Succeeded);
        }
        assert_eq!(supervisor.load(), (0, 0));
    };
    let ((), failures) = live(&world, bounds(7, 100), story).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(world.most_at_once.load(Ordering::SeqCst), 7);
    assert_eq!(world.calls.load(Ordering::SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn what_ran_when_the_process_died_is_taken_up_and_ends_once() {
    let world = World::default();
    let (arns, _) = live(&world, bounds(7, 100), async |supervisor: Supervisor| {
        let mut arns = Vec::new();
        for number in 0..100 {
            arns.push(
                supervisor
                    .start(new(&number.to_string(), &machine("work")))
                    .await
                    .unwrap(),
            );
        }
        supervisor.wait(&arns[20]).await.unwrap();
        arns
    })
    .await;
    let mut ended = 0;
    for arn in &arns {
        ended += usize::from(world.status(arn).await == ExecutionStatus::Succeeded);
    }
    assert!((15..=60).contains(&ended), "it died in the middle: {ended} had ended");
    let story = async |supervisor: Supervisor| {
        let (waiting, running) = supervisor.load();
        assert_eq!(waiting + running, 100 - ended, "what has not ended was taken up");
        for arn in &arns {
            assert_eq!(end(&supervisor, arn).await, ExecutionStatus::Succeeded);
        }
    };
    let ((), failures) = live(&world, bounds(7, 1), story).await;
    assert!(failures.is_empty(), "{failures:?}");
    let calls = world.calls.load(Ordering::SeqCst);
    assert!(
        (100..=107).contains(&calls),
        "only tasks that were under way are called again: {calls}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_what_runs_to_the_next_start() {
    let world = World::default();
    let engine = world.engine();
    let (supervisor, executor) = Supervisor::open(engine, bounds(2, 10)).await.unwrap();
    let mut arns = Vec::new();
    for name in ["a", "b", "c"] {
        arns.push(supervisor.start(new(name, &machine("work"))).await.unwrap());
    }
    let stop = Stop::default();
    let story = async {
        passed(Duration::from_secs(3)).await;
        stop.request();
        supervisor.wait(&arns[0]).await.unwrap()
    };
    let ((), left) = tokio::join!(executor.run(&stop, |failure| panic!("{failure:?}")), story);
    assert_eq!(left, RunEnd::Stopped);
    let refused = supervisor.start(new("late", &machine("work"))).await.unwrap_err();
    assert!(matches!(refused, Error::Draining), "{refused}");
    for arn in &arns {
        assert_eq!(world.status(arn).await, ExecutionStatus::Running);
    }
    let story = async |supervisor: Supervisor| {
        for arn in &arns {
            assert_eq!(end(&supervisor, arn).await, ExecutionStatus::Succeeded);
        }
    };
    live(&world, bounds(2, 10), story).await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_stopped_whether_it_runs_or_waits() {
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let running = supervisor.start(new("running", &machine("work"))).await.unwrap();
        let waiting = supervisor.start(new("waiting", &machine("work"))).await.unwrap();
        passed(Duration::from_secs(2)).await;
        assert_eq!(supervisor.load(), (1, 1));
        let why = || (Some("Test.Stopped".to_owned()), Some("by a person".to_owned()));
        let (error, cause) = why();
        supervisor.stop(&waiting, error, cause).await.unwrap();
        assert_eq!(world.status(&waiting).await, ExecutionStatus::Aborted);
        let (error, cause) = why();
        supervisor.stop(&running, error, cause).await.unwrap();
        assert_eq!(end(&supervisor, &running).await, ExecutionStatus::Aborted);
        for arn in [&running, &waiting] {
            let row = world.journal.execution(arn).await.unwrap();
            assert_eq!((row.error, row.cause), why());
            let refused = supervisor.stop(arn, None, None).await.unwrap_err();
            assert!(
                matches!(refused, Error::Request(InvalidRequest::Execution)),
                "{refused}"
            );
        }
    };
    live(&world, bounds(1, 10), story).await;
    assert_eq!(
        world.calls.load(Ordering::SeqCst),
        1,
        "the one that waited called nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_is_reported_and_the_others_run_on() {
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let bad = supervisor.start(new("bad", &machine("panics"))).await.unwrap();
        let good = supervisor.start(new("good", &machine("work"))).await.unwrap();
        let broken = supervisor.wait(&bad).await.unwrap_err();
        assert!(broken.to_string().contains("on purpose"), "{broken}");
        assert_eq!(end(&supervisor, &good).await, ExecutionStatus::Succeeded);
        assert_eq!(world.status(&bad).await, ExecutionStatus::Running);
        supervisor.resume(&bad).await.unwrap();
        assert!(supervisor.wait(&bad).await.is_err(), "it panics again");
    };
    let ((), failures) = live(&world, bounds(1, 10), story).await;
    assert_eq!(failures.len(), 2);
    assert!(matches!(&failures[0].error, Error::Panicked(text) if text == "on purpose"));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_the_same_request_again_is_the_same_execution() {
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let first = supervisor.start(new("first", &machine("work"))).await.unwrap();
        passed(Duration::from_millis(1)).await;
        assert_eq!(supervisor.start(new("first", &machine("work"))).await.unwrap(), first);
        let mut other = new("first", &machine("work"));
        other.input = "{}".to_owned();
        assert!(
            matches!(supervisor.start(other).await, Err(Error::Port { .. })),
            "another input is a conflict"
        );
        supervisor.start(new("second", &machine("work"))).await.unwrap();
        let refused = supervisor.start(new("third", &machine("work"))).await.unwrap_err();
        assert!(matches!(refused, Error::Busy { bound: 1, .. }), "{refused}");
    };
    live(&world, bounds(1, 1), story).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_execution_is_redriven() {
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let arn = supervisor.start(new("failing", &machine("mended"))).await.unwrap();
        assert_eq!(end(&supervisor, &arn).await, ExecutionStatus::Failed);
        world.mended.store(1, Ordering::SeqCst);
        supervisor.redrive(&arn).await.unwrap();
        assert_eq!(end(&supervisor, &arn).await, ExecutionStatus::Succeeded);
    };
    live(&world, bounds(1, 1), story).await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_and_the_one_it_started_are_taken_up_together() {
    let parent = json!({"StartAt": "Start", "States": {"Start": {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:child", "Name": "nested"},
        "End": true,
    }}});
    let world = World::default();
    let open = async || {
        let engine = world.engine();
        engine.register("child", &machine("work").to_string()).unwrap();
        Supervisor::open(engine, bounds(1, 10)).await.unwrap()
    };
    let stop = Stop::default();
    let (supervisor, executor) = open().await;
    let arn = supervisor.start(new("parent", &parent)).await.unwrap();
    tokio::select! {
        () = executor.run(&stop, |failure| panic!("{failure:?}")) => panic!("nobody stopped it"),
        () = passed(Duration::from_secs(5)) => {}
    }
    let nested = ExecutionArn("arn:aws:states:us-east-1:000000000000:execution:child:nested".to_owned());
    assert_eq!(world.status(&nested).await, ExecutionStatus::Running);
    let (supervisor, executor) = open().await;
    assert_eq!(supervisor.load(), (2, 0), "both run in the journal");
    tokio::select! {
        () = executor.run(&stop, |failure| panic!("{failure:?}")) => panic!("nobody stopped it"),
        status = end(&supervisor, &arn) => assert_eq!(status, ExecutionStatus::Succeeded),
    }
    assert_eq!(world.status(&nested).await, ExecutionStatus::Succeeded);
}

fn express(name: &str, definition: &Value) -> NewExpress {
    NewExpress {
        state_machine: "express".to_owned(),
        definition: definition.to_string(),
        name: name.to_owned(),
        input: "{}".to_owned(),
    }
}

/// A sink, and the types of the events that came to it.
fn sink() -> (HistorySink, Arc<Mutex<Vec<String>>>) {
    let types: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&types);
    let sink = HistorySink(Box::new(move |events| {
        let types = events.iter().map(|event| {
            serde_json::to_value(event).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        seen.lock().unwrap().extend(types);
    }));
    (sink, types)
}

#[tokio::test(start_paused = true)]
async fn express_executions_leave_nothing_but_their_history() {
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "ExecutionSucceeded",
    ];
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let (to, types) = sink();
        let ended = supervisor
            .run_express_sync(express("sync", &machine("work")), to)
            .await
            .unwrap();
        assert!(matches!(ended.ending, asl::Ending::Succeeded { .. }), "{ended:?}");
        assert_eq!(ended.stopped.since(ended.started), Duration::from_secs(11));
        assert!(
            ended
                .arn
                .0
                .starts_with("arn:aws:states:us-east-1:000000000000:express:express:sync:"),
            "{}",
            ended.arn
        );
        assert_eq!(*types.lock().unwrap(), expected);
        let (to, types) = sink();
        let arn = supervisor
            .start_express(express("async", &machine("work")), to)
            .unwrap();
        let again = supervisor
            .start_express(express("async", &machine("work")), HistorySink::ignore())
            .unwrap();
        assert_ne!(arn, again, "executions of one name are two");
        passed(Duration::from_secs(30)).await;
        assert_eq!(*types.lock().unwrap(), expected);
        assert_eq!(supervisor.load(), (0, 0));
    };
    let ((), failures) = live(&world, bounds(1, 10), story).await;
    assert!(failures.is_empty(), "{failures:?}");
    let journalled = world
        .journal
        .executions(&ports::ExecutionFilter::default(), None, 10)
        .await
        .unwrap();
    assert!(journalled.items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_express_execution_has_five_minutes_and_no_more_run_than_may() {
    let slow = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 400, "End": true}}});
    let world = World::default();
    let story = async |supervisor: Supervisor| {
        let first = supervisor.run_express_sync(express("first", &slow), HistorySink::ignore());
        let second = async {
            passed(Duration::from_secs(1)).await;
            supervisor
                .run_express_sync(express("second", &slow), HistorySink::ignore())
                .await
        };
        let (first, second) = tokio::join!(first, second);
        let first = first.unwrap();
        assert!(matches!(first.ending, asl::Ending::TimedOut(_)), "{first:?}");
        assert_eq!(first.stopped.since(first.started), Duration::from_mins(5));
        assert!(matches!(second, Err(Error::Busy { bound: 1, .. })));
    };
    live(&world, bounds(1, 10), story).await;
}
