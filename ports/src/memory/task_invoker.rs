//! Tasks as plain asynchronous functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::lock;
use crate::{Invocation, TaskFailure};

type Function = Arc<dyn Fn(Invocation) -> BoxFuture<'static, Result<String, TaskFailure>> + Send + Sync>;

/// Functions by the resource that a Task state names.
///
/// ```
/// use ports::{TaskInvoker as _, memory};
///
/// let tasks = memory::TaskInvoker::default()
///     .with("arn:aws:lambda:us-east-1:000000000000:function:echo", |call| async move { Ok(call.input) });
/// ```
#[derive(Default)]
pub struct TaskInvoker {
    functions: BTreeMap<String, Function>,
    invoked: Mutex<Vec<Invocation>>,
}

impl fmt::Debug for TaskInvoker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.functions.keys()).finish()
    }
}

impl TaskInvoker {
    /// The same with one more function.
    #[must_use]
    pub fn with<F, W>(mut self, resource: impl Into<String>, function: F) -> Self
    where
        F: Fn(Invocation) -> W + Send + Sync + 'static,
        W: Future<Output = Result<String, TaskFailure>> + Send + 'static,
    {
        let boxed: Function = Arc::new(move |invocation| Box::pin(function(invocation)));
        self.functions.insert(resource.into(), boxed);
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
        let Some(function) = self.functions.get(&invocation.resource) else {
            return Err(TaskFailure {
                error: "Lambda.ResourceNotFoundException".to_owned(),
                cause: format!("Function not found: {}", invocation.resource),
            });
        };
        function(invocation).await
    }
}
