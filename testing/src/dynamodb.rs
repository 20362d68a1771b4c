//! `DynamoDB`'s protocol, as far as gantry speaks it, over a database in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::listener::{self, Server};

/// A server and what it keeps.
#[expect(missing_debug_implementations, reason = "the database has none")]
pub struct DynamoDb {
    /// The server.
    pub server: Server,
    /// What it keeps.
    pub database: Database,
    /// How many of the next batches are left unprocessed but for one row.
    pub busy: Arc<AtomicUsize>,
}

/// Starts a server without tables.
pub async fn serve() -> DynamoDb {
    let database = Database::memory().unwrap();
    let busy = Arc::new(AtomicUsize::new(0));
    let (kept, is_busy) = (database.clone(), Arc::clone(&busy));
    let server = listener::serve(move |request| {
        let (database, busy) = (kept.clone(), Arc::clone(&is_busy));
        async move { Ok::<_, hyper::Error>(answer(&database, &busy, request).await) }
    });
    DynamoDb {
        server: server.await,
        database,
        busy,
    }
}

async fn answer(database: &Database, busy: &AtomicUsize, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request
        .headers()
        .get("x-amz-target")
        .map(|target| target.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let operation = target
        .as_deref()
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or_default();
    let answered = match operation {
        "DescribeTable" => run(&body, |request| database.describe_table(request)),
        "CreateTable" => run(&body, |request| database.create_table(request)),
        "PutItem" => run(&body, |request| database.put_item(request)),
        "GetItem" => run(&body, |request| database.get_item(request)),
        "Scan" => run(&body, |request| database.scan(request)),
        "BatchWriteItem" => batch_write(database, busy, &body),
        other => Err(validation(&format!("the test server has no operation {other:?}"))),
    };
    let (status, body) = match answered {
        Ok(body) => (200, body),
        Err(body) => (400, body),
    };
    listener::answer(status, "application/x-amz-json-1.0", body)
}

fn run<I: DeserializeOwned, O: Serialize>(
    body: &[u8],
    operation: impl FnOnce(I) -> Result<O, DynoxideError>,
) -> Result<String, String> {
    let input = serde_json::from_slice(body);
    let input = input.map_err(|error| validation(error.to_string().trim_start_matches("VALIDATION:")))?;
    let output = operation(input).map_err(|error| error.to_json())?;
    Ok(serde_json::to_string(&output).unwrap())
}

fn validation(message: &str) -> String {
    json!({"__type": "com.amazon.coral.validate#ValidationException", "message": message}).to_string()
}

/// While the table is busy, only the first row of a batch is written and the rest comes back.
fn batch_write(database: &Database, busy: &AtomicUsize, body: &[u8]) -> Result<String, String> {
    let less = |left: usize| left.checked_sub(1);
    if busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
        return run(body, |request| database.batch_write_item(request));
    }
    let mut request: Value = serde_json::from_slice(body).unwrap();
    let tables = request["RequestItems"].as_object_mut().unwrap();
    let unprocessed: serde_json::Map<String, Value> = tables
        .iter_mut()
        .map(|(table, rows)| (table.clone(), Value::Array(rows.as_array_mut().unwrap().split_off(1))))
        .collect();
    let written = run(request.to_string().as_bytes(), |request| {
        database.batch_write_item(request)
    })?;
    let mut answer: Value = serde_json::from_str(&written).unwrap();
    answer["UnprocessedItems"] = Value::Object(unprocessed);
    Ok(answer.to_string())
}
