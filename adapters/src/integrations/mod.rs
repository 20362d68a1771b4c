//! Service integrations: the actions of services that a state machine calls besides functions.
//!
//! Each service is a file: its parameters, its response and its errors, as Step Functions' optimised integrations have
//! them. [`Tasks`] is the [`ports::TaskInvoker`] that finds the function or the service of a task.
//!
//! ```
//! # use std::sync::Arc;
//! use adapters::functions::Functions;
//! use adapters::integrations::{DynamoDb, Sns, Tasks};
//! use ports::memory;
//!
//! let tasks = Tasks::new(Functions::default())
//!     .with("dynamodb", DynamoDb::new(Arc::new(memory::Table::default())))
//!     .with("sns", Sns::new(Arc::new(memory::Notifier::default())));
//! ```

mod dynamodb;
mod lambda;
mod response;
mod sns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Integration, IntegrationPattern, Invocation, Target, TaskFailure, TaskInvoker, Timestamp};

use crate::functions::Functions;

pub use dynamodb::DynamoDb;
pub use lambda::Lambda;
pub use sns::Sns;

/// A service as a state machine sees it.
#[async_trait]
pub trait Service: Send + Sync + fmt::Debug {
    /// Does an action and returns its response as JSON text; `None` when the service here has no such action.
    async fn call(&self, call: Call<'_>) -> Option<Result<String, TaskFailure>>;
}

/// One call of a service.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The action, such as `putItem`.
    pub action: &'a str,
    /// Its parameters, JSON text.
    pub input: &'a str,
    /// Work that is not done by then will not be waited for.
    pub deadline: Timestamp,
}

/// Calls functions, and services through optimised integrations.
///
/// A call with `.waitForTaskToken` is a call like any other, since the token is among its parameters. Jobs (`.sync`)
/// are refused, as are services that were not added.
#[derive(Debug)]
pub struct Tasks {
    functions: Functions,
    services: BTreeMap<String, Arc<dyn Service>>,
}

impl Tasks {
    /// Calls these functions, also through `lambda:invoke`.
    pub fn new(functions: Functions) -> Self {
        let lambda: Arc<dyn Service> = Arc::new(Lambda::new(functions.clone()));
        Self {
            functions,
            services: BTreeMap::from([("lambda".to_owned(), lambda)]),
        }
    }

    /// Adds a service by the name that it has in a resource, such as `dynamodb`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, service: impl Service + 'static) -> Self {
        self.services.insert(name.into(), Arc::new(service));
        self
    }

    async fn call_service(&self, target: &Target, call: Call<'_>, service: &str) -> Result<String, TaskFailure> {
        let response = match self.services.get(service) {
            Some(service) => service.call(call).await,
            None => None,
        };
        response.unwrap_or_else(|| Err(not_available(target)))
    }
}

#[async_trait]
impl TaskInvoker for Tasks {
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure> {
        let Invocation {
            target,
            input,
            deadline,
        } = invocation;
        match &target {
            Target::Function(arn) => self.functions.find(arn)?.invoke(input, deadline).await,
            Target::Service {
                integration: Integration::Optimised,
                service,
                action,
                pattern: IntegrationPattern::RequestResponse | IntegrationPattern::WaitForTaskToken,
            } => {
                let call = Call {
                    action,
                    input: &input,
                    deadline,
                };
                self.call_service(&target, call, service).await
            }
            Target::Service { .. } => Err(not_available(&target)),
        }
    }
}

fn not_available(target: &Target) -> TaskFailure {
    TaskFailure {
        error: "States.Runtime".to_owned(),
        cause: format!("The resource {target} cannot be called on this machine."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::InProcess;
    use crate::local::Clock;
    use ports::{FunctionArn, conformance, memory};
    use serde_json::Value;

    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

    fn function(name: &str) -> FunctionArn {
        format!("{ARN}:{name}").into()
    }

    fn tasks() -> Tasks {
        let fail = InProcess::new(|asked: BTreeMap<String, String>, _| async move {
            Err::<(), _>(TaskFailure {
                error: asked["error"].clone(),
                cause: asked["cause"].clone(),
            })
        });
        let functions = Functions::default()
            .with(
                function("echo"),
                InProcess::new(|event: Value, _| async move { Ok::<_, TaskFailure>(event) }),
            )
            .with(function("fail"), fail);
        Tasks::new(functions).with("sns", Sns::new(Arc::new(memory::Notifier::default())))
    }

    #[tokio::test]
    async fn passes_every_check() {
        let names = conformance::task_invoker::Functions {
            echo: function("echo"),
            fail: function("fail"),
            missing: function("missing"),
        };
        conformance::task_invoker::all(&tasks(), &Clock, &names).await.unwrap();
    }

    #[tokio::test]
    async fn other_services_and_patterns_are_refused_by_their_resource() {
        let job = Target::Service {
            integration: Integration::Optimised,
            service: "sns".into(),
            action: "publish".into(),
            pattern: IntegrationPattern::Sync,
        };
        let others = [
            Target::aws_sdk("sns", "publish"),
            Target::optimised("sqs", "sendMessage"),
            Target::optimised("sns", "subscribe"),
        ];
        for target in others.into_iter().chain([job]) {
            let resource = target.to_string();
            let invocation = Invocation {
                target,
                input: "{}".to_owned(),
                deadline: Timestamp::from_millis(1),
            };
            let failure = tasks().invoke(invocation).await.unwrap_err();
            assert_eq!(failure.error, "States.Runtime");
            assert!(failure.cause.contains(&resource), "{}", failure.cause);
        }
    }
}
