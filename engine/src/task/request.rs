//! What every kind of task request needs: reading its parameters, calling the port, and telling of a failure.

use asl::{Event, TaskId, TaskPhase, TaskRequest, error_name};
use ports::{Invocation, Target, TaskFailure};

use crate::context::Context;
use crate::driver::Completion;
use crate::limits;

/// The completion of a task that failed; it stops the run where [`crate::Settings::halt_on`] names the error.
pub(super) fn failed(context: &Context, task: TaskId, phase: TaskPhase, failure: TaskFailure) -> Completion {
    if context.settings.halt_on.contains(&failure.error) {
        return Completion::Halted(failure);
    }
    Completion::from_event(Event::TaskFailed {
        task,
        phase,
        error: Some(failure.error),
        cause: Some(failure.cause),
    })
}

/// Calls a function or an integration through the port, under the task's deadline.
pub(super) async fn invoke(
    context: &Context,
    request: &TaskRequest,
    target: Target,
    input: String,
) -> Result<String, TaskFailure> {
    let seconds = request.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let duration = seconds.map_or(limits::TASK_DURATION_MAX, std::time::Duration::from_secs);
    let deadline = context.ports.clock.now().plus(duration);
    let invocation = Invocation {
        target,
        input,
        deadline,
    };
    context.ports.invoker.invoke(invocation).await
}

/// The parameters of a call, read by the names of its API.
pub(super) fn parameters<T: serde::de::DeserializeOwned>(
    request: &TaskRequest,
    action: &str,
) -> Result<T, TaskFailure> {
    T::deserialize(&*request.input).map_err(|error| TaskFailure {
        error: error_name::RUNTIME.to_owned(),
        cause: format!("The parameters of {action} cannot be read: {error}"),
    })
}

/// The metadata that every response of a service carries.
pub(super) fn sdk_metadata(request: &TaskRequest) -> [(&'static str, serde_json::Value); 2] {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, request.task_token.as_bytes()).to_string();
    let headers = serde_json::json!({"AllHttpHeaders": {}, "HttpHeaders": {}, "HttpStatusCode": 200});
    [
        ("SdkHttpMetadata", headers),
        ("SdkResponseMetadata", serde_json::json!({"RequestId": id})),
    ]
}
