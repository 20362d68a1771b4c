//! Why a state cannot go on, before it is known whether somebody catches it.

use crate::Text;
use crate::data::Document;
use crate::data::expression::Failure;
use crate::data::jsonata::{QueryFailure, QueryFault};
use crate::data::template::FieldFailure;
use crate::error_name;

/// What went wrong in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) error: Option<Text>,
    pub(crate) cause: Option<Text>,
    /// Whether the cause is told with the state's name and the id of the event that entered it.
    pub(crate) told_with_state: bool,
    /// For an `EvaluationFailed` event.
    pub(crate) evaluation: Option<Evaluation>,
    /// Whether a task failed: `States.TaskFailed` matches.
    pub(crate) of_task: bool,
}

/// What an `EvaluationFailed` event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// The field; none if the state's input was at fault.
    pub(crate) location: Option<Text>,
    /// Whether it follows the state's entry; else it follows what came before that.
    pub(crate) after_entry: bool,
}

impl Fault {
    /// An error with its own cause, passed on as it is.
    pub(crate) fn plain(error: Option<Text>, cause: Option<Text>) -> Self {
        Self {
            error,
            cause,
            told_with_state: false,
            evaluation: None,
            of_task: false,
        }
    }

    /// An error of the language, told with the state.
    pub(crate) fn named(error: &str, reason: impl Into<Text>) -> Self {
        Self {
            told_with_state: true,
            ..Self::plain(Some(error.into()), Some(reason.into()))
        }
    }

    /// `States.Runtime`.
    pub(crate) fn runtime(reason: impl Into<Text>) -> Self {
        Self::named(error_name::RUNTIME, reason)
    }

    /// `States.DataLimitExceeded`; `what` is the state or the task's resource.
    pub(crate) fn too_large(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::plain(Some(error_name::DATA_LIMIT_EXCEEDED.into()), Some(cause.into()))
    }

    /// `States.QueryEvaluationError`.
    pub(crate) fn query(location: Option<&str>, reason: impl Into<Text>) -> Self {
        let evaluation = Evaluation {
            location: location.map(Text::from),
            after_entry: false,
        };
        Self {
            evaluation: Some(evaluation),
            ..Self::named(error_name::QUERY_EVALUATION_ERROR, reason)
        }
    }

    /// The same, noticed after the state was entered.
    pub(crate) fn noticed_later(mut self) -> Self {
        if let Some(evaluation) = &mut self.evaluation {
            evaluation.after_entry = true;
        }
        self
    }

    /// The same with its cause told in full.
    pub(crate) fn told(mut self, state: &str, entry: u64) -> Self {
        if std::mem::take(&mut self.told_with_state) {
            let cause = self.cause.as_deref().unwrap_or_default();
            let told = format!(
                "An error occurred while executing the state '{state}' (entered at the event id #{entry}). {cause}"
            );
            self.cause = Some(told.into());
        }
        self
    }

    /// Whether the execution ends whatever `Catch` says.
    pub(crate) fn is_fatal(&self) -> bool {
        self.error.as_deref() == Some(error_name::RUNTIME)
    }

    /// A template's member that has no value.
    pub(crate) fn of_field(failure: &FieldFailure, input: &Document) -> Self {
        Self::of_expression(&failure.failure, &failure.field, input)
    }

    /// An expression in the field of that name.
    pub(crate) fn of_expression(failure: &Failure, field: &str, input: &Document) -> Self {
        match failure {
            Failure::Missing { reason, .. } if reason.starts_with("The function '") => {
                Self::runtime(format!("{reason} '{}'", input.text()))
            }
            Failure::Missing { path, .. } => Self::runtime(format!(
                "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{}'",
                input.text()
            )),
            Failure::Function { call, reason } => Self::named(
                error_name::INTRINSIC_FAILURE,
                format!("The function '{call}' had the following error: {reason}"),
            ),
        }
    }

    /// `InputPath`, `OutputPath` and other paths that stand alone.
    pub(crate) fn of_path(failure: &Failure) -> Self {
        match failure {
            Failure::Missing { path, reason, .. } => Self::runtime(format!("Invalid path '{path}' : {reason}")),
            Failure::Function { call, reason } => Self::named(
                error_name::INTRINSIC_FAILURE,
                format!("The function '{call}' had the following error: {reason}"),
            ),
        }
    }

    /// A `JSONata` expression.
    pub(crate) fn of_query(failure: &QueryFailure) -> Self {
        let QueryFailure { location, query, fault } = failure;
        let told = match fault {
            QueryFault::Nothing => "returned nothing (undefined).".to_owned(),
            QueryFault::Unsupported => "returned an unsupported result type.".to_owned(),
            QueryFault::Threw(reason) => format!("threw an error during evaluation. {reason}"),
        };
        Self::query(
            Some(location),
            format!("The JSONata expression '{query}' specified for the field '{location}' {told}"),
        )
    }

    /// A `JSONata` expression whose value is of the wrong type.
    pub(crate) fn wrong_type(query: &str, field: &str, wanted: &str, value: &serde_json::Value) -> Self {
        let found = type_name(value);
        Self::query(
            Some(field),
            format!(
                "The JSONata expression '{query}' specified for the field '{field}' returned an unexpected result type. Expected '{wanted}', but was '{found}' for value: {value}"
            ),
        )
    }
}

/// A type in AWS's words.
pub(crate) const fn type_name(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    }
}
