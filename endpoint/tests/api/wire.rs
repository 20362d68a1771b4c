//! What holds for every request: envelopes, refusals, limits, and what an endpoint on a developer's machine must not do.

use crate::support::{Served, pass, validation};
use endpoint::Coverage;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn answers_come_in_awss_envelope() {
    let served = Served::start().await;
    let reply = served
        .call(
            "ValidateStateMachineDefinition",
            &json!({"definition": pass()}).to_string(),
        )
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(
        reply.json(),
        json!({"result": "OK", "diagnostics": [], "truncated": false})
    );
    let other = served.call("ValidateStateMachineDefinition", "{}").await;
    assert_eq!(other.status, 400);
    assert_eq!(other.header("x-amzn-errortype"), Some("ValidationException"));
    assert_ne!(other.header("x-amzn-requestid"), reply.header("x-amzn-requestid"));
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_there_answers_501_and_names_it() {
    let served = Served::start().await;
    for row in endpoint::coverage().filter(|row| row.coverage == Coverage::Not) {
        let reply = served.call(row.operation, "{}").await;
        assert_eq!((reply.status, &reply.json()["__type"]), (501, &json!("NotImplemented")));
        assert!(reply.body.contains(row.operation), "{reply:?}");
    }
    let headers = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let reply = served.send("POST", "/", &headers, "{}").await;
    assert_eq!(reply.status, 501);
    assert!(reply.body.contains("dynamodb ListTables"), "{reply:?}");
    let scope = "AWS4-HMAC-SHA256 Credential=AK/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    let reply = served.send("GET", "/bucket/key", &[("authorization", scope)], "").await;
    assert_eq!(reply.status, 501);
    assert!(reply.body.contains("<Code>NotImplemented</Code>"), "{reply:?}");
    served.stop().await;
}

#[tokio::test]
async fn requests_that_nothing_can_be_made_of_are_refused() {
    let served = Served::start().await;
    let unknown = served.refused("MakeCoffee", &json!({})).await;
    assert_eq!(unknown.0, "UnknownOperationException");
    let reply = served.call("TestState", "{\"definition\":").await;
    assert_eq!(
        (reply.status, &reply.json()["__type"]),
        (400, &json!("SerializationException"))
    );
    let reply = served.send("GET", "/", &[], "").await;
    assert_eq!(reply.status, 400);
    let told = served.refused("TestState", &json!({"definition": ""})).await;
    let message = "1 validation error detected: Value at 'definition' failed to satisfy constraint: \
                   Member must have length greater than or equal to 1";
    assert_eq!(told, validation(message));
    served.stop().await;
}

#[tokio::test]
async fn a_definition_of_one_byte_too_many_is_told_as_such() {
    let served = Served::start().await;
    let definition = "\"".repeat(1_048_577);
    let told = served
        .refused("ValidateStateMachineDefinition", &json!({"definition": definition}))
        .await;
    let message = "1 validation error detected: Value at 'definition' failed to satisfy constraint: \
                   Member must have length less than or equal to 1048576";
    assert_eq!(told, validation(message));
    served.stop().await;
}

#[tokio::test]
async fn large_bodies_are_refused_without_reading_them() {
    let served = Served::start().await;
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AWSStepFunctions.TestState\r\n";
    let announced = served
        .raw(format!("{head}content-length: 300000000\r\n\r\n").as_bytes())
        .await;
    assert!(announced.starts_with("HTTP/1.1 413 "), "{announced}");
    assert!(announced.contains("RequestEntityTooLarge"), "{announced}");
    // One chunk larger than the limit, announced as endless.
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n300000\r\n").into_bytes();
    chunked.resize(chunked.len() + 0x30_0000, b' ');
    let refused = served.raw(&chunked).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 413 "), "{refused}");
    served.stop().await;
}

#[tokio::test]
async fn web_pages_cannot_drive_it() {
    let served = Served::start().await;
    let target = ("x-amz-target", "AWSStepFunctions.ListStateMachines");
    for headers in [
        [target, ("host", "rebound.example.com")],
        [target, ("origin", "https://example.com")],
        [target, ("origin", "null")],
    ] {
        let reply = served.send("POST", "/", &headers, "{}").await;
        assert_eq!(reply.status, 403, "{headers:?}");
        assert_eq!(reply.json()["__type"], "AccessDeniedException");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let preflight = served
        .send("OPTIONS", "/", &[("access-control-request-method", "POST")], "")
        .await;
    assert_eq!(preflight.status, 400);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    served.stop().await;
}

#[tokio::test]
async fn half_a_request_keeps_nobody_else_waiting() {
    let served = Served::start().await;
    let mut half = served.connect().await;
    half.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{")
        .await
        .unwrap();
    let whole = served.send("GET", "/_gantry/health", &[], "").await;
    assert_eq!(whole.json(), json!({"status": "running"}));
    drop(half);
    let garbage = served.raw(b"\x16\x03\x01\x00\xff garbage\r\n\r\n").await;
    assert!(garbage.is_empty() || garbage.starts_with("HTTP/1.1 400 "), "{garbage}");
    let many = format!(
        "GET /_gantry/health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "a".repeat(300_000)
    );
    let refused = served.raw(many.as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    served.stop().await;
}

#[tokio::test]
async fn connections_are_reused_and_closed_at_the_end() {
    let served = Served::start().await;
    let mut stream = served.connect().await;
    for _ in 0..3 {
        stream
            .write_all(b"GET /_gantry/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{\"status\":\"running\"}"),
            "{answer}"
        );
    }
    served.stop().await;
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0);
}
