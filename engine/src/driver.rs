//! Drives one execution: events in, commands out, the journal between.
//!
//! Owns the waits (tasks, timers, map runs) of its execution. An event that the execution does not wait for any more is
//! dropped, never guessed at. The driver starts nested executions, which are driven in the same way: see
//! `executions.rs` for the circle that this makes.

pub(crate) mod effect;
mod gather;
mod invoke;
mod maps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::{Command, Ending, Event, Execution, MapRunRequest, Moment};
use futures::FutureExt;
use futures::future::{AbortHandle, Abortable, BoxFuture, pending};
use futures::stream::FuturesUnordered;
use ports::{ExecutionRow, Timestamp};

use crate::companions::Companions;
use crate::context::{Context, to_asl};
use crate::history_sink::HistorySink;
use crate::inbox::{Inbox, tell};
use crate::item_subset::ItemSubset;
use crate::jitter::jitter;
use crate::journal::{Entry, Recorder};
use crate::recovery::Recovered;
use crate::registry::Registration;
use crate::stop::Control;
use crate::stop::StopRequest;
use crate::task::nested::Nested;
use crate::wait::Wait;
use crate::{Error, Result, Stop};

pub(crate) use effect::{AfterAccept, Completion};
use effect::{Effects, Incoming};

/// How control ended.
#[derive(Debug)]
pub(crate) enum Driven {
    Ended {
        ending: Ending,
        /// Number of redrives of the execution.
        redrive_count: u32,
        /// Whether the execution ended without success and has room for a redrive in its history.
        redrivable: bool,
    },
    Stopped,
}

/// Drives one execution to its end.
pub(crate) struct Driver {
    pub(crate) context: Arc<Context>,
    /// Absent only while a step is being taken.
    execution: Option<Execution>,
    recorder: Option<Recorder>,
    pub(crate) waits: FuturesUnordered<BoxFuture<'static, Completion>>,
    handles: BTreeMap<Wait, AbortHandle>,
    map_runs: BTreeMap<asl::MapRunId, Box<MapRunRequest>>,
    /// Requests that abort the map runs that are being driven.
    aborts: BTreeMap<asl::MapRunId, Stop>,
    /// Map runs that were aborted and have not ended yet.
    aborted: BTreeSet<asl::MapRunId>,
    item_subset: Option<ItemSubset>,
    pub(crate) ready: Vec<Incoming>,
    pub(crate) inbox: Option<Inbox>,
    /// Registrations of the task tokens whose answers are awaited.
    pub(crate) registrations: BTreeMap<asl::TaskId, Registration>,
    /// Executions that tasks have started or may have started.
    pub(crate) nested: BTreeMap<asl::TaskId, Nested>,
    pub(crate) companions: Companions,
    /// Takes the history while the execution runs; without it, the history is dropped.
    history: Option<HistorySink>,
    steps: u64,
    pub(crate) stop: Stop,
    /// Asks the execution to end; `None` once that was heard.
    abort: Option<Stop>,
    /// Completes when the time of an Express execution is up.
    time: BoxFuture<'static, ()>,
    ending: Option<Ending>,
}

impl Driver {
    /// A driver of a journalled execution that continues where its journal ends.
    pub(crate) fn recorded(
        context: Arc<Context>,
        row: &ExecutionRow,
        recovered: Recovered,
        control: Control,
    ) -> Result<Self> {
        let recorder = Recorder {
            arn: row.arn.clone(),
            sequence: recovered.sequence,
        };
        let mut driver = Self::new(context, recovered.execution, Some(recorder), control.stop);
        driver.abort = Some(control.abort);
        driver.item_subset = ItemSubset::from_row(row)?;
        driver.steps = recovered.sequence;
        if recovered.sequence == 0 {
            let input = row.input.clone();
            driver.ready.push(Event::Start { input }.into());
        }
        if let Some(StopRequest { error, cause }) = control.request {
            driver.ready.push(Event::Stop { error, cause }.into());
        }
        driver.inbox = Some(Inbox::registered(&driver.context.registry, &row.arn));
        for command in recovered.outstanding {
            driver.carry_out_again(command, &recovered.started_map_runs, &recovered.accepted_tasks);
        }
        for request in recovered.aborted_map_runs {
            driver.end_map(Box::new(request));
        }
        Ok(driver)
    }

    /// A driver of an Express execution, which is not journalled and times out at `until`.
    pub(crate) fn unrecorded(
        context: Arc<Context>,
        execution: Execution,
        input: String,
        control: Control,
        until: Timestamp,
    ) -> Self {
        let clock = Arc::clone(&context.ports.clock);
        let mut driver = Self::new(context, execution, None, control.stop);
        driver.abort = Some(control.abort);
        driver.time = async move { clock.sleep_until(until).await }.boxed();
        driver.ready.push(Event::Start { input }.into());
        driver
    }

    /// Hands the history to a sink from now on.
    pub(crate) fn report_history_to(&mut self, sink: HistorySink) {
        self.history = Some(sink);
    }

    fn new(context: Arc<Context>, execution: Execution, recorder: Option<Recorder>, stop: Stop) -> Self {
        Self {
            context,
            execution: Some(execution),
            recorder,
            waits: FuturesUnordered::new(),
            handles: BTreeMap::new(),
            map_runs: BTreeMap::new(),
            aborts: BTreeMap::new(),
            aborted: BTreeSet::new(),
            item_subset: None,
            ready: Vec::new(),
            inbox: None,
            registrations: BTreeMap::new(),
            nested: BTreeMap::new(),
            companions: Companions::default(),
            history: None,
            steps: 0,
            stop,
            abort: None,
            time: pending().boxed(),
            ending: None,
        }
    }

    /// Takes events until the execution ends or stops. Executions that it has started may still run: they are returned.
    pub(crate) fn drive_alone(mut self) -> BoxFuture<'static, Result<(Driven, Companions)>> {
        async move {
            loop {
                let events = std::mem::take(&mut self.ready);
                self.take(events).await?;
                if let Some(ending) = self.ending.take() {
                    self.report_last_events();
                    let driven = self.end(ending).await?;
                    return Ok((driven, self.companions));
                }
                if !self.ready.is_empty() {
                    continue;
                }
                if !self.gather().await? {
                    return Ok((Driven::Stopped, self.companions));
                }
            }
        }
        .boxed()
    }

    /// Hands over what the last step added to the history.
    fn report_last_events(&mut self) {
        if let (Some(HistorySink(sink)), Some(execution)) = (&mut self.history, &mut self.execution) {
            sink(execution.take_history());
        }
    }

    /// Steps through the events, appends them to the journal, then carries out what the interpreter asked for.
    async fn take(&mut self, events: Vec<Incoming>) -> Result<()> {
        let mut effects = Vec::new();
        let mut records = Vec::new();
        for Incoming { event, after, receipt } in events {
            let moment = self.moment();
            let record = self.recorder.is_some().then(|| Entry {
                event: event.clone(),
                moment,
            });
            let map_run = if let Event::MapRunStarted { map_run, .. } = &event {
                Some(*map_run)
            } else {
                None
            };
            if let Some(commands) = self.step(event, moment) {
                records.extend(record);
                effects.push(Effects {
                    map_run,
                    after,
                    receipt,
                    commands,
                });
            } else if let Some(receipt) = receipt {
                tell(receipt, false);
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&self.context, &records).await?;
        }
        for effect in effects {
            self.apply(effect);
        }
        Ok(())
    }

    fn apply(&mut self, effects: Effects) {
        if let Some(receipt) = effects.receipt {
            tell(receipt, true);
        }
        if let Some(map_run) = effects.map_run {
            self.run_map(map_run);
        }
        if let Some(after) = effects.after {
            self.continue_with(after);
        }
        for command in effects.commands {
            self.carry_out(command);
        }
    }

    /// One step of the interpreter; `None` when the execution does not wait for the event any more.
    fn step(&mut self, event: Event, moment: Moment) -> Option<Vec<Command>> {
        if self.ending.is_some() {
            return None;
        }
        if let Some(wait) = Wait::ended_by(&event) {
            self.forget(wait);
        }
        let mut execution = self.execution.take()?;
        // A journalled execution's history is made from its journal when it is asked for. A refusal takes the last event of
        // the history back, so the last step's events are kept until the next event has come.
        if !matches!(
            &event,
            Event::TaskFailed {
                phase: asl::TaskPhase::Refused,
                ..
            }
        ) {
            let history = execution.take_history();
            if let Some(HistorySink(sink)) = &mut self.history {
                sink(history);
            }
        }
        self.steps += 1;
        match asl::step(execution, event, moment) {
            Ok((execution, commands)) => {
                self.execution = Some(execution);
                Some(commands)
            }
            Err(refused) => {
                self.execution = Some(*refused.execution);
                None
            }
        }
    }

    fn moment(&self) -> Moment {
        let arn = self
            .execution
            .as_ref()
            .map(|execution| &*execution.identity().execution_arn);
        Moment {
            now: to_asl(self.context.ports.clock.now()),
            jitter: jitter(arn.unwrap_or_default(), self.steps),
        }
    }

    fn carry_out(&mut self, command: Command) {
        if let Some(wait) = Wait::cancelled_by(&command) {
            self.cancel(wait);
            return;
        }
        match command {
            Command::InvokeTask(request) => self.invoke(*request, false),
            Command::StartTimer { timer, at } => {
                let clock = Arc::clone(&self.context.ports.clock);
                let until = Timestamp::from_millis(at.as_millis());
                let fired = async move {
                    clock.sleep_until(until).await;
                    Completion::from_event(Event::TimerFired { timer })
                };
                self.wait(Wait::Timer(timer), fired.boxed());
            }
            Command::StartMapRun(request) => self.start_map(request),
            Command::Finish(ending) => self.ending = Some(ending),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) => {}
        }
    }

    /// Carries out a command again after a recovery. A map run that is in the journal as started is not announced again.
    fn carry_out_again(&mut self, command: Command, started: &[asl::MapRunId], accepted: &BTreeSet<asl::TaskId>) {
        if let Command::InvokeTask(request) = command {
            let accepted = accepted.contains(&request.task);
            self.invoke(*request, accepted);
        } else if let Command::StartMapRun(request) = command {
            let map_run = request.map_run;
            if !started.contains(&map_run) {
                return self.start_map(request);
            }
            self.map_runs.insert(map_run, request);
            self.run_map(map_run);
        } else {
            self.carry_out(command);
        }
    }

    /// Forgets a wait that has ended.
    fn forget(&mut self, wait: Wait) {
        self.handles.remove(&wait);
        if let Wait::Task(task) = wait {
            self.registrations.remove(&task);
            self.nested.remove(&task);
        }
    }

    pub(crate) fn wait(&mut self, wait: Wait, answer: BoxFuture<'static, Completion>) {
        let (handle, registration) = AbortHandle::new_pair();
        let answer = Abortable::new(answer, registration).map(|answer| answer.unwrap_or(Completion::Cancelled));
        self.handles.insert(wait, handle);
        self.waits.push(answer.boxed());
    }

    fn cancel(&mut self, wait: Wait) {
        let handle = self.handles.remove(&wait);
        if let Wait::MapRun(map_run) = wait {
            self.map_runs.remove(&map_run);
            if let Some(abort) = self.aborts.remove(&map_run) {
                abort.request();
                self.aborted.insert(map_run);
            }
            return;
        }
        if let Some(handle) = handle {
            handle.abort();
        }
        match wait {
            Wait::Task(task) => {
                self.registrations.remove(&task);
                if let Some(nested) = self.nested.remove(&task) {
                    self.cancel_nested(nested);
                }
            }
            Wait::Timer(_) | Wait::MapRun(_) => {}
        }
    }

    fn stuck(&self) -> Error {
        let name = self
            .execution
            .as_ref()
            .map(|execution| execution.identity().name.to_string());
        Error::Stuck {
            name: name.unwrap_or_default(),
        }
    }
}
