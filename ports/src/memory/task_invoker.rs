//! Tasks as plain asynchronous functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::lock;
use crate::{FunctionArn, IntegrationPattern, Invocation, Target, TaskFailure};

type Function = Arc<dyn Fn(Invocation) -> BoxFuture<'static, Result<String, TaskFailure>> + Send + Sync>;

/// Functions, and actions of services, that tests give.
///
/// ```
/// use ports::{TaskInvoker as _, memory};
///
/// let tasks = memory::TaskInvoker::default()
///     .with("arn:aws:lambda:us-east-1:000000000000:function:echo", |call| async move { Ok(call.input) });
/// ```
#[derive(Default)]
pub struct TaskInvoker {
    answers: BTreeMap<Target, Function>,
    invoked: Mutex<Vec<Invocation>>,
}

impl fmt::Debug for TaskInvoker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.answers.keys()).finish()
    }
}

impl TaskInvoker {
    /// Adds a Lambda function.
    #[must_use]
    pub fn with<F, W>(self, arn: impl Into<FunctionArn>, function: F) -> Self
    where
        F: Fn(Invocation) -> W + Send + Sync + 'static,
        W: Future<Output = Result<String, TaskFailure>> + Send + 'static,
    {
        self.with_target(Target::Function(arn.into()), function)
    }

    /// Adds whatever a task can call. Of a service's action the pattern is not looked at.
    #[must_use]
    pub fn with_target<F, W>(mut self, target: Target, function: F) -> Self
    where
        F: Fn(Invocation) -> W + Send + Sync + 'static,
        W: Future<Output = Result<String, TaskFailure>> + Send + 'static,
    {
        let boxed: Function = Arc::new(move |invocation| Box::pin(function(invocation)));
        self.answers.insert(without_pattern(target), boxed);
        self
    }

    /// Every invocation so far, in order.
    pub fn invoked(&self) -> Vec<Invocation> {
        lock(&self.invoked).clone()
    }
}

#[async_trait]
impl crate::TaskInvoker for TaskInvoker {
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure> {
        lock(&self.invoked).push(invocation.clone());
        let Some(function) = self.answers.get(&without_pattern(invocation.target.clone())) else {
            return Err(TaskFailure {
                error: "Lambda.ResourceNotFoundException".to_owned(),
                cause: format!("Function not found: {}", invocation.target),
            });
        };
        function(invocation).await
    }
}

fn without_pattern(mut target: Target) -> Target {
    if let Target::Service { pattern, .. } = &mut target {
        *pattern = IntegrationPattern::RequestResponse;
    }
    target
}
