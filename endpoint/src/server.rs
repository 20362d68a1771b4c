//! One request in, one answer out: who may ask, how large, for what.

use bytes::Bytes;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::route::{Route, route};
use crate::{App, limits, protocol, states};

/// Names of this machine, besides addresses, that a client may have connected to.
const HOSTS: [&str; 2] = ["localhost", "host.docker.internal"];
/// What SDKs put before the host of `StartSyncExecution` and `TestState`.
const SYNC_PREFIX: &str = "sync-";

/// Answers a request.
pub(crate) async fn answer(app: &App, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let id = app.new_id();
    let answered = take(app, request).await;
    if let Err(ApiError::Internal(cause)) = &answered {
        (app.parts.report)(&format!("request {id} failed: {cause}"));
    }
    protocol::respond(id, answered)
}

async fn take(app: &App, request: Request<Incoming>) -> Result<protocol::Answer, ApiError> {
    let (head, body) = request.into_parts();
    check_sender(&head.headers)?;
    match route(&app.facts.target_prefix, head.uri.path(), &head.headers) {
        Route::Health => Ok(protocol::Answer::Json(serde_json::json!({"status": "running"}))),
        Route::States(operation) if head.method == Method::POST => {
            let body = read(body).await?;
            let body = protocol::parse(&body)?;
            states::dispatch(app, operation, body).await.map(protocol::Answer::Json)
        }
        Route::States(operation) => Err(ApiError::UnknownOperation(format!("{} {operation}", head.method))),
        Route::Elsewhere { service, operation } => Ok(protocol::Answer::Elsewhere {
            service: service.to_owned(),
            error: ApiError::NotImplemented(format!("{service} {operation}")),
        }),
        Route::Unknown => Err(ApiError::UnknownOperation(head.uri.path().to_owned())),
    }
}

async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    let most = u64::try_from(limits::BODY_BYTES_MAX).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most {
        return Err(ApiError::RequestTooLarge);
    }
    let collected = timeout(
        limits::BODY_WAIT_MAX,
        Limited::new(body, limits::BODY_BYTES_MAX).collect(),
    )
    .await;
    match collected {
        Err(_elapsed) => Err(ApiError::RequestTimeout),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::RequestTooLarge),
        Ok(Err(error)) => Err(ApiError::Serialization(format!(
            "failed to read the request body: {error}"
        ))),
    }
}

/// Keeps web pages out: a page that has tricked a browser's name resolution comes with its own `Host`, any other with an
/// `Origin`.
fn check_sender(headers: &HeaderMap) -> Result<(), ApiError> {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if !is_local(host) {
        let message = format!("host `{host}` is not this machine; connect to 127.0.0.1 or localhost");
        return Err(ApiError::AccessDenied(message));
    }
    let own = format!("http://{host}");
    if headers
        .get(ORIGIN)
        .is_some_and(|origin| origin.as_bytes() != own.as_bytes())
    {
        let message = "requests of web pages from elsewhere are refused".to_owned();
        return Err(ApiError::AccessDenied(message));
    }
    Ok(())
}

/// An address needs no name resolution; `*.localhost` is this machine by RFC 6761.
fn is_local(host: &str) -> bool {
    let name = without_port(host);
    let name = name.strip_prefix(SYNC_PREFIX).unwrap_or(name).to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok() || HOSTS.contains(&name.as_str()) || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine_are_told_from_others() {
        for local in [
            "127.0.0.1:4566",
            "localhost",
            "sync-localhost:4566",
            "sync-127.0.0.1:4566",
            "states.localhost:4566",
            "[::1]:4566",
            "LOCALHOST:4566",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "",
            "example.com",
            "localhost.example.com:4566",
            "127.0.0.1.nip.io",
            "sync-example.com",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let headers = |origin: &str| -> HeaderMap {
            [(HOST, "localhost:4566"), (ORIGIN, origin)]
                .map(|(name, value)| (name, value.parse().unwrap()))
                .into_iter()
                .collect()
        };
        assert!(check_sender(&headers("http://localhost:4566")).is_ok());
        for page in [
            "http://example.com",
            "null",
            "http://localhost:3000",
            "https://localhost:4566",
        ] {
            assert!(check_sender(&headers(page)).is_err(), "{page}");
        }
    }
}
