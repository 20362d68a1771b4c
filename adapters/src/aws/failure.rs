//! What a caller can do about an error of a service.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use ports::{Error, ErrorKind};

/// What a service said, in its own words.
#[derive(Debug)]
struct ServiceError {
    code: String,
    message: String,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => f.write_str(&self.code),
            message => write!(f, "{}: {message}", self.code),
        }
    }
}

impl std::error::Error for ServiceError {}

/// The error of a call that was to do `doing`.
pub(super) fn service_error<E>(error: SdkError<E, HttpResponse>, doing: impl Into<String>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let doing = doing.into();
    let status = error.raw_response().map(|response| response.status().as_u16());
    let Some(code) = error.code().map(str::to_owned) else {
        return without_code(error, doing, status);
    };
    let kind = kind_of_code(&code).unwrap_or_else(|| kind_of_status(status.unwrap_or(0)));
    let message = error.message().unwrap_or_default().to_owned();
    let said = ServiceError {
        code: code.clone(),
        message,
    };
    Error::new(kind, doing).with_code(code, status).because(said)
}

/// There was no answer, or one without a word: a refusal of a `HEAD` has no body.
fn without_code<E>(error: SdkError<E, HttpResponse>, doing: String, status: Option<u16>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    let kind = match &error {
        SdkError::ConstructionFailure(_) => ErrorKind::Malformed,
        SdkError::ServiceError(_) => kind_of_status(status.unwrap_or(0)),
        SdkError::DispatchFailure(failure) if failure.is_user() => ErrorKind::Malformed,
        _ if is_about_credentials(&error) => ErrorKind::Denied,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) | _ => {
            ErrorKind::Unavailable
        }
    };
    let made = Error::new(kind, doing);
    let made = match status {
        Some(status) => made.with_code(format!("HTTP{status}"), Some(status)),
        None => made,
    };
    match error.into_source() {
        Ok(source) => made.because(source),
        Err(error) => made.because(error),
    }
}

fn is_about_credentials(error: &dyn std::error::Error) -> bool {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.any(|cause| cause.to_string().contains("credential"))
}

fn kind_of_code(code: &str) -> Option<ErrorKind> {
    let kind = match code {
        "NoSuchKey"
        | "NoSuchBucket"
        | "NoSuchVersion"
        | "NoSuchUpload"
        | "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException" => ErrorKind::NotFound,
        "PreconditionFailed" | "ResourceInUseException" | "ConditionalCheckFailedException" => ErrorKind::Conflict,
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "Throttled"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "BandwidthLimitExceeded"
        | "KMSThrottling" => ErrorKind::Throttled,
        "EntityTooLarge" | "QuotaExceeded" | "ItemCollectionSizeLimitExceededException" => ErrorKind::Full,
        "AuthorizationError"
        | "UnrecognizedClientException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken" => ErrorKind::Denied,
        // Two conditional writes at once, of which this one has to ask again.
        "ConditionalRequestConflict" | "OperationAborted" | "TransactionConflictException" | "RequestTimeout" => {
            ErrorKind::Unavailable
        }
        _ if code.starts_with("AccessDenied") => ErrorKind::Denied,
        _ => return None,
    };
    Some(kind)
}

const fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        401 | 403 | 407 => ErrorKind::Denied,
        413 | 507 => ErrorKind::Full,
        400..=499 => ErrorKind::Malformed,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_before_statuses() {
        let cases = [
            ("SlowDown", 503, ErrorKind::Throttled),
            ("InternalError", 500, ErrorKind::Unavailable),
            ("AccessDenied", 403, ErrorKind::Denied),
            ("AccessDeniedException", 400, ErrorKind::Denied),
            ("ValidationException", 400, ErrorKind::Malformed),
            ("ProvisionedThroughputExceededException", 400, ErrorKind::Throttled),
            ("ConditionalRequestConflict", 409, ErrorKind::Unavailable),
            ("KeyTooLongError", 400, ErrorKind::Malformed),
            ("Unheard", 404, ErrorKind::NotFound),
        ];
        for (code, status, expected) in cases {
            let kind = kind_of_code(code).unwrap_or_else(|| kind_of_status(status));
            assert_eq!(kind, expected, "{code}");
        }
    }
}
