//! How the driver of an execution calls its tasks, and what follows when a call was accepted.

use std::sync::Arc;

use asl::{Pattern, Resource, TaskRequest};
use futures::FutureExt;
use futures::future::pending;
use tokio::sync::oneshot;

use super::Driver;
use super::effect::AfterAccept;
use crate::inbox::Inbox;
use crate::registry::ActivityTask;
use crate::stop::Control;
use crate::task::nested::{self, Nested};
use crate::task::{self, InvocationKind};
use crate::wait::Wait;

impl Driver {
    /// Calls a task in its own way. `accepted`: the task was submitted, or taken by a worker, before a crash.
    pub(crate) fn invoke(&mut self, request: TaskRequest, accepted: bool) {
        let (task, context) = (request.task, Arc::clone(&self.context));
        let kind = InvocationKind::new(&request.resource);
        if kind.takes_token() {
            let sender = self.inbox.get_or_insert_with(Inbox::new).sender.clone();
            let registration = context.registry.expect_answer(&request.task_token, task, sender);
            self.registrations.insert(task, registration);
        }
        let answer = match kind {
            InvocationKind::Call => task::call(context, request).boxed(),
            InvocationKind::Token | InvocationKind::Activity if accepted => pending().boxed(),
            InvocationKind::Token => task::submit(context, request).boxed(),
            InvocationKind::Activity => return self.offer(&request),
            InvocationKind::Nested(pattern) => {
                self.nested.insert(task, Nested::new(&context, &request, pattern));
                nested::answer(context, request, pattern, accepted).boxed()
            }
            InvocationKind::Nobody => return self.ready.push(task::unresolvable(&request).into()),
        };
        self.wait(Wait::Task(task), answer);
    }

    /// Offers a task to the workers of its activity.
    fn offer(&mut self, request: &TaskRequest) {
        let offered = ActivityTask {
            token: request.task_token.clone(),
            input: request.input_text.to_string(),
        };
        let Resource::Activity(arn) = &request.resource else {
            return;
        };
        if self.context.registry.offer(arn, offered) {
            self.wait(Wait::Task(request.task), pending().boxed());
        } else {
            self.ready.push(task::no_activity(request).into());
        }
    }

    /// Continues with a task whose acceptance is in the journal.
    pub(crate) fn continue_with(&mut self, after: AfterAccept) {
        match after {
            AfterAccept::Token(task) => self.wait(Wait::Task(task), pending().boxed()),
            AfterAccept::Execution {
                task,
                execution,
                pattern,
            } => {
                let (done, ended) = oneshot::channel();
                let (context, stop) = (Arc::clone(&self.context), self.stop.clone());
                let nested = self.nested.get_mut(&task);
                let control = nested.map_or_else(|| Control::until(&stop), |nested| nested.begin(stop.clone()));
                let run = nested::run(context, execution, control, done);
                self.companions.0.push(run.boxed());
                match pattern {
                    Pattern::RequestResponse => {}
                    Pattern::WaitForTaskToken => self.wait(Wait::Task(task), pending().boxed()),
                    Pattern::Sync | Pattern::Sync2 => {
                        self.wait(Wait::Task(task), nested::end(task, pattern, ended).boxed());
                    }
                }
            }
        }
    }

    /// Cancels the wait for an execution that a task has started.
    pub(crate) fn cancel_nested(&mut self, nested: Nested) {
        let left = nested.cancel(&self.context, self.stop.clone());
        self.companions.0.extend(left);
    }
}
