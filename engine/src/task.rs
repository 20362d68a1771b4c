//! How each kind of resource is called.
//!
//! Everything that is not the engine's own goes through the `TaskInvoker` port, which is told the function, or the
//! service's action and the pattern. The engine's own are activities, tokens and nested executions.

mod lambda;
pub(crate) mod nested;
mod request;
mod token;

use std::sync::Arc;

use asl::{Event, Integration, Pattern, Resource, TaskId, TaskPhase, TaskRequest, error_name};
use ports::{FunctionArn, IntegrationPattern, Target, TaskFailure};

use crate::context::Context;
use crate::driver::{AfterAccept, Completion};
use request::{failed, invoke};

/// How a task is called and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvocationKind {
    /// The port answers with the result.
    Call,
    /// The port answers with a receipt; the result comes with the task token.
    Token,
    /// A worker of an activity asks for the task.
    Activity,
    /// The task starts an execution; the pattern says whether its end is waited for.
    Nested(Pattern),
    /// No part of the engine can call the resource.
    Nobody,
}

impl InvocationKind {
    pub(crate) fn new(resource: &Resource) -> Self {
        let Resource::Integration(integration) = resource else {
            return match resource {
                Resource::Activity(_) => Self::Activity,
                Resource::LambdaFunction(_) | Resource::Integration(_) => Self::Call,
            };
        };
        match integration.pattern {
            pattern if nested::is_start_execution(integration) => Self::Nested(pattern),
            Pattern::WaitForTaskToken => Self::Token,
            Pattern::RequestResponse => Self::Call,
            Pattern::Sync | Pattern::Sync2 => Self::Nobody,
        }
    }

    /// Whether an answer may come with a task token.
    pub(crate) const fn takes_token(self) -> bool {
        match self {
            Self::Token | Self::Activity | Self::Nested(Pattern::WaitForTaskToken) => true,
            Self::Call | Self::Nested(_) | Self::Nobody => false,
        }
    }
}

/// Calls a task and waits for its result.
pub(crate) async fn call(context: Arc<Context>, request: TaskRequest) -> Completion {
    let task = request.task;
    match send(&context, &request).await {
        Ok(output) => Completion::from_event(Event::TaskSucceeded { task, output }),
        Err(failure) => failed(&context, task, TaskPhase::Run, failure),
    }
}

/// Sends a call whose result comes with the task token.
pub(crate) async fn submit(context: Arc<Context>, request: TaskRequest) -> Completion {
    let task = request.task;
    match send(&context, &request).await {
        Ok(output) => Completion::Accepted(Event::TaskSubmitted { task, output }, AfterAccept::Token(task)),
        Err(failure) => failed(&context, task, TaskPhase::Submit, failure),
    }
}

/// The failure of a task whose resource no part of the engine can call.
pub(crate) fn unresolvable(request: &TaskRequest) -> Event {
    let arn = resource_arn(&request.resource);
    refusal(
        request.task,
        TaskPhase::Start,
        format!("The resource {arn} cannot be called here: jobs of other services are not waited for."),
    )
}

/// The failure of a task whose activity does not exist.
pub(crate) fn no_activity(request: &TaskRequest) -> Event {
    let arn = resource_arn(&request.resource);
    refusal(
        request.task,
        TaskPhase::Refused,
        format!("The activity {arn} does not exist."),
    )
}

fn refusal(task: TaskId, phase: TaskPhase, cause: String) -> Event {
    Event::TaskFailed {
        task,
        phase,
        error: Some(error_name::RUNTIME.to_owned()),
        cause: Some(cause),
    }
}

async fn send(context: &Arc<Context>, request: &TaskRequest) -> Result<String, TaskFailure> {
    match &request.resource {
        Resource::LambdaFunction(arn) | Resource::Activity(arn) => {
            let target = FunctionArn::from(Arc::clone(arn)).into();
            invoke(context, request, target, request.input_text.to_string()).await
        }
        Resource::Integration(integration) if lambda::is_invoke(integration) => lambda::invoke(context, request).await,
        Resource::Integration(integration) if token::is_answer(integration) => {
            token::answer(context, request, integration).await
        }
        Resource::Integration(integration) => {
            let target = service_target(integration);
            let answer = invoke(context, request, target, request.input_text.to_string()).await;
            answer.map_err(|failure| TaskFailure {
                error: name_of(context, integration, failure.error),
                cause: failure.cause,
            })
        }
    }
}

/// A service's bare error code gets the name that the integration gives it.
fn name_of(context: &Context, integration: &Integration, code: String) -> String {
    if context.settings.halt_on.contains(&code) {
        return code;
    }
    integration.error_name(&code)
}

fn resource_arn(resource: &Resource) -> &str {
    match resource {
        Resource::LambdaFunction(arn) | Resource::Activity(arn) => arn,
        Resource::Integration(integration) => &integration.arn,
    }
}

/// The integration in the words of the port.
fn service_target(integration: &Integration) -> Target {
    let (kind, service) = match integration.service.strip_prefix("aws-sdk:") {
        Some(service) => (ports::Integration::AwsSdk, service.into()),
        None => (ports::Integration::Optimised, Arc::clone(&integration.service)),
    };
    Target::Service {
        integration: kind,
        service,
        action: Arc::clone(&integration.action),
        pattern: match integration.pattern {
            Pattern::RequestResponse => IntegrationPattern::RequestResponse,
            Pattern::Sync => IntegrationPattern::Sync,
            Pattern::Sync2 => IntegrationPattern::Sync2,
            Pattern::WaitForTaskToken => IntegrationPattern::WaitForTaskToken,
        },
    }
}
