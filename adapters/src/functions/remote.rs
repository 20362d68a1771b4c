//! A Lambda function at another endpoint, called through Lambda's `Invoke` over HTTP.
//!
//! Requests are not signed: the endpoint is a development server on this machine or in its network, not AWS itself.
//! **Source**: `API_Invoke.html` of the Lambda API reference, read 2026-11-28.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ports::{Clock, FunctionArn, TaskFailure, Timestamp};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::Function;
use super::process::failure::{self, RESPONSE_BYTES_MAX};
use crate::origin::{self, OriginError};

/// From the start of a connection to its end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A function at a Lambda endpoint.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    url: String,
    clock: Arc<dyn Clock>,
}

impl Remote {
    /// The function with this ARN at an endpoint such as `http://127.0.0.1:9001`.
    ///
    /// # Errors
    /// When TLS or the HTTP client cannot be set up.
    pub fn new(endpoint: &str, arn: &FunctionArn, clock: Arc<dyn Clock>) -> Result<Self, OriginError> {
        let client = Client::builder()
            .tls_backend_preconfigured(origin::tls(&[])?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        let qualifier = arn.qualifier().map(|qualifier| format!("?Qualifier={qualifier}"));
        let url = format!(
            "{}/2015-03-31/functions/{}/invocations{}",
            endpoint.trim_end_matches('/'),
            arn.name(),
            qualifier.unwrap_or_default()
        );
        Ok(Self { client, url, clock })
    }

    async fn post(&self, event: String, deadline: Timestamp) -> Result<Response, TaskFailure> {
        let request = self.client.post(&self.url);
        let request = request
            .header("content-type", "application/json")
            .header("x-amz-invocation-type", "RequestResponse")
            .timeout(deadline.since(self.clock.now()))
            .body(event);
        request.send().await.map_err(|error| unreachable(&error))
    }
}

#[async_trait]
impl Function for Remote {
    async fn invoke(&self, event: String, deadline: Timestamp) -> Result<String, TaskFailure> {
        let response = self.post(event, deadline).await?;
        let status = response.status();
        let has_failed = response.headers().contains_key("x-amz-function-error");
        let code = response.headers().get("x-amzn-errortype");
        let code = code.and_then(|code| code.to_str().ok()).map(str::to_owned);
        let body = collect(response).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        match (status.is_success(), has_failed) {
            (true, false) => Ok(text),
            (true, true) => Err(failure::of_payload(text, None)),
            (false, _) => Err(refused(status, code, &text)),
        }
    }
}

async fn collect(mut response: Response) -> Result<Bytes, TaskFailure> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
        body.extend_from_slice(&piece);
        if body.len() > RESPONSE_BYTES_MAX {
            return Err(failure::response_too_large());
        }
    }
    Ok(body.freeze())
}

fn unreachable(error: &reqwest::Error) -> TaskFailure {
    let name = if error.is_timeout() {
        "States.Timeout"
    } else {
        "Lambda.SdkClientException"
    };
    TaskFailure::from_error(name, error)
}

/// What a Lambda endpoint says of a request that it refuses.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(alias = "Message", default)]
    message: String,
    #[serde(rename = "__type", alias = "Type", default)]
    code: String,
}

fn refused(status: StatusCode, code: Option<String>, text: &str) -> TaskFailure {
    let refusal: Refusal = serde_json::from_str(text).unwrap_or_default();
    // The header is `Code`, or `Code:http://…`.
    let code = code.and_then(|code| code.split(':').next().map(str::to_owned));
    let code = code.filter(|code| !code.is_empty()).unwrap_or(refusal.code);
    let code = if code.is_empty() { "AWSLambdaException" } else { &code };
    TaskFailure {
        error: format!("Lambda.{code}"),
        cause: format!(
            "{} (Service: Lambda, Status Code: {}, Error Code: {code})",
            refusal.message,
            status.as_u16()
        ),
    }
}
