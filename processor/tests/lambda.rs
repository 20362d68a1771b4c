//! The built Lambda binary answers what the function answers in this process, and leaves the same objects.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use adapters::functions::{Function as _, InProcess};
use adapters::local::Clock;
use adapters::origin::{Origin, OriginOptions, SystemResolver};
use ports::{Clock as _, ObjectStore, memory};
use processor::{Config, Event, GuardedResolver, Ports, handle};
use serde_json::{Value, json};
use testing::listener::{self, Server};
use testing::{s3, stage};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:processor";
const VARIABLES: [(&str, &str); 5] = [
    ("STATE_BUCKET", "state"),
    ("IMAGES_BUCKET_NAME", "images"),
    ("ALLOW_PRIVATE", "*"),
    ("ALLOWED_PORTS", "*"),
    ("BACKOFF_BASE_MS", "1"),
];

fn lookup(name: &str) -> Option<String> {
    let found = VARIABLES.iter().find(|(variable, _)| *variable == name);
    found.map(|(_, value)| (*value).to_owned())
}

/// Images, and a path that is not there.
async fn origin() -> Server {
    let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
        let path = request.uri().path();
        let is_image = path.starts_with("/a/") || path.starts_with("/b/");
        let answer = if is_image {
            listener::answer(200, "image/gif", format!("the image {path}"))
        } else {
            listener::answer(404, "text/plain", "no")
        };
        Ok::<_, hyper::Error>(answer)
    };
    listener::serve(answer).await
}

fn in_process(store: &Arc<memory::ObjectStore>) -> InProcess {
    let config = Config::from_lookup(lookup).unwrap();
    let resolver = GuardedResolver::new(Arc::new(SystemResolver), config.guard.allow_private.clone());
    let ports = Ports {
        store: Arc::clone(store) as Arc<dyn ObjectStore>,
        origin: Arc::new(Origin::new(Arc::new(resolver), &OriginOptions::default()).unwrap()),
        clock: Arc::new(Clock),
        meter: Arc::default(),
        politeness: Arc::default(),
    };
    let shared = Arc::new((ports, config));
    InProcess::new(move |event: Event, deadline| {
        let shared = Arc::clone(&shared);
        async move { handle(event, &shared.0, &shared.1, deadline).await }
    })
}

fn events(origin: &str) -> Vec<Value> {
    let task = json!({
        "resourcePaths": ["a/1.gif", "zz/zz.gif", "b/2.gif"],
        "batchInput": {"baseUrl": origin, "lambdaConcur": 2},
    });
    let mut batch = json!({"number": 0, "first": 0, "items": 3});
    batch.as_object_mut().unwrap().extend(task.as_object().unwrap().clone());
    let work = json!({"action": "download", "destination": {"bucket": "images", "prefix": "run"}});
    let mut changed = batch.clone();
    changed.as_object_mut().unwrap().extend(
        json!({"start": 0, "end": 10, "line": 1, "source": {
            "bucket": "manifests", "key": "missing.txt", "etag": "\"1\"",
            "format": {"layout": "urlList", "columns": {"url": {"name": "url", "position": 0}}},
        }})
        .as_object()
        .unwrap()
        .clone(),
    );
    changed
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name != "resourcePaths" && name != "batchInput");
    vec![
        task,
        json!({"execution": "run", "round": 0, "batch": batch, "work": work}),
        json!({"execution": "run", "round": 0, "batch": changed, "work": work}),
        json!({"nonsense": true}),
    ]
}

/// An object's lines; how long a request took is nobody's to say.
fn lines(store: &memory::ObjectStore, bucket: &str, key: &str) -> Vec<String> {
    let bytes = store.bytes(bucket, key).unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let without_time = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(mut outcome)) => {
            outcome.remove("milliseconds");
            Value::Object(outcome).to_string()
        }
        _ => line.to_owned(),
    };
    text.lines().map(without_time).collect()
}

#[tokio::test]
async fn the_binary_answers_as_the_function_does() {
    let here = Arc::new(memory::ObjectStore::default());
    let there = Arc::new(memory::ObjectStore::default());
    let origin = origin().await;
    let function = in_process(&here);
    let server = s3::serve(Arc::clone(&there) as Arc<dyn ObjectStore>).await;
    let mut variables = VARIABLES.to_vec();
    variables.push(("AWS_ENDPOINT_URL", server.url.as_str()));
    let lambda = stage::process(ARN, env!("CARGO_BIN_EXE_processor"), &variables);
    let deadline = Clock.now().plus(Duration::from_mins(10));
    let mut succeeded = 0;
    for event in events(&origin.url) {
        let expected = function.invoke(event.to_string(), deadline).await;
        succeeded += usize::from(expected.is_ok());
        let answer = lambda.invoke(event.to_string(), deadline).await;
        assert_eq!(
            answer.map_err(stage::in_our_words),
            expected.map_err(stage::in_our_words),
            "{event}"
        );
    }
    assert_eq!(succeeded, 2, "the others are errors on both sides");
    for (bucket, count) in [("state", 1), ("images", 4)] {
        assert_eq!(there.keys(bucket), here.keys(bucket));
        assert_eq!(here.keys(bucket).len(), count, "{bucket}: {:?}", here.keys(bucket));
        for key in here.keys(bucket) {
            assert_eq!(lines(&there, bucket, &key), lines(&here, bucket, &key), "{key}");
        }
    }
}
