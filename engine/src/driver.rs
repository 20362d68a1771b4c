//! Drives one execution: events in, commands out, the journal between.
//!
//! The only place that calls `TaskInvoker`. Owns the waits (tasks, timers, map runs) of its execution; an event that
//! nobody waits for any more is dropped, never guessed at.

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

use crate::engine::{World, to_asl};
use crate::inbox::{Companions, Post, tell};
use crate::item_subset::Redo;
use crate::jitter::jitter;
use crate::journal::{Entry, Recorder};
use crate::lifecycle::Driving;
use crate::recovery::Recovered;
use crate::registry::Place;
use crate::task::nested::Nested;
use crate::wait::{Act, Answer, Incoming, Wait};
use crate::{Error, Result, Stop};

pub(crate) use maps::redo_of;

/// How driving ended.
#[derive(Debug)]
pub(crate) enum Driven {
    Ended {
        ending: Ending,
        /// How often it was redriven.
        redrive_count: u32,
        /// It has not succeeded and can be redriven.
        redrivable: bool,
    },
    Stopped,
}

/// Drives one execution to its end.
pub(crate) struct Driver {
    pub(crate) world: Arc<World>,
    /// Absent only while a step is being taken.
    execution: Option<Execution>,
    recorder: Option<Recorder>,
    pub(crate) waits: FuturesUnordered<BoxFuture<'static, Answer>>,
    handles: BTreeMap<Wait, AbortHandle>,
    map_runs: BTreeMap<asl::MapRunId, Box<MapRunRequest>>,
    /// Ends a map run that goes on.
    aborts: BTreeMap<asl::MapRunId, Stop>,
    /// Map runs that were given up and have not ended yet.
    given_up: BTreeSet<asl::MapRunId>,
    redo: Option<Redo>,
    pub(crate) ready: Vec<Incoming>,
    pub(crate) post: Option<Post>,
    /// Tokens that are waited for.
    pub(crate) places: BTreeMap<asl::TaskId, Place>,
    /// Executions that tasks start.
    pub(crate) nested: BTreeMap<asl::TaskId, Nested>,
    pub(crate) companions: Companions,
    steps: u64,
    pub(crate) stop: Stop,
    /// Asks it to end, once.
    abort: Option<Stop>,
    /// Ends when an Express execution's time is up.
    time: BoxFuture<'static, ()>,
    ending: Option<Ending>,
}

impl Driver {
    /// A journalled execution, going on from where its journal ends.
    pub(crate) fn recorded(
        world: Arc<World>,
        row: &ExecutionRow,
        recovered: Recovered,
        driving: Driving,
    ) -> Result<Self> {
        let recorder = Recorder {
            arn: row.arn.clone(),
            sequence: recovered.sequence,
        };
        let mut driver = Self::over(world, recovered.execution, Some(recorder), driving.stop);
        driver.abort = driving.abort;
        driver.redo = redo_of(row)?;
        driver.steps = recovered.sequence;
        if recovered.sequence == 0 {
            let input = row.input.clone();
            driver.ready.push(Event::Start { input }.into());
        }
        driver.post = Some(Post::of(&driver.world.desk, &row.arn));
        for command in recovered.outstanding {
            driver.carry_out_again(command, &recovered.started_map_runs, &recovered.begun_tasks);
        }
        for request in recovered.given_up_map_runs {
            driver.end_map(Box::new(request));
        }
        Ok(driver)
    }

    /// An Express execution, which may take until then: nothing of it is written down.
    pub(crate) fn unrecorded(
        world: Arc<World>,
        execution: Execution,
        input: String,
        driving: Driving,
        until: Timestamp,
    ) -> Self {
        let clock = Arc::clone(&world.ports.clock);
        let mut driver = Self::over(world, execution, None, driving.stop);
        driver.abort = driving.abort;
        driver.time = async move { clock.sleep_until(until).await }.boxed();
        driver.ready.push(Event::Start { input }.into());
        driver
    }

    fn over(world: Arc<World>, execution: Execution, recorder: Option<Recorder>, stop: Stop) -> Self {
        Self {
            world,
            execution: Some(execution),
            recorder,
            waits: FuturesUnordered::new(),
            handles: BTreeMap::new(),
            map_runs: BTreeMap::new(),
            aborts: BTreeMap::new(),
            given_up: BTreeSet::new(),
            redo: None,
            ready: Vec::new(),
            post: None,
            places: BTreeMap::new(),
            nested: BTreeMap::new(),
            companions: Companions::default(),
            steps: 0,
            stop,
            abort: None,
            time: pending().boxed(),
            ending: None,
        }
    }

    /// Takes events until the execution ends; what it has started may still run.
    pub(crate) fn drive_alone(mut self) -> BoxFuture<'static, Result<(Driven, Companions)>> {
        async move {
            loop {
                let events = std::mem::take(&mut self.ready);
                self.take(events).await?;
                if let Some(ending) = self.ending.take() {
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

    /// Steps through the events, writes them down, then acts.
    async fn take(&mut self, events: Vec<Incoming>) -> Result<()> {
        let mut acts = Vec::new();
        let mut records = Vec::new();
        for Incoming { event, onward, receipt } in events {
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
                acts.push(Act {
                    map_run,
                    onward,
                    receipt,
                    commands,
                });
            } else if let Some(receipt) = receipt {
                tell(receipt, false);
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&self.world, &records).await?;
        }
        for act in acts {
            self.act(act);
        }
        Ok(())
    }

    fn act(&mut self, act: Act) {
        if let Some(receipt) = act.receipt {
            tell(receipt, true);
        }
        if let Some(map_run) = act.map_run {
            self.run_map(map_run);
        }
        if let Some(onward) = act.onward {
            self.go_on(onward);
        }
        for command in act.commands {
            self.carry_out(command);
        }
    }

    /// One step; nothing when nobody waits for the event any more.
    fn step(&mut self, event: Event, moment: Moment) -> Option<Vec<Command>> {
        if self.ending.is_some() {
            return None;
        }
        if let Some(wait) = Wait::ended_by(&event) {
            self.forget(wait);
        }
        let mut execution = self.execution.take()?;
        // What happened is in the journal; the history is made from it when somebody asks. An answer that comes at once may
        // take the last event back, so the last step's are kept until then.
        if !matches!(
            &event,
            Event::TaskFailed {
                phase: asl::TaskPhase::Refused,
                ..
            }
        ) {
            drop(execution.take_history());
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
            now: to_asl(self.world.ports.clock.now()),
            jitter: jitter(arn.unwrap_or_default(), self.steps),
        }
    }

    fn carry_out(&mut self, command: Command) {
        if let Some(wait) = Wait::given_up_by(&command) {
            self.give_up(wait);
            return;
        }
        match command {
            Command::InvokeTask(request) => self.invoke(*request, false),
            Command::StartTimer { timer, at } => {
                let clock = Arc::clone(&self.world.ports.clock);
                let until = Timestamp::from_millis(at.as_millis());
                let fired = async move {
                    clock.sleep_until(until).await;
                    Answer::of(Event::TimerFired { timer })
                };
                self.wait(Wait::Timer(timer), fired.boxed());
            }
            Command::StartMapRun(request) => self.start_map(request),
            Command::Finish(ending) => self.ending = Some(ending),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) => {}
        }
    }

    /// After a recovery: a map run that the journal knows as started goes on without being announced again.
    fn carry_out_again(&mut self, command: Command, started: &[asl::MapRunId], begun: &BTreeSet<asl::TaskId>) {
        if let Command::InvokeTask(request) = command {
            let begun = begun.contains(&request.task);
            self.invoke(*request, begun);
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

    /// Nobody waits for it any more.
    fn forget(&mut self, wait: Wait) {
        self.handles.remove(&wait);
        if let Wait::Task(task) = wait {
            self.places.remove(&task);
            self.nested.remove(&task);
        }
    }

    pub(crate) fn wait(&mut self, wait: Wait, answer: BoxFuture<'static, Answer>) {
        let (handle, registration) = AbortHandle::new_pair();
        let answer = Abortable::new(answer, registration).map(|answer| answer.unwrap_or(Answer::GivenUp));
        self.handles.insert(wait, handle);
        self.waits.push(answer.boxed());
    }

    fn give_up(&mut self, wait: Wait) {
        let handle = self.handles.remove(&wait);
        if let Wait::MapRun(map_run) = wait {
            self.map_runs.remove(&map_run);
            if let Some(abort) = self.aborts.remove(&map_run) {
                abort.request();
                self.given_up.insert(map_run);
            }
            return;
        }
        if let Some(handle) = handle {
            handle.abort();
        }
        match wait {
            Wait::Task(task) => {
                self.places.remove(&task);
                if let Some(nested) = self.nested.remove(&task) {
                    self.give_up_nested(nested);
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
