//! Errors as AWS names and words them.
//!
//! The texts are API: clients match on the code, people and tests read the message. Sources: the service model for the
//! codes, recordings of the service for the texts.

use std::fmt::Display;

use http::StatusCode;
use serde_json::{Value, json};

/// The answer to a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The request is no JSON, or a member has another type than its shape.
    #[error("{0}")]
    Serialization(String),
    /// No operation of the service has this name.
    #[error("unknown operation `{0}`")]
    UnknownOperation(String),
    /// AWS has the operation, and gantry does not: nothing was done.
    #[error("{0} is not available in gantry; docs/endpoint.md lists what is")]
    NotImplemented(String),
    /// The body is larger than any request of the service may be.
    #[error("request body is larger than {} bytes", crate::limits::BODY_BYTES_MAX)]
    RequestTooLarge,
    /// The body did not come in time.
    #[error("request body was not received within {} s", crate::limits::BODY_WAIT_MAX.as_secs())]
    RequestTimeout,
    /// The request comes from a web page, or for a host that this endpoint is not.
    #[error("{0}")]
    AccessDenied(String),
    /// One or more members break a constraint of the service model, or a rule beyond it.
    #[error("{message}")]
    Validation {
        /// AWS's text.
        message: String,
        /// AWS's reason, such as `INVALID_ROUTING_CONFIGURATION`.
        reason: Option<&'static str>,
    },
    /// The text is no ARN of the kind that is wanted.
    #[error("Invalid Arn: '{0}'")]
    InvalidArn(String),
    /// The name has a character that AWS refuses.
    #[error("Invalid Name: '{0}'")]
    InvalidName(String),
    /// The definition has faults.
    #[error("Invalid State Machine Definition: '{0}'")]
    InvalidDefinition(String),
    /// A failure whose code and text another part has worded.
    #[error("{message}")]
    Worded {
        /// AWS's code.
        code: &'static str,
        /// AWS's text.
        message: String,
    },
    /// The endpoint is shutting down.
    #[error("the endpoint is shutting down; send the request again after its next start")]
    Unavailable,
    /// A fault of gantry's, or of the disk below it. The cause is logged and not shown.
    #[error("internal error; the server's log has the cause")]
    Internal(String),
}

impl ApiError {
    /// A rule beyond the service model was broken.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::Validation {
            message: message.into(),
            reason: None,
        }
    }

    fn worded(code: &'static str, message: impl Into<String>) -> Self {
        Self::Worded {
            code,
            message: message.into(),
        }
    }

    /// No state machine, or version or alias of one, has this ARN.
    pub(crate) fn no_state_machine(arn: impl Display) -> Self {
        Self::worded(
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{arn}'"),
        )
    }

    /// A state machine of this name has another content.
    pub(crate) fn state_machine_exists(arn: impl Display) -> Self {
        Self::worded(
            "StateMachineAlreadyExists",
            format!("State Machine Already Exists: '{arn}'"),
        )
    }

    /// The state machine goes as soon as its last execution has ended.
    pub(crate) fn state_machine_deleting(arn: impl Display) -> Self {
        Self::worded("StateMachineDeleting", format!("State Machine is deleting: '{arn}'"))
    }

    /// No execution has this ARN.
    pub(crate) fn no_execution(arn: impl Display) -> Self {
        Self::worded("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// An execution of this name has another input, or has ended.
    pub(crate) fn execution_exists(arn: impl Display) -> Self {
        Self::worded("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
    }

    /// The execution cannot be redriven.
    pub(crate) fn not_redrivable(reason: impl Into<String>) -> Self {
        Self::worded("ExecutionNotRedrivable", reason)
    }

    /// The input is no JSON.
    pub(crate) fn invalid_input(reason: impl Display) -> Self {
        let message = format!("Invalid State Machine Execution Input: '{reason}'");
        Self::worded("InvalidExecutionInput", message)
    }

    /// A Standard state machine where an Express one is wanted, or the other way round.
    pub(crate) fn type_not_supported() -> Self {
        let message = "This operation is not supported by this type of state machine";
        Self::worded("StateMachineTypeNotSupported", message)
    }

    /// The task has ended before the request reached it.
    pub(crate) fn task_timed_out() -> Self {
        Self::worded("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    }

    /// No activity has this ARN.
    pub(crate) fn no_activity(arn: impl Display) -> Self {
        Self::worded("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
    }

    /// Nothing that can be tagged has this ARN.
    pub(crate) fn no_resource(arn: impl Display) -> Self {
        Self::worded("ResourceNotFound", format!("Resource not found: '{arn}'"))
    }

    /// An alias, or a version that it routes to, is not there.
    pub(crate) fn no_referenced_resource() -> Self {
        Self::worded("ResourceNotFound", "Request references a resource that does not exist.")
    }

    /// The request does not fit what is there.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::worded("ConflictException", message)
    }

    /// An update that changes nothing.
    pub(crate) fn missing_parameter(message: impl Into<String>) -> Self {
        Self::worded("MissingRequiredParameter", message)
    }

    /// The logging configuration breaks a rule.
    pub(crate) fn invalid_logging(message: impl Display) -> Self {
        Self::worded(
            "InvalidLoggingConfiguration",
            format!("Invalid Logging Configuration: {message}"),
        )
    }

    /// More tags than a resource can have.
    pub(crate) fn too_many_tags(arn: impl Display) -> Self {
        Self::worded("TooManyTags", format!("Too many tags on resource '{arn}'"))
    }

    /// The token of a page is none that a list has given out.
    pub(crate) fn invalid_page_token(token: impl Display) -> Self {
        Self::worded("InvalidToken", format!("Invalid Token: '{token}'"))
    }

    /// AWS's name for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Serialization(_) => "SerializationException",
            Self::UnknownOperation(_) => "UnknownOperationException",
            Self::NotImplemented(_) => "NotImplemented",
            Self::RequestTooLarge => "RequestEntityTooLarge",
            Self::RequestTimeout => "RequestTimeoutException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::Validation { .. } => "ValidationException",
            Self::InvalidArn(_) => "InvalidArn",
            Self::InvalidName(_) => "InvalidName",
            Self::InvalidDefinition(_) => "InvalidDefinition",
            Self::Worded { code, .. } => code,
            Self::Unavailable => "ServiceUnavailable",
            Self::Internal(_) => "InternalServerError",
        }
    }

    /// The HTTP status that it travels with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Serialization(_)
            | Self::UnknownOperation(_)
            | Self::Validation { .. }
            | Self::InvalidArn(_)
            | Self::InvalidName(_)
            | Self::InvalidDefinition(_)
            | Self::Worded { .. } => StatusCode::BAD_REQUEST,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::AccessDenied(_) => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body of AWS JSON: `{"__type":"InvalidArn","message":"Invalid Arn: '…'"}`.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"__type": self.code(), "message": self.to_string()});
        if let (
            Self::Validation {
                reason: Some(reason), ..
            },
            Some(members),
        ) = (self, body.as_object_mut())
        {
            members.insert("reason".to_owned(), Value::from(*reason));
        }
        body
    }
}

impl From<ports::Error> for ApiError {
    /// A port's failure that the operation has not foreseen.
    fn from(error: ports::Error) -> Self {
        Self::Internal(error.chain())
    }
}

impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> Self {
        use engine::{Error, InvalidRequest};
        let worded = |code, text: &str| Self::worded(code, text);
        match error {
            Error::Request(InvalidRequest::Output) => worded("InvalidOutput", "Invalid Output: 'Invalid output'"),
            Error::Request(InvalidRequest::Token) => worded("InvalidToken", "Invalid Token: 'Invalid token'"),
            Error::Request(InvalidRequest::TimedOut) => Self::task_timed_out(),
            Error::Request(InvalidRequest::Activity) => worded("ActivityDoesNotExist", "Activity Does Not Exist"),
            Error::Request(InvalidRequest::Execution) => worded("ExecutionDoesNotExist", "Execution Does Not Exist"),
            Error::Request(InvalidRequest::MapRun) => worded("ResourceNotFound", "Resource not found"),
            Error::Request(InvalidRequest::MapRunOver) => Self::Validation {
                message: "Map Run is already completed and cannot be updated".to_owned(),
                reason: Some("CANNOT_UPDATE_COMPLETED_MAP_RUN"),
            },
            Error::Request(InvalidRequest::Percentage) => Self::validation(error.to_string()),
            Error::NotRedrivable { .. } | Error::OfMapRun { .. } => Self::not_redrivable(error.to_string()),
            Error::Busy { .. } => worded("ExecutionLimitExceeded", &error.to_string()),
            Error::Draining => Self::Unavailable,
            Error::Port { .. }
            | Error::Definition { .. }
            | Error::JournalVersion { .. }
            | Error::Journal { .. }
            | Error::NoItemSubset { .. }
            | Error::Orphan { .. }
            | Error::Stuck { .. }
            | Error::Halted { .. }
            | Error::Broken { .. }
            | Error::Panicked(_)
            | Error::Child(_) => Self::Internal(chain(&error)),
        }
    }
}

/// The text of an error with those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
