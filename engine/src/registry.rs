//! Finds the execution for which a message from outside is: by task token, activity, execution or map run.
//!
//! The registry knows what waits for messages and keeps nothing durable: an execution that is driven again after a crash
//! registers again, with equal tokens. A message is acknowledged once its event is in the journal, so an acknowledged
//! request survives a crash.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::{Event, TaskId};
use ports::{ExecutionArn, MapRunArn};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::map_run::MapRunMessage;

/// An event for an execution.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) event: Event,
    /// Receives whether the execution accepted the event, once it is in the journal.
    pub(crate) receipt: oneshot::Sender<bool>,
}

/// Sends messages to one execution.
pub(crate) type Sender = mpsc::Sender<Message>;

/// Work for an activity's worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityTask {
    /// The task token that the answer must carry.
    pub token: String,
    /// JSON text.
    pub input: String,
}

/// A state machine that executions can start.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) definition: String,
}

/// What waits for messages.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    open: Mutex<Open>,
    offered: Notify,
    /// An execution has got its inbox, or is not driven any more.
    executions_changed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    tokens: BTreeMap<String, (TaskId, Sender)>,
    executions: BTreeMap<ExecutionArn, Sender>,
    /// Executions that are being opened or driven; the channel closes when that is over.
    driven: BTreeMap<ExecutionArn, watch::Sender<()>>,
    map_runs: BTreeMap<MapRunArn, mpsc::Sender<MapRunMessage>>,
    /// Offered tasks by activity: never more than tasks that are waited for.
    activities: BTreeMap<String, VecDeque<ActivityTask>>,
    machines: BTreeMap<String, Machine>,
}

/// A registration, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    who: Registered,
}

#[derive(Debug)]
enum Registered {
    Token(String),
    Execution(ExecutionArn),
    MapRun(MapRunArn),
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut open = self.registry.open();
        match &self.who {
            Registered::Execution(arn) => {
                open.executions.remove(arn);
            }
            Registered::MapRun(arn) => {
                open.map_runs.remove(arn);
            }
            Registered::Token(token) => {
                open.tokens.remove(token);
                let offers = open.activities.values_mut();
                offers.for_each(|offered| offered.retain(|task| task.token != *token));
            }
        }
    }
}

/// The right to drive an execution; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    registry: Arc<Registry>,
    execution: ExecutionArn,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.registry.open().driven.remove(&self.execution);
        self.registry.executions_changed.notify_waiters();
    }
}

/// A task on its way to a worker; it is offered again when the worker leaves before it has arrived.
#[derive(Debug)]
pub(crate) struct Handover {
    registry: Arc<Registry>,
    activity: String,
    task: Option<ActivityTask>,
}

impl Handover {
    pub(crate) fn token(&self) -> &str {
        self.task.as_ref().map_or("", |task| &task.token)
    }

    /// Hands the task over for good.
    pub(crate) fn settle(mut self) -> Option<ActivityTask> {
        self.task.take()
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.registry.offer_again(&self.activity, task);
        }
    }
}

impl Registry {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a task that waits for an answer with this token.
    pub(crate) fn expect_answer(self: &Arc<Self>, token: &str, task: TaskId, sender: Sender) -> Registration {
        self.open().tokens.insert(token.to_owned(), (task, sender));
        self.registration(Registered::Token(token.to_owned()))
    }

    /// Claims an execution, so that only one driver writes its journal. `Err` with a channel that closes when the other
    /// driver has gone.
    pub(crate) fn claim(self: &Arc<Self>, execution: &ExecutionArn) -> Result<Claim, watch::Receiver<()>> {
        let mut open = self.open();
        if let Some(driven) = open.driven.get(execution) {
            return Err(driven.subscribe());
        }
        open.driven.insert(execution.clone(), watch::Sender::new(()));
        drop(open);
        Ok(Claim {
            registry: Arc::clone(self),
            execution: execution.clone(),
        })
    }

    /// The sender to an execution that is driven here, as soon as it has an inbox; `None` when it is not driven.
    pub(crate) async fn execution_once_open(&self, arn: &ExecutionArn) -> Option<Sender> {
        loop {
            let changed = self.executions_changed.notified();
            tokio::pin!(changed);
            // From here on a change wakes it.
            changed.as_mut().enable();
            let (sender, driven) = {
                let open = self.open();
                (open.executions.get(arn).cloned(), open.driven.contains_key(arn))
            };
            if sender.is_some() || !driven {
                return sender;
            }
            changed.await;
        }
    }

    /// Registers an execution that is driven here.
    pub(crate) fn receive(self: &Arc<Self>, execution: &ExecutionArn, sender: Sender) -> Registration {
        self.open().executions.insert(execution.clone(), sender);
        self.executions_changed.notify_waiters();
        self.registration(Registered::Execution(execution.clone()))
    }

    /// Registers a map run that is driven here.
    pub(crate) fn receive_for_run(
        self: &Arc<Self>,
        map_run: &MapRunArn,
        sender: mpsc::Sender<MapRunMessage>,
    ) -> Registration {
        self.open().map_runs.insert(map_run.clone(), sender);
        self.registration(Registered::MapRun(map_run.clone()))
    }

    fn registration(self: &Arc<Self>, who: Registered) -> Registration {
        Registration {
            registry: Arc::clone(self),
            who,
        }
    }

    pub(crate) fn holder(&self, token: &str) -> Option<(TaskId, Sender)> {
        self.open().tokens.get(token).cloned()
    }

    pub(crate) fn map_run(&self, arn: &MapRunArn) -> Option<mpsc::Sender<MapRunMessage>> {
        self.open().map_runs.get(arn).cloned()
    }

    pub(crate) fn add_activity(&self, arn: String) {
        self.open().activities.entry(arn).or_default();
    }

    pub(crate) fn has_activity(&self, arn: &str) -> bool {
        self.open().activities.contains_key(arn)
    }

    /// Offers a task to the next worker that asks; `false` when there is no such activity.
    pub(crate) fn offer(&self, activity: &str, task: ActivityTask) -> bool {
        let offered = self
            .open()
            .activities
            .get_mut(activity)
            .map(|offers| offers.push_back(task));
        self.offered.notify_waiters();
        offered.is_some()
    }

    /// The next task that is offered.
    ///
    /// # Cancel safety
    /// Dropping the future loses no task.
    async fn next_task(&self, activity: &str) -> ActivityTask {
        loop {
            let offered = self.offered.notified();
            tokio::pin!(offered);
            // From here on an offer wakes it.
            offered.as_mut().enable();
            let task = self.open().activities.get_mut(activity).and_then(VecDeque::pop_front);
            if let Some(task) = task {
                return task;
            }
            offered.await;
        }
    }

    /// The next offered task, on its way to a worker. When the handover is dropped before [`Handover::settle`], the task is
    /// offered to the next worker.
    pub(crate) async fn next_handover(self: &Arc<Self>, activity: &str) -> Handover {
        Handover {
            task: Some(self.next_task(activity).await),
            registry: Arc::clone(self),
            activity: activity.to_owned(),
        }
    }

    /// Offers a task again, before all others, if its execution still waits for it.
    fn offer_again(&self, activity: &str, task: ActivityTask) {
        let mut open = self.open();
        if !open.tokens.contains_key(&task.token) {
            return;
        }
        if let Some(offers) = open.activities.get_mut(activity) {
            offers.push_front(task);
        }
        drop(open);
        self.offered.notify_waiters();
    }

    pub(crate) fn add_machine(&self, arn: String, machine: Machine) {
        self.open().machines.insert(arn, machine);
    }

    pub(crate) fn machine(&self, arn: &str) -> Option<Machine> {
        self.open().machines.get(arn).cloned()
    }
}

/// Delivers an event and returns whether the execution accepted it, once it is in the journal; `None` when the execution
/// is gone.
pub(crate) async fn deliver(sender: &Sender, event: Event) -> Option<bool> {
    let (receipt, told) = oneshot::channel();
    sender.send(Message { event, receipt }).await.ok()?;
    told.await.ok()
}
