//! Drives one execution: events in, commands out, the journal between.
//!
//! The only place that calls `TaskInvoker`. Owns the waits (tasks, timers, map runs) of its execution; an event that
//! nobody waits for any more is dropped, never guessed at.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Command, Ending, Event, Execution, MapRunRequest, Moment, Resource, TaskPhase, TaskRequest};
use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ports::{ExecutionArn, ExecutionRow, Invocation, JournalRecord, TaskFailure};
use serde::{Deserialize, Serialize};

use crate::catalog::{World, to_asl};
use crate::error::while_doing;
use crate::map_run::{self, MapRunEnd};
use crate::naming;
use crate::recovery::Recovered;
use crate::{Error, Result, Stop, limits};

/// Something that an execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    Task(asl::TaskId),
    Timer(asl::TimerId),
    MapRun(asl::MapRunId),
}

impl Wait {
    /// What a command begins to wait for.
    pub(crate) const fn begun_by(command: &Command) -> Option<Self> {
        match command {
            Command::InvokeTask(request) => Some(Self::Task(request.task)),
            Command::StartTimer { timer, .. } => Some(Self::Timer(*timer)),
            Command::StartMapRun(request) => Some(Self::MapRun(request.map_run)),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// What a command gives up waiting for.
    pub(crate) const fn given_up_by(command: &Command) -> Option<Self> {
        match command {
            Command::CancelTask(task) => Some(Self::Task(*task)),
            Command::CancelTimer(timer) => Some(Self::Timer(*timer)),
            Command::StopMapRun(map_run) => Some(Self::MapRun(*map_run)),
            Command::InvokeTask(_) | Command::StartTimer { .. } | Command::StartMapRun(_) | Command::Finish(_) => None,
        }
    }

    /// What an event ends.
    pub(crate) const fn ended_by(event: &Event) -> Option<Self> {
        match event {
            Event::TaskSucceeded { task, .. } | Event::TaskFailed { task, .. } => Some(Self::Task(*task)),
            Event::TimerFired { timer } => Some(Self::Timer(*timer)),
            Event::MapRunEnded { map_run, .. } => Some(Self::MapRun(*map_run)),
            Event::Start { .. }
            | Event::TaskStarted { .. }
            | Event::TaskSubmitted { .. }
            | Event::TaskHeartbeat { .. }
            | Event::MapRunStarted { .. }
            | Event::Redrive
            | Event::Stop { .. } => None,
        }
    }
}

/// One entry of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) moment: Moment,
}

/// How driving ended.
#[derive(Debug)]
pub(crate) enum Driven {
    Ended(Ending),
    Stopped,
}

/// What a wait answered.
enum Answer {
    Event(Event),
    /// The task failed in a way that stops the run.
    Halted(TaskFailure),
    /// The map run has stopped and can be run again.
    Stopped,
    /// The wait was given up.
    GivenUp,
    /// The map run cannot go on.
    Broken(Error),
}

/// Writes an execution's events down.
struct Recorder {
    arn: ExecutionArn,
    sequence: u64,
}

/// Drives one execution to its end.
pub(crate) struct Driver {
    world: Arc<World>,
    /// Absent only while a step is being taken.
    execution: Option<Execution>,
    recorder: Option<Recorder>,
    waits: FuturesUnordered<BoxFuture<'static, Answer>>,
    handles: BTreeMap<Wait, AbortHandle>,
    map_runs: BTreeMap<asl::MapRunId, Box<MapRunRequest>>,
    ready: Vec<Event>,
    steps: u64,
    stop: Stop,
    ending: Option<Ending>,
}

impl Driver {
    /// A journalled execution, going on from where its journal ends.
    pub(crate) fn recorded(world: Arc<World>, row: &ExecutionRow, recovered: Recovered, stop: Stop) -> Self {
        let recorder = Recorder {
            arn: row.arn.clone(),
            sequence: recovered.sequence,
        };
        let mut driver = Self::over(world, recovered.execution, Some(recorder), stop);
        driver.steps = recovered.sequence;
        if recovered.sequence == 0 {
            driver.ready.push(Event::Start {
                input: row.input.clone(),
            });
        }
        for command in recovered.outstanding {
            driver.carry_out_again(command, &recovered.started_map_runs);
        }
        driver
    }

    /// An Express execution: nothing of it is written down.
    pub(crate) fn unrecorded(world: Arc<World>, execution: Execution, input: String, stop: Stop) -> Self {
        let mut driver = Self::over(world, execution, None, stop);
        driver.ready.push(Event::Start { input });
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
            ready: Vec::new(),
            steps: 0,
            stop,
            ending: None,
        }
    }

    /// Takes events until the execution ends.
    pub(crate) fn drive(mut self) -> BoxFuture<'static, Result<Driven>> {
        async move {
            loop {
                let events = std::mem::take(&mut self.ready);
                self.take(events).await?;
                if let Some(ending) = self.ending.take() {
                    return Ok(Driven::Ended(ending));
                }
                if !self.ready.is_empty() {
                    continue;
                }
                if !self.gather().await? {
                    return Ok(Driven::Stopped);
                }
            }
        }
        .boxed()
    }

    /// Steps through the events, writes them down, then acts.
    async fn take(&mut self, events: Vec<Event>) -> Result<()> {
        let mut commands = Vec::new();
        let mut records = Vec::new();
        for event in events {
            let moment = self.moment();
            let record = self.recorder.is_some().then(|| Entry {
                event: event.clone(),
                moment,
            });
            let started = if let Event::MapRunStarted { map_run, .. } = &event {
                Some(*map_run)
            } else {
                None
            };
            if let Some(more) = self.step(event, moment) {
                records.extend(record);
                commands.push((started, more));
            }
        }
        self.append(&records).await?;
        for (started, commands) in commands {
            if let Some(map_run) = started {
                self.run_map(map_run);
            }
            for command in commands {
                self.carry_out(command);
            }
        }
        Ok(())
    }

    /// One step; nothing when nobody waits for the event any more.
    fn step(&mut self, event: Event, moment: Moment) -> Option<Vec<Command>> {
        if self.ending.is_some() {
            return None;
        }
        if let Some(wait) = Wait::ended_by(&event) {
            self.handles.remove(&wait);
        }
        let execution = self.execution.take()?;
        self.steps += 1;
        match asl::step(execution, event, moment) {
            Ok((mut execution, commands)) => {
                // What happened is in the journal; the history is made from it when somebody asks.
                drop(execution.take_history());
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

    async fn append(&mut self, entries: &[Entry]) -> Result<()> {
        let Some(recorder) = &mut self.recorder else {
            return Ok(());
        };
        if entries.is_empty() {
            return Ok(());
        }
        let records: Vec<JournalRecord> = (recorder.sequence..)
            .zip(entries)
            .map(|(sequence, entry)| JournalRecord {
                sequence,
                record: to_json(entry),
            })
            .collect();
        recorder.sequence += records.len() as u64;
        let appended = self.world.ports.journal.append(&recorder.arn, records).await;
        appended.map_err(while_doing("write the journal"))
    }

    fn carry_out(&mut self, command: Command) {
        if let Some(wait) = Wait::given_up_by(&command) {
            self.give_up(wait);
            return;
        }
        match command {
            Command::InvokeTask(request) => {
                let wait = Wait::Task(request.task);
                self.wait(wait, invoke(Arc::clone(&self.world), *request).boxed());
            }
            Command::StartTimer { timer, at } => {
                let clock = Arc::clone(&self.world.ports.clock);
                let until = ports::Timestamp::from_millis(at.as_millis());
                let fired = async move {
                    clock.sleep_until(until).await;
                    Answer::Event(Event::TimerFired { timer })
                };
                self.wait(Wait::Timer(timer), fired.boxed());
            }
            Command::StartMapRun(request) => self.start_map(request),
            Command::Finish(ending) => self.ending = Some(ending),
            Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) => {}
        }
    }

    /// After a recovery: a map run that the journal knows as started goes on without being announced again.
    fn carry_out_again(&mut self, command: Command, started: &[asl::MapRunId]) {
        if let Command::StartMapRun(request) = command {
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

    /// A map run is journalled as started before its first child can be.
    fn start_map(&mut self, request: Box<MapRunRequest>) {
        let Some(execution) = &self.execution else { return };
        let arn = naming::arn(execution.identity(), &request);
        let started = Event::MapRunStarted {
            map_run: request.map_run,
            arn: arn.0,
        };
        self.map_runs.insert(request.map_run, request);
        self.ready.push(started);
    }

    fn run_map(&mut self, map_run: asl::MapRunId) {
        let (Some(request), Some(execution)) = (self.map_runs.remove(&map_run), &self.execution) else {
            return;
        };
        let identity = execution.identity().clone();
        let run = map_run::run(Arc::clone(&self.world), identity, *request, self.stop.clone());
        let answer = run.map(move |end| match end {
            Ok(MapRunEnd::Result(result)) => Answer::Event(Event::MapRunEnded { map_run, result }),
            Ok(MapRunEnd::Stopped) => Answer::Stopped,
            Err(error) => Answer::Broken(error),
        });
        self.wait(Wait::MapRun(map_run), answer.boxed());
    }

    fn wait(&mut self, wait: Wait, answer: BoxFuture<'static, Answer>) {
        let (handle, registration) = AbortHandle::new_pair();
        let answer = Abortable::new(answer, registration).map(|answer| answer.unwrap_or(Answer::GivenUp));
        self.handles.insert(wait, handle);
        self.waits.push(answer.boxed());
    }

    fn give_up(&mut self, wait: Wait) {
        if let Some(handle) = self.handles.remove(&wait) {
            handle.abort();
        }
        if let Wait::MapRun(map_run) = wait {
            self.map_runs.remove(&map_run);
        }
    }

    /// Waits for what comes next, and takes along what is there by then. False when the run has stopped.
    async fn gather(&mut self) -> Result<bool> {
        let stop = self.stop.clone();
        let first = tokio::select! {
            biased;
            () = stop.requested() => return self.wind_down().await,
            answer = self.waits.next() => answer,
        };
        let Some(first) = first else {
            return Err(self.stuck());
        };
        self.heed(first)?;
        while self.ready.len() < limits::EVENTS_PER_APPEND_MAX
            && let Some(Some(answer)) = self.waits.next().now_or_never()
        {
            self.heed(answer)?;
        }
        Ok(true)
    }

    fn heed(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Event(event) => self.ready.push(event),
            Answer::GivenUp | Answer::Stopped => {}
            Answer::Halted(failure) => {
                return Err(Error::Halted {
                    error: failure.error,
                    cause: failure.cause,
                });
            }
            Answer::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Asked to stop: tasks and timers are dropped (they are asked for again), map runs and children are waited for.
    /// A child's tasks are waited for, and until then its timers too: one of them may end the task.
    async fn wind_down(&mut self) -> Result<bool> {
        let is_recorded = self.recorder.is_some();
        let works = self.handles.keys().any(|wait| matches!(wait, Wait::Task(_)));
        for (wait, handle) in &self.handles {
            let drops = match wait {
                Wait::Task(_) => is_recorded,
                Wait::Timer(_) => is_recorded || !works,
                Wait::MapRun(_) => false,
            };
            if drops {
                handle.abort();
            }
        }
        while let Some(answer) = self.waits.next().await {
            self.heed(answer)?;
            if !self.ready.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
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

async fn invoke(world: Arc<World>, request: TaskRequest) -> Answer {
    let task = request.task;
    let seconds = request.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let duration = seconds.map_or(limits::TASK_DURATION_MAX, std::time::Duration::from_secs);
    let invocation = Invocation {
        resource: resource_arn(&request.resource).to_owned(),
        input: request.input_text.to_string(),
        deadline: world.ports.clock.now().plus(duration),
    };
    match world.ports.invoker.invoke(invocation).await {
        Ok(output) => Answer::Event(Event::TaskSucceeded { task, output }),
        Err(failure) if world.settings.halt_on.contains(&failure.error) => Answer::Halted(failure),
        Err(failure) => Answer::Event(Event::TaskFailed {
            task,
            phase: TaskPhase::Run,
            error: Some(failure.error),
            cause: Some(failure.cause),
        }),
    }
}

fn resource_arn(resource: &Resource) -> &str {
    match resource {
        Resource::LambdaFunction(arn) | Resource::Activity(arn) => arn,
        Resource::Integration(integration) => &integration.arn,
    }
}

/// Chance that is the same in every replay and every test: a hash of who asks and when (the finaliser of `SplitMix64`).
fn jitter(arn: &str, step: u64) -> f64 {
    let seed = arn.bytes().fold(step, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let [.., high, middle, low, lowest] = mixed.to_le_bytes();
    f64::from(u32::from_le_bytes([lowest, low, middle, high])) / (f64::from(u32::MAX) + 1.0)
}

/// Our own types always have a JSON form.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_repeatable_spread_and_below_one() {
        let values: Vec<f64> = (0..1_000).map(|step| jitter("arn", step)).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert_eq!(jitter("arn", 7).to_bits(), jitter("arn", 7).to_bits());
    }
}
