//! The built Lambda binary answers what the function answers in this process, and leaves the same rows and objects.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use adapters::functions::{Function as _, InProcess};
use adapters::local::Clock;
use consolidator::{Config, Event, Ports, handle};
use manifest::run_key;
use ports::{Clock as _, ObjectStore, Table as _, TableSchema, memory};
use serde_json::{Value, json};
use testing::{dynamodb, s3, sns, stage};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:consolidator";
const VARIABLES: [(&str, &str); 3] = [
    ("STATE_BUCKET", "state"),
    ("TABLE_NAME", "images"),
    ("TOPIC_ARN", sns::TOPIC),
];

fn lookup(name: &str) -> Option<String> {
    let found = VARIABLES.iter().find(|(variable, _)| *variable == name);
    found.map(|(_, value)| (*value).to_owned())
}

fn outcome(index: u64, status: &str) -> String {
    let url = format!("https://example.com/{index}.gif");
    let mut outcome = json!({"index": index, "url": url, "status": status, "attempts": 1, "milliseconds": index});
    let more = match status {
        "succeeded" => json!({
            "statusCode": 200, "bytes": 10, "destination": format!("s3://out/{index}.gif"),
            "filename": format!("{index}.gif"),
        }),
        _ => json!({"error": {"name": "NotFound", "class": "permanent", "message": format!("Could not find: {url}")}}),
    };
    outcome
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    format!("{outcome}\n")
}

/// Two batches: 63 successes, more than one write of a table holds, and two failures.
fn store() -> Arc<memory::ObjectStore> {
    let store = Arc::new(memory::ObjectStore::default());
    for batch in 0..2_u64 {
        let outcomes = (0..33).map(|item| batch * 33 + item).take_while(|index| *index < 65);
        let lines = outcomes.map(|index| outcome(index, if index % 30 == 5 { "failed" } else { "succeeded" }));
        store.insert("state", &run_key::outcomes("run", 0, batch), lines.collect::<String>());
    }
    store
}

struct World {
    function: InProcess,
    table: Arc<memory::Table>,
    notifier: Arc<memory::Notifier>,
}

async fn in_process(store: &Arc<memory::ObjectStore>) -> World {
    let config = Config::from_lookup(lookup).unwrap();
    let table = Arc::new(memory::Table::default());
    let schema: TableSchema = config.table.clone().unwrap();
    table.ensure(&schema).await.unwrap();
    let notifier = Arc::new(memory::Notifier::default());
    let ports = Ports {
        store: Arc::clone(store) as Arc<dyn ObjectStore>,
        table: Arc::clone(&table) as _,
        notifier: Arc::clone(&notifier) as _,
        clock: Arc::new(Clock),
    };
    let shared = Arc::new((ports, config));
    let function = InProcess::new(move |event: Event, deadline| {
        let shared = Arc::clone(&shared);
        async move { handle(event, &shared.0, &shared.1, deadline).await }
    });
    World {
        function,
        table,
        notifier,
    }
}

/// `DynamoDB` with the table that a template would have made.
async fn dynamodb() -> dynamodb::DynamoDb {
    let server = dynamodb::serve().await;
    let request = json!({
        "TableName": "images", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "url", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "url", "AttributeType": "S"}],
    });
    server
        .database
        .create_table(serde_json::from_value(request).unwrap())
        .unwrap();
    server
}

fn events() -> Vec<Value> {
    let batch = json!({
        "batches": 2, "items": 65, "batchList": {"bucket": "state", "key": run_key::batch_list("run", 0)},
        "maxConcurrency": 8, "lastRound": 4, "tolerate": {"count": 0, "percentage": 0.0}, "onFailure": "FAIL",
    });
    let phase = |phase: &str, round: u32| {
        json!({
            "phase": phase, "execution": "run", "round": round, "cursor": null,
            "batch": batch, "work": {"action": "download"},
        })
    };
    vec![
        phase("consolidate", 0),
        phase("report", 0),
        phase("consolidate", 7),
        json!([200, 200]),
        json!([200, 404]),
        json!({"nonsense": true}),
    ]
}

#[tokio::test]
async fn the_binary_answers_as_the_function_does() {
    let (here, there) = (store(), store());
    let world = in_process(&here).await;
    let server = s3::serve(Arc::clone(&there) as Arc<dyn ObjectStore>).await;
    let (tables, topics) = (dynamodb().await, sns::serve().await);
    let mut variables = VARIABLES.to_vec();
    variables.push(("AWS_ENDPOINT_URL_S3", server.url.as_str()));
    variables.push(("AWS_ENDPOINT_URL_DYNAMODB", tables.server.url.as_str()));
    variables.push(("AWS_ENDPOINT_URL_SNS", topics.server.url.as_str()));
    let lambda = stage::process(ARN, env!("CARGO_BIN_EXE_consolidator"), &variables);
    let deadline = Clock.now().plus(Duration::from_mins(10));
    let mut succeeded = 0;
    for event in events() {
        let expected = world.function.invoke(event.to_string(), deadline).await;
        succeeded += usize::from(expected.is_ok());
        let answer = lambda.invoke(event.to_string(), deadline).await;
        assert_eq!(
            answer.map_err(stage::in_our_words),
            expected.map_err(stage::in_our_words),
            "{event}"
        );
    }
    assert_eq!(succeeded, 4, "the others are errors on both sides");
    assert_eq!(there.keys("state"), here.keys("state"));
    let rows: i64 = tables
        .database
        .table_stats()
        .unwrap()
        .iter()
        .map(|stats| stats.item_count)
        .sum();
    assert_eq!((rows, world.table.count("images").await.unwrap()), (63, 63));
    let messages: Vec<String> = world.notifier.published().into_iter().map(|one| one.message).collect();
    let published = topics.published.lock().unwrap();
    let sent: Vec<String> = published.iter().map(|form| form["Message"].clone()).collect();
    assert_eq!((sent.len(), &sent), (1, &messages));
}
