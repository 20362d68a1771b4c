//! `TestState`: one state, run once.

use asl::test_state::{TestStateProgress, TestStateRefused, TestStateRequest, TestStateResponse};
use asl::{ExecutionType, Identity, Moment};

use crate::App;
use crate::error::ApiError;

/// Runs one state of a definition.
pub(crate) fn test_state(app: &App, request: &TestStateRequest) -> Result<TestStateResponse, ApiError> {
    let now = asl::Timestamp::from_millis(app.parts.clock.now().as_millis());
    // A test does not wait, so the jitter of a retry shows in the answer alone.
    let moment = Moment { now, jitter: 0.5 };
    let progress = asl::test_state::test_state(request, identity(app, request, now), moment);
    match progress.map_err(ApiError::from)? {
        TestStateProgress::Done(response) => Ok(*response),
        TestStateProgress::Invoke(..) => Err(ApiError::NotImplemented(
            "TestState of a Task without `mock`".to_owned(),
        )),
    }
}

/// The Express execution that AWS shows to the state.
fn identity(app: &App, request: &TestStateRequest, now: asl::Timestamp) -> Identity {
    let at = format!("arn:aws:states:{}:{}", app.settings.region, app.settings.account);
    let machine = app.new_id();
    let name = app.new_id();
    let default_role = || format!("arn:aws:iam::{}:role/gantry", app.settings.account);
    Identity {
        execution_arn: format!("{at}:express:{machine}:{name}").into(),
        name: name.to_string().into(),
        role_arn: request.role_arn.clone().unwrap_or_else(default_role).into(),
        start_time: now,
        state_machine_arn: format!("{at}:stateMachine:{machine}").into(),
        state_machine_name: machine.to_string().into(),
        execution_type: ExecutionType::Express,
        redrive_count: 0,
        synchronous: false,
        redrive_time: None,
        map_run_arn: None,
        token_prefix: format!("{}-", app.new_id().simple()).into(),
    }
}

impl From<TestStateRefused> for ApiError {
    fn from(refused: TestStateRefused) -> Self {
        Self::Worded {
            code: refused.code,
            message: refused.message,
        }
    }
}
