//! The in-memory twins pass the suites.
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ports::memory::{self, Reply};
use ports::{FetchErrorKind, Limit, ObjectStore, TaskFailure, Timestamp, conformance};

#[tokio::test]
async fn objects() {
    let store = memory::ObjectStore::default();
    conformance::object_store::all(&store, "bucket").await.unwrap();
    let store = memory::ObjectStore::with_versions();
    conformance::object_store::all(&store, "bucket").await.unwrap();
}

#[tokio::test]
async fn objects_behind_a_limit() {
    let store = Limit::<dyn ObjectStore>::new(Arc::new(memory::ObjectStore::default()), 2);
    conformance::object_store::all(&store, "bucket").await.unwrap();
}

#[tokio::test]
async fn table() {
    let table = memory::Table::default();
    conformance::table::all(&table, "test").await.unwrap();
}

#[tokio::test]
async fn notifier() {
    let notifier = memory::Notifier::default();
    conformance::notifier::all(&notifier, "topic").await.unwrap();
    assert_eq!(notifier.published().len(), 4, "the id that came twice is kept once");
}

#[tokio::test]
async fn journal() {
    conformance::journal::all(&memory::Journal::default()).await.unwrap();
}

#[tokio::test]
async fn state_machines() {
    conformance::state_machines::all(&memory::StateMachines::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn activities() {
    conformance::activities::all(&memory::Activities::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn ledger() {
    conformance::ledger::all(&memory::Ledger::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn clock() {
    conformance::clock::all(&memory::PausedClock::at(Timestamp::from_millis(1_000))).await;
}

#[tokio::test]
async fn tasks() {
    let functions = conformance::task_invoker::Functions {
        echo: "echo".into(),
        fail: "fail".into(),
        missing: "missing".into(),
    };
    let tasks = memory::TaskInvoker::default()
        .with("echo", |call| async move { Ok(call.input) })
        .with("fail", |call| async move {
            let asked: serde_json::Value = serde_json::from_str(&call.input).unwrap();
            let text = |name: &str| asked[name].as_str().unwrap().to_owned();
            Err(TaskFailure {
                error: text("error"),
                cause: text("cause"),
            })
        });
    let clock = memory::Clock::default();
    conformance::task_invoker::all(&tasks, &clock, &functions)
        .await
        .unwrap();
    assert_eq!(tasks.invoked().len(), 3);
}

#[tokio::test]
async fn origin() {
    let url = |path: &str| format!("http://origin/{path}");
    let site = conformance::origin::Site {
        hello: url("hello"),
        missing: url("missing"),
        redirect: url("redirect"),
        broken: url("broken"),
        silent: url("silent"),
        closed: url("closed"),
    };
    let hello = Reply::ok("hello").header("X-Twice", "1").header("X-Twice", "2");
    let closed = Reply::error(FetchErrorKind::Connect, "connection refused");
    let origin = memory::Origin::default()
        .with(&site.hello, [hello])
        .with(&site.missing, [Reply::status(404)])
        .with(&site.redirect, [Reply::status(302).header("location", "/hello")])
        .with(&site.broken, [Reply::status(200).piece("hel").then_broken()])
        .with(&site.silent, [Reply::status(200).after(Duration::MAX)])
        .with(&site.closed, [closed]);
    conformance::origin::all(&origin, &site).await;
}

#[tokio::test]
async fn resolver() {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let resolver = memory::Resolver::default().with("example.com", [address]);
    conformance::resolver::all(&resolver, "example.com", &[address], "nowhere.invalid")
        .await
        .unwrap();
}
