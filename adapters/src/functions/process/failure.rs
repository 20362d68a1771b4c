//! What Lambda answers when a function does not: error names and payloads in its words.
//!
//! **Source**: `invocation-retries.html` and `troubleshooting-invocation.html` of the Lambda developer guide,
//! `concepts-error-handling.html` of the Step Functions developer guide, and recorded answers.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use ports::TaskFailure;
use serde::Deserialize;
use serde_json::json;

/// Lambda's limit for a response, as its error text has it: 6 MiB and 100 bytes.
pub(in crate::functions) const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// The error type of a process that ended by itself.
const EXIT_ERROR: &str = "Runtime.ExitError";
/// The error type of an invocation that took too long.
pub(super) const TIMED_OUT: &str = "Sandbox.Timedout";

/// The payload of a function's error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    error_type: Option<String>,
}

/// A failure that the function reported. The error's name is in the payload, or else in the header beside it.
pub(in crate::functions) fn of_payload(payload: String, header: Option<String>) -> TaskFailure {
    let told: Option<Payload> = serde_json::from_str(&payload).ok();
    let told = told.and_then(|told| told.error_type).filter(|name| !name.is_empty());
    TaskFailure {
        error: told.or(header).unwrap_or_else(|| "Lambda.Unknown".to_owned()),
        cause: payload,
    }
}

/// A failure of Lambda's own making: its payload names the request.
fn of_request(error: &str, request_id: &str, message: &str) -> TaskFailure {
    TaskFailure {
        error: error.to_owned(),
        cause: json!({"errorType": error, "errorMessage": format!("RequestId: {request_id} Error: {message}")})
            .to_string(),
    }
}

/// `Task timed out after 3.00 seconds`
pub(super) fn timed_out(request_id: &str, after: Duration) -> TaskFailure {
    of_request(TIMED_OUT, request_id, &timed_out_text(after))
}

pub(super) fn timed_out_text(after: Duration) -> String {
    format!("Task timed out after {:.2} seconds", after.as_secs_f64())
}

/// `Runtime exited with error: exit status 1`
pub(super) fn exited(request_id: &str, status: ExitStatus) -> TaskFailure {
    of_request(EXIT_ERROR, request_id, &exited_text(status))
}

pub(super) fn exited_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => format!("Runtime exited with error: signal: {}", signal_name(signal)),
        (None, None) => "Runtime exited with error: unknown".to_owned(),
    }
}

/// A signal in the words of Lambda's logs, which are those of Go's `syscall` package.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// The program could not be started at all.
pub(super) fn not_started(program: &std::path::Path, error: &std::io::Error) -> TaskFailure {
    let error_type = "Runtime.InvalidEntrypoint";
    let message = format!(
        "RequestId: unknown Error: failed to start `{}`: {error}",
        program.display()
    );
    TaskFailure {
        error: error_type.to_owned(),
        cause: json!({"errorType": error_type, "errorMessage": message}).to_string(),
    }
}

pub(in crate::functions) fn response_too_large() -> TaskFailure {
    let error_type = "Function.ResponseSizeTooLarge";
    let message = format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    TaskFailure {
        error: error_type.to_owned(),
        cause: json!({"errorType": error_type, "errorMessage": message}).to_string(),
    }
}

pub(super) fn event_too_large(bytes: usize, bytes_max: usize) -> TaskFailure {
    TaskFailure {
        error: "Lambda.RequestTooLargeException".to_owned(),
        cause: format!(
            "{bytes} byte payload is too large for the RequestResponse invocation type (limit {bytes_max} bytes)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_lambdas() {
        // Each as it stands in CloudWatch logs of AWS.
        let texts = [
            (0, "Runtime exited without providing a reason"),
            (1 << 8, "Runtime exited with error: exit status 1"),
            (101 << 8, "Runtime exited with error: exit status 101"),
            (9, "Runtime exited with error: signal: killed"),
            (11, "Runtime exited with error: signal: segmentation fault"),
        ];
        for (wait_status, expected) in texts {
            assert_eq!(exited_text(ExitStatus::from_raw(wait_status)), expected);
        }
        let timed_out = timed_out("r", Duration::from_secs(3));
        assert_eq!(timed_out.error, "Sandbox.Timedout");
        assert_eq!(
            timed_out.cause,
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r Error: Task timed out after 3.00 seconds"}"#
        );
    }

    #[test]
    fn an_error_without_a_type_is_unknown() {
        let name =
            |payload: &str, header: Option<&str>| of_payload(payload.to_owned(), header.map(str::to_owned)).error;
        assert_eq!(name(r#"{"errorType":"A","errorMessage":"b"}"#, Some("H")), "A");
        assert_eq!(name(r#"{"errorMessage":"b"}"#, Some("H")), "H");
        assert_eq!(name("not JSON", None), "Lambda.Unknown");
    }
}
