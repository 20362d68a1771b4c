//! The history events of tasks: a plain function, an activity and an integration each have their own.

use super::command::TaskRequest;
use super::event::TaskPhase;
use super::fault::Fault;
use crate::history::{
    ActivityStarted, Details, EventKind, Failure, Output, ResourceScheduled, TaskCredentials, TaskFailure, TaskOutput,
    TaskRef, TaskScheduled, Text, Truncation,
};
use crate::{Integration, Resource};

/// A task that failed, and how far it had come.
pub(super) struct Failed {
    pub(super) phase: TaskPhase,
    pub(super) fault: Fault,
}

/// The event that schedules a task.
pub(super) fn scheduled(request: &TaskRequest) -> (EventKind, impl FnOnce() -> Details) {
    let kind = match &request.resource {
        Resource::LambdaFunction(_) => EventKind::LambdaFunctionScheduled,
        Resource::Activity(_) => EventKind::ActivityScheduled,
        Resource::Integration(_) => EventKind::TaskScheduled,
    };
    (kind, move || match &request.resource {
        Resource::LambdaFunction(arn) => Details::LambdaFunctionScheduled(resource_scheduled(request, arn)),
        Resource::Activity(arn) => Details::ActivityScheduled(resource_scheduled(request, arn)),
        Resource::Integration(integration) => Details::TaskScheduled(TaskScheduled {
            task: task_ref(integration),
            region: region(request),
            parameters: request.input_text.clone(),
            timeout_in_seconds: request.timeout_seconds,
            heartbeat_in_seconds: request.heartbeat_seconds,
            task_credentials: credentials(request),
        }),
    })
}

fn resource_scheduled(request: &TaskRequest, arn: &Text) -> ResourceScheduled {
    ResourceScheduled {
        resource: arn.clone(),
        input: request.input_text.clone(),
        input_details: Truncation::default(),
        timeout_in_seconds: request.timeout_seconds,
        heartbeat_in_seconds: request.heartbeat_seconds,
        task_credentials: credentials(request),
    }
}

fn credentials(request: &TaskRequest) -> Option<TaskCredentials> {
    request
        .credentials_role_arn
        .as_deref()
        .map(|role| TaskCredentials { role_arn: role.into() })
}

fn region(request: &TaskRequest) -> Text {
    request.region.clone()
}

pub(super) fn task_ref(integration: &Integration) -> TaskRef {
    TaskRef {
        resource_type: integration.service.clone(),
        resource: integration.resource().into(),
    }
}

/// The event that starts a task.
pub(super) fn started(resource: &Resource, worker: Option<&str>) -> (EventKind, Option<Details>) {
    match resource {
        Resource::LambdaFunction(_) => (EventKind::LambdaFunctionStarted, None),
        Resource::Activity(_) => {
            let worker_name = worker.map(Text::from);
            (
                EventKind::ActivityStarted,
                Some(Details::ActivityStarted(ActivityStarted { worker_name })),
            )
        }
        Resource::Integration(integration) => (
            EventKind::TaskStarted,
            Some(Details::TaskStarted(task_ref(integration))),
        ),
    }
}

pub(super) fn submitted(resource: &Resource, output: &Text) -> Option<Details> {
    match resource {
        Resource::Integration(integration) => Some(Details::TaskSubmitted(TaskOutput {
            task: task_ref(integration),
            output: output_details(output),
        })),
        Resource::LambdaFunction(_) | Resource::Activity(_) => None,
    }
}

pub(super) fn output_details(text: &Text) -> Output {
    Output {
        output: text.clone(),
        output_details: Truncation::default(),
    }
}

/// The event of a task that succeeded.
pub(super) fn succeeded(resource: &Resource) -> (EventKind, impl FnOnce(Output) -> Details) {
    let kind = match resource {
        Resource::LambdaFunction(_) => EventKind::LambdaFunctionSucceeded,
        Resource::Activity(_) => EventKind::ActivitySucceeded,
        Resource::Integration(_) => EventKind::TaskSucceeded,
    };
    (kind, move |output| match resource {
        Resource::LambdaFunction(_) => Details::LambdaFunctionSucceeded(output),
        Resource::Activity(_) => Details::ActivitySucceeded(output),
        Resource::Integration(integration) => Details::TaskSucceeded(TaskOutput {
            task: task_ref(integration),
            output,
        }),
    })
}

impl Failed {
    /// The event of a task that failed.
    pub(super) fn event(&self, resource: &Resource) -> (EventKind, Details) {
        let failure = Failure {
            error: self.fault.error.clone(),
            cause: self.fault.cause.clone(),
        };
        match resource {
            Resource::LambdaFunction(_) => self.of_function(failure),
            Resource::Activity(_) => self.of_activity(failure),
            Resource::Integration(integration) => self.of_integration(TaskFailure {
                task: task_ref(integration),
                failure,
            }),
        }
    }

    fn of_function(&self, failure: Failure) -> (EventKind, Details) {
        match self.phase {
            TaskPhase::Run | TaskPhase::Submit => {
                (EventKind::LambdaFunctionFailed, Details::LambdaFunctionFailed(failure))
            }
            TaskPhase::Schedule | TaskPhase::Refused => (
                EventKind::LambdaFunctionScheduleFailed,
                Details::LambdaFunctionScheduleFailed(failure),
            ),
            TaskPhase::Start => (
                EventKind::LambdaFunctionStartFailed,
                Details::LambdaFunctionStartFailed(failure),
            ),
            TaskPhase::TimedOut => (
                EventKind::LambdaFunctionTimedOut,
                Details::LambdaFunctionTimedOut(failure),
            ),
        }
    }

    fn of_activity(&self, failure: Failure) -> (EventKind, Details) {
        match self.phase {
            TaskPhase::Run | TaskPhase::Submit | TaskPhase::Start => {
                (EventKind::ActivityFailed, Details::ActivityFailed(failure))
            }
            TaskPhase::Schedule | TaskPhase::Refused => (
                EventKind::ActivityScheduleFailed,
                Details::ActivityScheduleFailed(failure),
            ),
            TaskPhase::TimedOut => (EventKind::ActivityTimedOut, Details::ActivityTimedOut(failure)),
        }
    }

    fn of_integration(&self, failure: TaskFailure) -> (EventKind, Details) {
        match self.phase {
            TaskPhase::Run => (EventKind::TaskFailed, Details::TaskFailed(failure)),
            TaskPhase::Schedule | TaskPhase::Refused | TaskPhase::Start => {
                (EventKind::TaskStartFailed, Details::TaskStartFailed(failure))
            }
            TaskPhase::Submit => (EventKind::TaskSubmitFailed, Details::TaskSubmitFailed(failure)),
            TaskPhase::TimedOut => (EventKind::TaskTimedOut, Details::TaskTimedOut(failure)),
        }
    }
}
