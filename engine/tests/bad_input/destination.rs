//! Destinations that do not take the results: the run fails under the writer's name, and nothing that was done is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ports::{ErrorKind, ExecutionStatus, TaskFailure};
use serde_json::{Value, json};

use super::world::{Request, World, map, said};
use super::{READER, WRITER, lines, nothing};

/// Three items, of which the second fails.
fn three() -> World {
    World::with([("key", "1\n2\n3\n")]).working(|_, before| match before {
        1 => Err(TaskFailure {
            error: "Test.Bad".to_owned(),
            cause: "the second".to_owned(),
        }),
        _ => Ok(()),
    })
}

/// The destination refuses until the flag is set, and then the run is redriven: what had succeeded is only written.
#[tokio::test(start_paused = true)]
async fn a_destination_that_refuses_loses_nothing() {
    for (kind, code, of) in [
        (ErrorKind::NotFound, "NoSuchBucket", ""),
        (ErrorKind::Denied, "AccessDenied", ""),
        (ErrorKind::Full, "No space left on device", ""),
        (ErrorKind::Full, "No space left on device", "SUCCEEDED"),
        (ErrorKind::Full, "No space left on device", "manifest.json"),
    ] {
        let mended = Arc::new(AtomicBool::new(false));
        let is_mended = Arc::clone(&mended);
        let world = three().refusing(move |request| match request {
            Request::Put(at) if at.key.contains(of) && !is_mended.load(Ordering::SeqCst) => Some(said(kind, code)),
            Request::Put(_) | Request::Get(..) | Request::List { .. } => None,
        });
        let map = map(&lines(), &json!({"ToleratedFailureCount": 1}));
        let arn = world.start(&map, &json!({})).await.unwrap();
        let row = world.go_on(&arn).await;
        assert_eq!(row.error.as_deref(), Some(WRITER), "{code} {of}");
        let cause = row.cause.unwrap();
        assert!(cause.contains(code), "{cause} does not say: {code}");
        assert_eq!(world.worked(), [1, 2, 3]);
        if of == "SUCCEEDED" {
            assert_eq!(world.named("FAILED"), [2], "what was written before is named");
            assert_eq!(world.named("SUCCEEDED"), Vec::<u64>::new());
        }

        mended.store(true, Ordering::SeqCst);
        world.engine().redrive(&arn).await.unwrap();
        let row = world.go_on(&arn).await;
        assert_eq!(row.status, ExecutionStatus::Succeeded, "{code} {of}: {:?}", row.cause);
        assert_eq!(world.worked(), [1, 2, 3, 2], "{code} {of}: what had failed ran again");
        let output: Value = serde_json::from_str(&row.output.unwrap()).unwrap();
        let manifest = output["ResultWriterDetails"]["Key"].as_str().unwrap();
        assert_eq!(world.named_by(manifest, "SUCCEEDED"), [1, 3, 2], "{code} {of}");
        assert_eq!(world.named_by(manifest, "FAILED"), Vec::<u64>::new(), "{code} {of}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_failed_says_why_also_when_its_destination_refuses() {
    let world = three().refusing(|request| matches!(request, Request::Put(_)).then(|| said(ErrorKind::Full, "full")));
    let (error, _) = world.fail(&map(&lines(), &json!({})), &json!({})).await;
    assert_eq!(error, "States.ExceedToleratedFailureThreshold");
}

#[tokio::test(start_paused = true)]
async fn bad_input_can_be_caught_by_name() {
    let catch = |name: &str| json!({"ToleratedFailureCount": 1, "Catch": [{"ErrorEquals": [name], "Next": "Caught"}]});
    let full = |request: Request<'_>| matches!(request, Request::Put(_)).then(|| said(ErrorKind::Full, "full"));
    for (world, name) in [(World::with(nothing()), READER), (three().refusing(full), WRITER)] {
        let row = world.run(&map(&lines(), &catch(name)), &json!({})).await;
        let output: Value = serde_json::from_str(&row.output.unwrap()).unwrap();
        assert_eq!(output["Error"], name);
        assert!(output["Cause"].is_string(), "{output}");
    }
}
