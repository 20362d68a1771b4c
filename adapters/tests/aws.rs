//! The AWS adapters against servers that speak the services' protocols, through the official SDK.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adapters::aws::{DynamoDb, S3, Sns};
use adapters::local::Clock;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use futures::StreamExt;
use ports::{
    AttributeValue, ErrorKind, FaultInjector, Faults, Notification, Notifier as _, ObjectBody, ObjectKey, ObjectStore,
    PutOptions, Row, Table as _, conformance, memory,
};
use testing::listener::Server;
use testing::{dynamodb, s3, sns};

fn config(server: &Server) -> SdkConfig {
    let credentials = Credentials::new(s3::KEY, s3::KEY, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&server.url)
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

fn s3_over(server: &Server) -> S3 {
    let config = aws_sdk_s3::config::Builder::from(&config(server)).force_path_style(true);
    S3::new(aws_sdk_s3::Client::from_conf(config.build()))
}

#[tokio::test]
async fn s3_passes_every_check() {
    let server = s3::serve(Arc::new(memory::ObjectStore::default())).await;
    conformance::object_store::all(&s3_over(&server), "test-bucket")
        .await
        .unwrap();
}

/// A body of that many MiB that differs from byte to byte.
fn mebibytes(count: u32) -> Vec<u8> {
    (0..count * 1_024 * 1_024 / 4).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn an_object_over_the_limit_of_a_copy_is_copied_in_parts() {
    let memory = Arc::new(memory::ObjectStore::default());
    let content = mebibytes(37);
    memory.insert("test-bucket", "large", content.clone());
    let (server, uploads) = s3::serve_with_limit(Arc::clone(&memory) as Arc<dyn ObjectStore>, 16 * 1_024 * 1_024).await;
    let (from, to) = (
        ObjectKey::new("test-bucket", "large"),
        ObjectKey::new("other", "copy of large"),
    );
    let copied = s3_over(&server)
        .copy(&from, &to, ports::CopyOptions::default())
        .await
        .unwrap();
    assert_eq!(copied.size, Some(37 * 1_024 * 1_024));
    assert!(memory.bytes("other", "copy of large").unwrap() == content);
    assert_eq!(uploads.count(), 0);
    // Another content than the one that is asked for is not copied in parts either.
    let options = ports::CopyOptions {
        version: None,
        if_match: Some("\"other\"".to_owned()),
    };
    let refused = s3_over(&server).copy(&from, &to, options).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{}", refused.chain());
    assert_eq!(uploads.count(), 0);
}

#[tokio::test]
async fn a_copy_in_parts_that_fails_leaves_no_upload() {
    let memory = Arc::new(memory::ObjectStore::default());
    memory.insert("test-bucket", "large", mebibytes(20));
    // Two looks at the object, then the store is dead: every part fails, and the abort does not need the store.
    let fault = FaultInjector::<dyn ObjectStore>::new(Arc::clone(&memory) as Arc<dyn ObjectStore>, Faults::DeadFrom(2));
    let (server, uploads) = s3::serve_with_limit(Arc::new(fault), 16 * 1_024 * 1_024).await;
    let (from, to) = (
        ObjectKey::new("test-bucket", "large"),
        ObjectKey::new("test-bucket", "copy"),
    );
    let failed = s3_over(&server)
        .copy(&from, &to, ports::CopyOptions::default())
        .await
        .unwrap_err();
    assert!(failed.to_string().starts_with("copy part "), "{}", failed.chain());
    assert_eq!((uploads.count(), memory.keys("test-bucket").len()), (0, 1));
}

#[tokio::test]
async fn s3_reads_old_versions() {
    let memory = Arc::new(memory::ObjectStore::with_versions());
    memory.insert("test-bucket", "k", "one");
    memory.insert("test-bucket", "k", "two");
    let server = s3::serve(Arc::clone(&memory) as Arc<dyn ObjectStore>).await;
    let store = s3_over(&server);
    let (from, to) = (
        ObjectKey::new("test-bucket", "k"),
        ObjectKey::new("test-bucket", "copy"),
    );
    let options = ports::CopyOptions {
        version: Some("v1".to_owned()),
        if_match: None,
    };
    store.copy(&from, &to, options).await.unwrap();
    assert_eq!(memory.bytes("test-bucket", "copy").unwrap(), "one");
    let options = ports::GetOptions {
        version: Some("v1".to_owned()),
        ..ports::GetOptions::default()
    };
    let (info, _) = store.get(&from, options).await.unwrap();
    assert_eq!(info.version.as_deref(), Some("v1"));
}

#[tokio::test]
async fn a_service_that_fails_now_and_then_is_asked_again() {
    let memory = Arc::new(memory::ObjectStore::default());
    let faults = Faults::Seeded {
        seed: 7,
        per_mille: 200,
    };
    let fault = FaultInjector::<dyn ObjectStore>::new(Arc::clone(&memory) as Arc<dyn ObjectStore>, faults);
    let server = s3::serve(Arc::new(fault)).await;
    let store = s3_over(&server);
    for number in 0..20 {
        let at = ObjectKey::new("test-bucket", format!("k{number}"));
        store
            .put(&at, "x".as_bytes().to_vec().into(), PutOptions::default())
            .await
            .unwrap();
    }
    assert_eq!(memory.keys("test-bucket").len(), 20);
}

#[tokio::test]
async fn a_missing_bucket_and_a_refusal_are_told_apart() {
    let memory = Arc::new(memory::ObjectStore::default());
    let server = s3::serve(memory).await;
    let mut wrong = config(&server).into_builder();
    wrong.set_credentials_provider(Some(SharedCredentialsProvider::new(Credentials::new(
        "other", "other", None, None, "test",
    ))));
    let wrong = aws_sdk_s3::config::Builder::from(&wrong.build()).force_path_style(true);
    let wrong = S3::new(aws_sdk_s3::Client::from_conf(wrong.build()));
    let at = ObjectKey::new("test-bucket", "k");
    let error = wrong.get(&at, ports::GetOptions::default()).await.err().unwrap();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Denied, Some(403)),
        "{}",
        error.chain()
    );
    let error = s3_over(&server)
        .get(&at, ports::GetOptions::default())
        .await
        .err()
        .unwrap();
    assert_eq!(
        (error.kind(), error.code(), error.status()),
        (ErrorKind::NotFound, Some("NoSuchKey"), Some(404))
    );
    assert!(
        error.chain().starts_with("read `s3://test-bucket/k`: NoSuchKey: "),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = s3::serve(Arc::new(memory::ObjectStore::default())).await;
    let store = s3_over(&server);
    drop(server);
    let body = futures::stream::iter([Ok(bytes::Bytes::from_static(b"x"))]).boxed();
    let at = ObjectKey::new("test-bucket", "k");
    let error = store
        .put(&at, ObjectBody::Stream(body), PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
}

async fn table() -> (dynamodb::DynamoDb, DynamoDb) {
    let server = dynamodb::serve().await;
    let client = aws_sdk_dynamodb::Client::new(&config(&server.server));
    for schema in conformance::table::schemas("test") {
        let key = |name: &str, kind| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .unwrap()
        };
        let text = |name: &str| {
            let definition = AttributeDefinition::builder().attribute_name(name);
            definition.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let mut create = client
            .create_table()
            .table_name(&schema.name)
            .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
            .key_schema(key(&schema.hash, KeyType::Hash))
            .attribute_definitions(text(&schema.hash));
        if let Some(range) = &schema.range {
            create = create
                .key_schema(key(range, KeyType::Range))
                .attribute_definitions(text(range));
        }
        create.send().await.unwrap();
    }
    (server, DynamoDb::new(client, Arc::new(Clock)))
}

#[tokio::test]
async fn dynamodb_passes_every_check() {
    let (_server, table) = table().await;
    conformance::table::all(&table, "test").await.unwrap();
}

#[tokio::test]
async fn what_dynamodb_left_unprocessed_is_written_in_the_end() {
    let (server, table) = table().await;
    server.busy.store(5, Ordering::SeqCst);
    let urls = (0..60).map(|number| format!("https://example.com/{number}"));
    let rows: Vec<Row> = urls
        .map(|url| Row::from([("url".to_owned(), AttributeValue::S(url))]))
        .collect();
    table.batch_write("test-simple", rows).await.unwrap();
    assert_eq!(table.count("test-simple").await.unwrap(), 60);
    assert_eq!(server.busy.load(Ordering::SeqCst), 0);
    let stats = server.database.table_stats().unwrap();
    assert_eq!(stats.iter().map(|stats| stats.item_count).sum::<i64>(), 60);
}

#[tokio::test]
async fn sns_passes_every_check() {
    let server = sns::serve().await;
    let notifier = Sns::new(aws_sdk_sns::Client::new(&config(&server.server)));
    conformance::notifier::all(&notifier, sns::TOPIC).await.unwrap();
    let published = server.published.lock().unwrap();
    assert_eq!(published[0]["Message"], "[\"Could not find: …/zz/zz.gif\"]");
    assert_eq!(published[0]["Subject"], "a run has ended");
}

#[tokio::test]
async fn a_fifo_topic_gets_the_id() {
    let server = sns::serve().await;
    let notifier = Sns::new(aws_sdk_sns::Client::new(&config(&server.server)));
    let mut notification = Notification {
        topic: format!("{}.fifo", sns::TOPIC),
        subject: None,
        message: "text".to_owned(),
        id: "run-1/report".to_owned(),
    };
    notifier.publish(notification.clone()).await.unwrap();
    assert_eq!(
        server.published.lock().unwrap()[0]["MessageDeduplicationId"],
        "run-1/report"
    );
    notification.topic = "arn:aws:sns:us-east-1:000000000000:none".to_owned();
    let error = notifier.publish(notification).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
}
