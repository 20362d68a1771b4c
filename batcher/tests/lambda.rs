//! The built Lambda binary answers what the function answers in this process, and leaves the same objects.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use adapters::functions::{Function as _, InProcess};
use adapters::local::Clock;
use batcher::{Config, Event, Ports, handle};
use ports::{Clock as _, ObjectStore, memory};
use serde_json::{Value, json};
use testing::{s3, stage};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:batcher";

fn store() -> Arc<memory::ObjectStore> {
    let store = Arc::new(memory::ObjectStore::default());
    let urls = (0..250).map(|number| format!("{number},\"https://example.com/{number}\n.gif\"\n"));
    let csv = format!("id,url\n{}", urls.collect::<String>());
    store.insert("manifests", "urls.csv", csv);
    store.insert("manifests", "unclosed.csv", "id,url\n1,\"https://example.com/\n");
    store
}

fn in_process(store: &Arc<memory::ObjectStore>) -> InProcess {
    let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
    let ports = Ports {
        store: Arc::clone(store) as Arc<dyn ObjectStore>,
        clock: Arc::new(Clock),
    };
    let shared = Arc::new((ports, config));
    InProcess::new(move |event: Event, deadline| {
        let shared = Arc::clone(&shared);
        async move { handle(event, &shared.0, &shared.1, deadline).await }
    })
}

fn events() -> Vec<Value> {
    let manifest = |manifest: Value| {
        let work = json!({"action": "download", "destination": {"bucket": "images"}});
        let request = json!({"manifest": manifest, "batchItems": 100, "work": work});
        json!({"execution": "run", "round": 0, "manifest": manifest, "request": request})
    };
    vec![
        manifest(json!({"bucket": "manifests", "key": "urls.csv"})),
        manifest(json!({"bucket": "manifests", "key": "urls.csv", "column": "link"})),
        manifest(json!({"bucket": "manifests", "key": "unclosed.csv"})),
        manifest(json!({"bucket": "manifests", "key": "missing.csv"})),
        json!({"baseUrl": "https://example.com", "resourcePaths": ["a.gif", "b.gif"], "lambdaConcur": 5}),
        json!({"nonsense": true}),
    ]
}

#[tokio::test]
async fn the_binary_answers_as_the_function_does() {
    let (here, there) = (store(), store());
    let function = in_process(&here);
    let server = s3::serve(Arc::clone(&there) as Arc<dyn ObjectStore>).await;
    let variables = [("STATE_BUCKET", "state"), ("AWS_ENDPOINT_URL", server.url.as_str())];
    let lambda = stage::process(ARN, env!("CARGO_BIN_EXE_batcher"), &variables);
    let deadline = Clock.now().plus(Duration::from_mins(10));
    let mut succeeded = 0;
    for event in events() {
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
    assert_eq!(there.keys("state"), here.keys("state"));
    for key in here.keys("state") {
        assert_eq!(there.bytes("state", &key), here.bytes("state", &key), "{key}");
    }
}
