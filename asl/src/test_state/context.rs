//! The context object of a test: the caller's, proved member by member, or that of an Express execution.

use super::shape::{TestStateRefused, TestStateRequest};
use super::{STATE_NAME, refused};
use crate::data::document;
use crate::definition::state::{Kind, State};
use crate::{Identity, Moment, Pattern, Resource};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a member of the context object holds.
#[derive(Debug, Clone, Copy)]
enum Holds {
    Text,
    Integer,
    Anything,
}

/// The members that a caller may give, by the object that they stand in.
const MEMBERS: [(&str, &[(&str, Holds)]); 4] = [
    (
        "Execution",
        &[
            ("Id", Holds::Text),
            ("Input", Holds::Anything),
            ("Name", Holds::Text),
            ("RoleArn", Holds::Text),
            ("StartTime", Holds::Text),
            ("RedriveCount", Holds::Integer),
            ("RedriveTime", Holds::Text),
        ],
    ),
    (
        "State",
        &[
            ("EnteredTime", Holds::Text),
            ("Name", Holds::Text),
            ("RetryCount", Holds::Integer),
        ],
    ),
    ("StateMachine", &[("Id", Holds::Text), ("Name", Holds::Text)]),
    ("Task", &[("Token", Holds::Text)]),
];

/// The context object: the caller's, or one of an Express execution.
pub(super) fn context(
    request: &TestStateRequest,
    state: &State,
    identity: &Identity,
    input: &Value,
    moment: Moment,
) -> Result<Arc<Value>, TestStateRefused> {
    if let Some(text) = &request.context {
        return given(text, state).map(Arc::new);
    }
    let mut shown = json!({"Name": STATE_NAME, "EnteredTime": moment.now.to_string()});
    if let (Kind::Task(_) | Kind::Map(_) | Kind::Parallel(_), Some(members)) = (&state.kind, shown.as_object_mut()) {
        members.insert(
            "RetryCount".to_owned(),
            request.state_configuration.retrier_retry_count.into(),
        );
    }
    Ok(Arc::new(json!({
        "Execution": {
            "Id": &*identity.execution_arn,
            "Input": input,
            "Name": &*identity.name,
            "RoleArn": request.role_arn,
            "StartTime": identity.start_time.to_string(),
        },
        "StateMachine": {"Id": &*identity.state_machine_arn, "Name": &*identity.state_machine_name},
        "State": shown,
    })))
}

fn given(text: &str, state: &State) -> Result<Value, TestStateRefused> {
    let invalid = |reason: String| refused(format!("Invalid Context object provided: {reason}"));
    let value = document::parse(text).map_err(|error| invalid(error.to_string()))?;
    let members = value
        .as_object()
        .ok_or_else(|| invalid("not a JSON object".to_owned()))?;
    for (name, member) in members {
        let known = MEMBERS.iter().find(|(known, _)| known == name);
        let Some((_, allowed)) = known.filter(|_| name != "Task" || waits(state)) else {
            return Err(invalid(not_allowed(name)));
        };
        let member = member
            .as_object()
            .ok_or_else(|| invalid(format!("Field '{name}' must be an object")))?;
        check_members(member, allowed).map_err(invalid)?;
    }
    Ok(value)
}

fn check_members(members: &Map<String, Value>, allowed: &[(&str, Holds)]) -> Result<(), String> {
    for (name, value) in members {
        let Some((_, holds)) = allowed.iter().find(|(known, _)| known == name) else {
            return Err(not_allowed(name));
        };
        let (fits, wanted) = match holds {
            Holds::Text => (value.is_string(), "a string"),
            Holds::Integer => (value.is_i64() || value.is_u64(), "a number"),
            Holds::Anything => (true, "any value"),
        };
        if !fits {
            return Err(format!("Field '{name}' must be {wanted}"));
        }
    }
    Ok(())
}

fn not_allowed(name: &str) -> String {
    format!("Field '{name}' is not allowed")
}

/// Whether the state is a task that waits for another party, `.sync` or `.waitForTaskToken`: only then is there a token.
fn waits(state: &State) -> bool {
    match &state.kind {
        Kind::Task(task) => {
            matches!(&task.resource, Resource::Integration(integration) if integration.pattern != Pattern::RequestResponse)
        }
        Kind::Pass(_)
        | Kind::Choice(_)
        | Kind::Wait(_)
        | Kind::Succeed
        | Kind::Fail(_)
        | Kind::Parallel(_)
        | Kind::Map(_) => false,
    }
}
