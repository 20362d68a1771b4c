//! The Step Functions API: one operation, one typed request, one typed answer, one short function.

mod activities;
mod aliases;
mod configuration;
mod definition;
mod describe;
mod executions;
mod for_execution;
mod history;
mod map_runs;
mod origin;
mod start;
mod state_machines;
mod tags;
mod tasks;
mod test_state;
mod validate_definition;
mod versions;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::App;
use crate::error::ApiError;
use crate::validate;

/// What of an operation is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    Done,
    /// All but what the note says.
    Partly(&'static str),
    /// Nothing: it answers 501.
    Not,
}

/// An operation of the service model, and what of it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationCoverage {
    /// AWS's name.
    pub operation: &'static str,
    /// What of it is there.
    pub coverage: Coverage,
}

/// Declares every operation: what of it is there, and the function that answers it.
macro_rules! operations {
    ($($name:ident: $coverage:expr $(, $kind:ident $handler:path)?;)*) => {
        const OPERATIONS: &[OperationCoverage] = &[$(
            OperationCoverage { operation: stringify!($name), coverage: $coverage },
        )*];

        async fn call(app: &App, operation: &str, body: Value) -> Result<Value, ApiError> {
            match operation {
                $(stringify!($name) => { operations!(@arm app, operation, body $(, $kind $handler)?) })*
                _ => Err(ApiError::UnknownOperation(operation.to_owned())),
            }
        }
    };
    (@arm $app:ident, $operation:ident, $body:ident) => { Err(ApiError::NotImplemented($operation.to_owned())) };
    (@arm $app:ident, $operation:ident, $body:ident, waits $handler:path) => {{
        let request = request($app, $operation, $body)?;
        // Each future on the heap: the largest would set the size of all.
        reply(&Box::pin($handler($app, request)).await?)
    }};
    (@arm $app:ident, $operation:ident, $body:ident, answers $handler:path) => {{
        let request = request($app, $operation, $body)?;
        reply(&$handler($app, &request)?)
    }};
    (@arm $app:ident, $operation:ident, $body:ident, says $handler:path) => {
        reply(&$handler(&request($app, $operation, $body)?))
    };
}

operations! {
    CreateActivity: Coverage::Done, waits activities::create;
    CreateStateMachine: Coverage::Done, waits state_machines::create;
    CreateStateMachineAlias: Coverage::Done, waits aliases::create;
    DeleteActivity: Coverage::Done, waits activities::delete;
    DeleteStateMachine: Coverage::Partly("at once: executions go on, none keeps the machine as `DELETING`"), waits state_machines::delete;
    DeleteStateMachineAlias: Coverage::Done, waits aliases::delete;
    DeleteStateMachineVersion: Coverage::Done, waits versions::delete;
    DescribeActivity: Coverage::Done, waits activities::describe;
    DescribeExecution: Coverage::Done, waits executions::describe;
    DescribeMapRun: Coverage::Done, waits map_runs::describe;
    DescribeStateMachine: Coverage::Done, waits describe::describe;
    DescribeStateMachineAlias: Coverage::Done, waits aliases::describe;
    DescribeStateMachineForExecution: Coverage::Partly("not of children of map runs"), waits for_execution::describe;
    GetActivityTask: Coverage::Done, waits tasks::poll;
    GetExecutionHistory: Coverage::Done, waits history::history;
    ListActivities: Coverage::Done, waits activities::list;
    ListExecutions: Coverage::Done, waits executions::list;
    ListMapRuns: Coverage::Done, waits map_runs::list;
    ListStateMachineAliases: Coverage::Done, waits aliases::list;
    ListStateMachineVersions: Coverage::Done, waits versions::list;
    ListStateMachines: Coverage::Done, waits state_machines::list;
    ListTagsForResource: Coverage::Done, waits tags::list;
    PublishStateMachineVersion: Coverage::Done, waits versions::publish;
    RedriveExecution: Coverage::Partly("`clientToken` is not remembered"), waits executions::redrive;
    SendTaskFailure: Coverage::Done, waits tasks::fail;
    SendTaskHeartbeat: Coverage::Done, waits tasks::heartbeat;
    SendTaskSuccess: Coverage::Done, waits tasks::succeed;
    StartExecution: Coverage::Partly("a name stays taken for good; Express executions are not logged"), waits start::start;
    StartSyncExecution: Coverage::Partly("executions are not logged"), waits start::start_sync;
    StopExecution: Coverage::Done, waits executions::stop;
    TagResource: Coverage::Done, waits tags::add;
    TestState: Coverage::Partly("a Task needs a `mock`: no service is called"), answers test_state::test_state;
    UntagResource: Coverage::Done, waits tags::remove;
    UpdateMapRun: Coverage::Done, waits map_runs::update;
    UpdateStateMachine: Coverage::Done, waits state_machines::update;
    UpdateStateMachineAlias: Coverage::Done, waits aliases::update;
    ValidateStateMachineDefinition: Coverage::Done, says validate_definition::validate;
}

/// Every operation of the service model, and what of it is there.
pub fn coverage() -> impl Iterator<Item = OperationCoverage> {
    OPERATIONS.iter().copied()
}

/// Answers one request of the service.
pub(crate) async fn dispatch(app: &App, operation: &str, body: Value) -> Result<Value, ApiError> {
    call(app, operation, body).await
}

/// The output of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub(crate) struct Empty {}

/// Checks a body against the service model and reads it.
fn request<Q: DeserializeOwned>(app: &App, operation: &str, body: Value) -> Result<Q, ApiError> {
    let facts = app.facts.operation(operation);
    let facts = facts.ok_or_else(|| ApiError::UnknownOperation(operation.to_owned()))?;
    validate::check(&app.facts, &facts.input, &body)?;
    serde_json::from_value(without_nulls(body)).map_err(|error| ApiError::Serialization(error.to_string()))
}

/// A member that is null has not been given.
fn without_nulls(body: Value) -> Value {
    match body {
        Value::Object(members) => {
            let given = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => body,
    }
}

fn reply<A: Serialize>(answer: &A) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|error| ApiError::Internal(format!("failed to write the answer: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;

    #[test]
    fn every_operation_of_the_model_is_declared() {
        let facts = Facts::load().unwrap();
        let mut declared: Vec<_> = coverage().map(|row| row.operation).collect();
        declared.sort_unstable();
        assert_eq!(declared, facts.operations().collect::<Vec<_>>());
    }
}
