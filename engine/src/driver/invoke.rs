//! How the driver of an execution calls its tasks, and goes on with those that were accepted.

use std::sync::Arc;

use asl::{Pattern, Resource, TaskRequest};
use futures::FutureExt;
use futures::future::pending;
use tokio::sync::oneshot;

use super::Driver;
use crate::inbox::Post;
use crate::lifecycle::Driving;
use crate::registry::ActivityTask;
use crate::task::nested::{self, Nested};
use crate::task::{self, Onward, Way};
use crate::wait::Wait;

impl Driver {
    /// Calls a task in its own way. `begun`: it was submitted, or taken by a worker, before a crash.
    pub(crate) fn invoke(&mut self, request: TaskRequest, begun: bool) {
        let (task, world) = (request.task, Arc::clone(&self.world));
        let way = Way::of(&request.resource);
        if way.takes_token() {
            let mailbox = self.post.get_or_insert_with(Post::new).sender.clone();
            let place = world.desk.expect_answer(&request.task_token, task, mailbox);
            self.places.insert(task, place);
        }
        let answer = match way {
            Way::Call => task::call(world, request).boxed(),
            Way::Token | Way::Activity if begun => pending().boxed(),
            Way::Token => task::submit(world, request).boxed(),
            Way::Activity => return self.offer(&request),
            Way::Nested(pattern) => {
                self.nested.insert(task, Nested::of(&world, &request, pattern));
                nested::answer(world, request, pattern, begun).boxed()
            }
            Way::Nobody => return self.ready.push(task::unresolvable(&request).into()),
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
        if self.world.desk.offer(arn, offered) {
            self.wait(Wait::Task(request.task), pending().boxed());
        } else {
            self.ready.push(task::no_activity(request).into());
        }
    }

    /// What was accepted is written down, and goes on.
    pub(crate) fn go_on(&mut self, onward: Onward) {
        match onward {
            Onward::Token(task) => self.wait(Wait::Task(task), pending().boxed()),
            Onward::Execution {
                task,
                execution,
                pattern,
            } => {
                let (done, ended) = oneshot::channel();
                let (world, stop) = (Arc::clone(&self.world), self.stop.clone());
                let nested = self.nested.get_mut(&task);
                let driving = nested.map_or_else(|| Driving::until(&stop), |nested| nested.begin(stop.clone()));
                let run = nested::run(world, execution, driving, done);
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

    /// The execution that a task starts is not waited for any more.
    pub(crate) fn give_up_nested(&mut self, nested: Nested) {
        let left = nested.give_up(&self.world, self.stop.clone());
        self.companions.0.extend(left);
    }
}
