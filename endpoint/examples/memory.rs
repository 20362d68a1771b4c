//! The Step Functions API over memory alone: for trying clients, and for the tests that type the real ones.
//!
//! `cargo run -p gantry-endpoint --example memory -- 127.0.0.1:4566`. A Lambda function `double` doubles a number; everything
//! is gone when the process ends.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use endpoint::{App, Parts, Settings};
use engine::{Engine, Stop, Supervisor, SupervisorBounds};
use ports::{Timestamp, memory};
use tokio::net::TcpListener;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
/// 2026-11-28T00:00:00Z: when the example's clock begins.
const ORIGIN: i64 = 1_795_824_000_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4566".to_owned());
    let double = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:double");
    let clock = Arc::new(memory::PausedClock::at(Timestamp::from_millis(ORIGIN)));
    let journal = Arc::new(memory::Journal::default());
    let invoker = memory::TaskInvoker::default().with(double, |call| async move {
        let number: i64 = serde_json::from_str(&call.input).unwrap_or_default();
        Ok((number * 2).to_string())
    });
    let ports = engine::Ports {
        store: Arc::new(memory::ObjectStore::default()),
        invoker: Arc::new(invoker),
        journal: Arc::clone(&journal) as _,
        ledger: Arc::new(memory::Ledger::default()),
        clock: Arc::clone(&clock) as _,
    };
    let settings = engine::Settings {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        halt_on: BTreeSet::new(),
    };
    let engine = Engine::new(ports, settings);
    let (supervisor, executor) = Supervisor::open(engine.clone(), SupervisorBounds::default()).await?;
    let app_parts = Parts {
        state_machines: Arc::new(memory::StateMachines::default()),
        activities: Arc::new(memory::Activities::default()),
        journal,
        engine,
        supervisor,
        clock,
        report: |cause| println!("{cause}"),
    };
    let settings = Settings {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
    };
    let app = Arc::new(App::new(settings, app_parts)?);
    let listener = TcpListener::bind(address).await?;
    println!("AWS_ENDPOINT_URL=http://{}", listener.local_addr()?);
    let stop = Stop::default();
    let served = async {
        let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
        let served = endpoint::run(listener, app, interrupted).await;
        stop.request();
        served
    };
    let (served, ()) = tokio::join!(served, executor.run(&stop, |failure| println!("{failure:?}")));
    Ok(served?)
}
