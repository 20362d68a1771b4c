//! AWS JSON 1.0: bodies in, envelopes out. Requests for services that are not here are refused in their own form.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::ApiError;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const XML: HeaderValue = HeaderValue::from_static("text/xml");
const REQUEST_ID: &str = "x-amzn-requestid";
const ERROR_TYPE: &str = "x-amzn-errortype";
/// Services whose clients read errors as XML.
const XML_SERVICES: [&str; 7] = ["s3", "sns", "iam", "sts", "cloudformation", "ec2", "monitoring"];

/// What a request that was not refused gets.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The operation's output.
    Json(Value),
    /// The refusal of a service that is not here, in the form that its clients read.
    Elsewhere { service: String, error: ApiError },
}

/// Reads a body; an empty one is `{}`, as some clients send it for operations without members.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body).map_err(|error| ApiError::Serialization(format!("request body is no JSON: {error}")))
}

/// Wraps an answer or a refusal in HTTP.
pub(crate) fn respond(id: Uuid, answered: Result<Answer, ApiError>) -> Response<Full<Bytes>> {
    let id = id.to_string();
    match answered {
        Ok(Answer::Json(body)) => envelope(&id, StatusCode::OK, JSON, body.to_string()),
        Ok(Answer::Elsewhere { service, error }) if XML_SERVICES.contains(&service.as_str()) => {
            let body = xml(&id, service == "s3", &error);
            envelope(&id, error.status(), XML, body)
        }
        Ok(Answer::Elsewhere { error, .. }) | Err(error) => refusal(&id, &error),
    }
}

fn refusal(id: &str, error: &ApiError) -> Response<Full<Bytes>> {
    let mut response = envelope(id, error.status(), JSON, error.body().to_string());
    let headers = response.headers_mut();
    headers.insert(ERROR_TYPE, HeaderValue::from_static(error.code()));
    match error {
        // The rest of the body is not read: the connection cannot be used again.
        ApiError::RequestTooLarge | ApiError::RequestTimeout => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        ApiError::Serialization(_)
        | ApiError::UnknownOperation(_)
        | ApiError::NotImplemented(_)
        | ApiError::AccessDenied(_)
        | ApiError::Validation { .. }
        | ApiError::InvalidArn(_)
        | ApiError::InvalidName(_)
        | ApiError::InvalidDefinition(_)
        | ApiError::Worded { .. }
        | ApiError::Unavailable
        | ApiError::Internal(_) => {}
    }
    response
}

fn envelope(id: &str, status: StatusCode, content_type: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// S3's error, or the one of the Query protocol.
fn xml(id: &str, is_s3: bool, error: &ApiError) -> String {
    let fault = format!(
        "<Code>{}</Code><Message>{}</Message>",
        error.code(),
        escaped(&error.to_string())
    );
    if is_s3 {
        return format!("<?xml version=\"1.0\"?><Error>{fault}<RequestId>{id}</RequestId></Error>");
    }
    format!("<ErrorResponse><Error><Type>Receiver</Type>{fault}</Error><RequestId>{id}</RequestId></ErrorResponse>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
