//! What happened in an execution, event by event, in the shape of AWS's `GetExecutionHistory`.
//!
//! Owns the event types and their details; numbering is the interpreter's. `timestamp` serialises as milliseconds:
//! whoever speaks the API converts it.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One event of an execution's history.
///
/// `{"timestamp":0,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A","input":"{}",…}}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEvent {
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Its number, from 1.
    pub id: u64,
    /// The number of the event that it followed from; 0 where AWS says so.
    pub previous_event_id: u64,
    /// What there is to say about it.
    #[serde(flatten)]
    pub details: Option<Details>,
}

macro_rules! event_kinds {
    ($($name:ident),* $(,)?) => {
        /// The type of a history event: AWS's names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names are AWS's and say all there is")]
        pub enum EventKind { $($name),* }

        impl EventKind {
            /// The name as AWS writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

event_kinds!(
    ActivityFailed,
    ActivityScheduled,
    ActivityScheduleFailed,
    ActivityStarted,
    ActivitySucceeded,
    ActivityTimedOut,
    ChoiceStateEntered,
    ChoiceStateExited,
    EvaluationFailed,
    ExecutionAborted,
    ExecutionFailed,
    ExecutionRedriven,
    ExecutionStarted,
    ExecutionSucceeded,
    ExecutionTimedOut,
    FailStateEntered,
    LambdaFunctionFailed,
    LambdaFunctionScheduled,
    LambdaFunctionScheduleFailed,
    LambdaFunctionStarted,
    LambdaFunctionStartFailed,
    LambdaFunctionSucceeded,
    LambdaFunctionTimedOut,
    MapIterationAborted,
    MapIterationFailed,
    MapIterationStarted,
    MapIterationSucceeded,
    MapRunAborted,
    MapRunFailed,
    MapRunRedriven,
    MapRunStarted,
    MapRunSucceeded,
    MapStateAborted,
    MapStateEntered,
    MapStateExited,
    MapStateFailed,
    MapStateStarted,
    MapStateSucceeded,
    ParallelStateAborted,
    ParallelStateEntered,
    ParallelStateExited,
    ParallelStateFailed,
    ParallelStateStarted,
    ParallelStateSucceeded,
    PassStateEntered,
    PassStateExited,
    SucceedStateEntered,
    SucceedStateExited,
    TaskFailed,
    TaskScheduled,
    TaskStarted,
    TaskStartFailed,
    TaskStateAborted,
    TaskStateEntered,
    TaskStateExited,
    TaskSubmitFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimedOut,
    WaitStateAborted,
    WaitStateEntered,
    WaitStateExited,
);

/// Text that many events share.
pub type Text = Arc<str>;

/// Details of an event: the member of that name beside `type` and `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are AWS's and say all there is")]
pub enum Details {
    #[serde(rename = "activityFailedEventDetails")]
    ActivityFailed(Failure),
    #[serde(rename = "activityScheduleFailedEventDetails")]
    ActivityScheduleFailed(Failure),
    #[serde(rename = "activityScheduledEventDetails")]
    ActivityScheduled(ResourceScheduled),
    #[serde(rename = "activityStartedEventDetails")]
    ActivityStarted(ActivityStarted),
    #[serde(rename = "activitySucceededEventDetails")]
    ActivitySucceeded(Output),
    #[serde(rename = "activityTimedOutEventDetails")]
    ActivityTimedOut(Failure),
    #[serde(rename = "taskFailedEventDetails")]
    TaskFailed(TaskFailure),
    #[serde(rename = "taskScheduledEventDetails")]
    TaskScheduled(TaskScheduled),
    #[serde(rename = "taskStartFailedEventDetails")]
    TaskStartFailed(TaskFailure),
    #[serde(rename = "taskStartedEventDetails")]
    TaskStarted(TaskRef),
    #[serde(rename = "taskSubmitFailedEventDetails")]
    TaskSubmitFailed(TaskFailure),
    #[serde(rename = "taskSubmittedEventDetails")]
    TaskSubmitted(TaskOutput),
    #[serde(rename = "taskSucceededEventDetails")]
    TaskSucceeded(TaskOutput),
    #[serde(rename = "taskTimedOutEventDetails")]
    TaskTimedOut(TaskFailure),
    #[serde(rename = "executionFailedEventDetails")]
    ExecutionFailed(Failure),
    #[serde(rename = "executionStartedEventDetails")]
    ExecutionStarted(ExecutionStarted),
    #[serde(rename = "executionRedrivenEventDetails", rename_all = "camelCase")]
    ExecutionRedriven { redrive_count: u32 },
    #[serde(rename = "executionSucceededEventDetails")]
    ExecutionSucceeded(Output),
    #[serde(rename = "executionAbortedEventDetails")]
    ExecutionAborted(Failure),
    #[serde(rename = "executionTimedOutEventDetails")]
    ExecutionTimedOut(Failure),
    #[serde(rename = "mapStateStartedEventDetails")]
    MapStateStarted { length: u64 },
    #[serde(rename = "mapIterationStartedEventDetails")]
    MapIterationStarted(Iteration),
    #[serde(rename = "mapIterationSucceededEventDetails")]
    MapIterationSucceeded(Iteration),
    #[serde(rename = "mapIterationFailedEventDetails")]
    MapIterationFailed(Iteration),
    #[serde(rename = "mapIterationAbortedEventDetails")]
    MapIterationAborted(Iteration),
    #[serde(rename = "lambdaFunctionFailedEventDetails")]
    LambdaFunctionFailed(Failure),
    #[serde(rename = "lambdaFunctionScheduleFailedEventDetails")]
    LambdaFunctionScheduleFailed(Failure),
    #[serde(rename = "lambdaFunctionScheduledEventDetails")]
    LambdaFunctionScheduled(ResourceScheduled),
    #[serde(rename = "lambdaFunctionStartFailedEventDetails")]
    LambdaFunctionStartFailed(Failure),
    #[serde(rename = "lambdaFunctionSucceededEventDetails")]
    LambdaFunctionSucceeded(Output),
    #[serde(rename = "lambdaFunctionTimedOutEventDetails")]
    LambdaFunctionTimedOut(Failure),
    #[serde(rename = "stateEnteredEventDetails")]
    StateEntered(StateEntered),
    #[serde(rename = "stateExitedEventDetails")]
    StateExited(StateExited),
    #[serde(rename = "mapRunStartedEventDetails", rename_all = "camelCase")]
    MapRunStarted { map_run_arn: Text },
    #[serde(rename = "mapRunRedrivenEventDetails", rename_all = "camelCase")]
    MapRunRedriven { map_run_arn: Text, redrive_count: u32 },
    #[serde(rename = "mapRunFailedEventDetails")]
    MapRunFailed(Failure),
    #[serde(rename = "evaluationFailedEventDetails")]
    EvaluationFailed(EvaluationFailed),
}

/// Error and cause, each where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
    /// The cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Text>,
}

/// Whether a payload was cut; ours never are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Always `false`.
    pub truncated: bool,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// JSON text.
    pub output: Text,
    /// Not truncated.
    pub output_details: Truncation,
}

/// A Lambda function or an activity was scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceScheduled {
    /// The ARN.
    pub resource: Text,
    /// JSON text.
    pub input: Text,
    /// Not truncated.
    pub input_details: Truncation,
    /// **Seconds**.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_in_seconds: Option<i64>,
    /// **Seconds**.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_in_seconds: Option<i64>,
    /// The role the task is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_credentials: Option<TaskCredentials>,
}

/// A worker took an activity task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityStarted {
    /// The worker's name, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_name: Option<Text>,
}

/// The role a task is called with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCredentials {
    /// The role's ARN.
    pub role_arn: Text,
}

/// Which integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRef {
    /// Service, e.g. `lambda` or `aws-sdk:dynamodb`.
    pub resource_type: Text,
    /// Action, e.g. `invoke` or `sendMessage.waitForTaskToken`.
    pub resource: Text,
}

/// An integration failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// Which integration.
    #[serde(flatten)]
    pub task: TaskRef,
    /// Error and cause.
    #[serde(flatten)]
    pub failure: Failure,
}

/// An integration answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOutput {
    /// Which integration.
    #[serde(flatten)]
    pub task: TaskRef,
    /// What it answered.
    #[serde(flatten)]
    pub output: Output,
}

/// An integration was scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskScheduled {
    /// Which integration.
    #[serde(flatten)]
    pub task: TaskRef,
    /// The Region it is called in.
    pub region: Text,
    /// JSON text.
    pub parameters: Text,
    /// **Seconds**.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_in_seconds: Option<i64>,
    /// **Seconds**.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_in_seconds: Option<i64>,
    /// The role the task is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_credentials: Option<TaskCredentials>,
}

/// An execution started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionStarted {
    /// JSON text, as the caller wrote it.
    pub input: Text,
    /// Not truncated.
    pub input_details: Truncation,
    /// The role's ARN.
    pub role_arn: Text,
}

/// An iteration of an inline Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// The Map state's name.
    pub name: Text,
    /// Which item, from 0.
    pub index: u64,
}

/// A state was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateEntered {
    /// The state's name.
    pub name: Text,
    /// JSON text.
    pub input: Text,
    /// Not truncated.
    pub input_details: Truncation,
}

/// A state was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateExited {
    /// The state's name.
    pub name: Text,
    /// JSON text.
    pub output: Text,
    /// Not truncated.
    pub output_details: Truncation,
    /// What it assigned: variable → JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_variables: Option<BTreeMap<Text, Text>>,
    /// Not truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_variables_details: Option<Truncation>,
}

/// An expression failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationFailed {
    /// The error name.
    pub error: Text,
    /// The cause.
    pub cause: Text,
    /// The field, e.g. `Assign/result`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Text>,
    /// The state's name.
    pub state: Text,
}
