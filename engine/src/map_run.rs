//! One map run: an actor beside the interpreter that owns the reader, the children, the counts and the writer.
//!
//! ```text
//!   item source ──▶ dispatch (≤ MaxConcurrency) ──▶ children ──▶ settle ──▶ commit (one at a time) ──▶ sink
//! ```
//!
//! Children are counted by position. A child is done when the ledger says so, and the ledger says so in groups: while
//! one commit is being written, what ends meanwhile gathers for the next. A recovered run reads on from the low-water
//! mark and passes over what is done above it.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Ending, Execution, ExecutionType, Identity, MapRunRequest, MapRunResult, Recording, StateError, error_name};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{Commit, Counts, LedgerState, MapRunArn};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::batching::{ChildInputs, Dispatch};
use crate::catalog::{World, to_asl};
use crate::error::while_doing;
use crate::execution::{Driven, Driver};
use crate::item_source::{ItemSource, Mark};
use crate::result_sink::{self, ChildEnding, EndedChild, ResultBuffer, Sink};
use crate::{Error, Result, Stop, limits};

/// How a map run ended.
#[derive(Debug)]
pub(crate) enum MapRunEnd {
    Result(MapRunResult),
    /// Asked to stop; it can be run again.
    Stopped,
}

/// The ARN of a map run: the same in every replay.
pub(crate) fn arn(parent: &Identity, request: &MapRunRequest) -> MapRunArn {
    let (prefix, account_and_machine) = split_arn(parent);
    let id = derived(&parent.execution_arn, &format!("map-run-{}", request.map_run.0));
    let label = label(parent, request);
    MapRunArn(format!("{prefix}:mapRun:{account_and_machine}/{label}:{id}"))
}

/// `arn:aws:states:R:A` and the machine's name.
fn split_arn(parent: &Identity) -> (String, &str) {
    let parts: Vec<&str> = parent.state_machine_arn.splitn(6, ':').collect();
    let prefix = parts.get(..5).unwrap_or_default().join(":");
    (prefix, &parent.state_machine_name)
}

fn label(parent: &Identity, request: &MapRunRequest) -> String {
    let unlabelled = || derived(&parent.state_machine_arn, &request.state).to_string();
    request.label.as_ref().map_or_else(unlabelled, ToString::to_string)
}

fn derived(of: &str, part: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{of}/{part}").as_bytes())
}

/// Runs the map to its end, from wherever its ledger says it is.
pub(crate) async fn run(world: Arc<World>, parent: Identity, request: MapRunRequest, stop: Stop) -> Result<MapRunEnd> {
    let arn = arn(&parent, &request);
    let state = world.ports.ledger.state(&arn).await;
    let state = state
        .map_err(while_doing("read the map run's ledger"))?
        .unwrap_or_default();
    let closed = state.closed;
    let mut run = MapRun::new(world, parent, request, arn, state, stop);
    if !closed {
        match run.children_to_their_end().await? {
            Progress::Done => {}
            Progress::Stopped => return Ok(MapRunEnd::Stopped),
            Progress::Failed(error) => return Ok(MapRunEnd::Result(failed(error))),
        }
    }
    run.close(closed).await.map(MapRunEnd::Result)
}

fn failed(error: StateError) -> MapRunResult {
    MapRunResult::Failed {
        error: error.error.map(|error| error.to_string()),
        cause: error.cause.map(|cause| cause.to_string()),
    }
}

enum Progress {
    Done,
    Stopped,
    Failed(StateError),
}

/// A child's end, or none when it was stopped half-way.
struct Returned {
    items: u64,
    child: Option<EndedChild>,
    error: Option<Error>,
}

struct MapRun {
    world: Arc<World>,
    parent: Arc<Identity>,
    request: Arc<MapRunRequest>,
    arn: MapRunArn,
    stop: Stop,
    state: LedgerState,
    /// The position of the next child.
    next: u64,
    /// Where the children above the low-water mark begin in the source.
    marks: BTreeMap<u64, Mark>,
    /// Where the source stands.
    read_to: Mark,
    children: JoinSet<Returned>,
    results: ResultBuffer,
    commit: Option<BoxFuture<'static, ports::Result<()>>>,
    dirty: bool,
    exhausted: bool,
    stopped_children: bool,
}

impl MapRun {
    fn new(
        world: Arc<World>,
        parent: Identity,
        request: MapRunRequest,
        arn: MapRunArn,
        state: LedgerState,
        stop: Stop,
    ) -> Self {
        Self {
            world,
            parent: Arc::new(parent),
            request: Arc::new(request),
            arn,
            stop,
            next: state.low_water,
            read_to: Mark {
                item: state.source_item,
                byte: state.source_byte,
                token: state.source_token.as_deref().map(Arc::from),
            },
            state,
            marks: BTreeMap::new(),
            children: JoinSet::new(),
            results: ResultBuffer::default(),
            commit: None,
            dirty: false,
            exhausted: false,
            stopped_children: false,
        }
    }

    async fn children_to_their_end(&mut self) -> Result<Progress> {
        let opened = ItemSource::open(&self.world.ports.store, &self.request, self.read_to.clone()).await;
        let mut inputs = match opened {
            Ok(source) => ChildInputs::new(source, &self.request),
            Err(error) => return Ok(Progress::Failed(error)),
        };
        loop {
            if let Err(error) = self.dispatch(&mut inputs).await {
                return self.give_up(error).await;
            }
            if !self.wait().await? {
                break;
            }
            if let Some(error) = self.exceeded(false) {
                return self.give_up(error).await;
            }
        }
        if !self.exhausted || self.stopped_children {
            return Ok(Progress::Stopped);
        }
        Ok(self.exceeded(true).map_or(Progress::Done, Progress::Failed))
    }

    /// Children that run are ended; what is done is written down.
    async fn give_up(&mut self, error: StateError) -> Result<Progress> {
        self.children.shutdown().await;
        self.flush().await?;
        Ok(Progress::Failed(error))
    }

    /// Starts children while there is room for them.
    async fn dispatch(&mut self, inputs: &mut ChildInputs) -> std::result::Result<(), StateError> {
        let room = usize::try_from(self.concurrency()).unwrap_or(usize::MAX);
        while self.children.len() < room && self.results.len() < limits::RESULT_BYTES_MAX && !self.stop.is_requested() {
            let mark = inputs.mark();
            let Some(dispatch) = inputs.next(self.next).await? else {
                self.exhausted = true;
                return Ok(());
            };
            self.next += 1;
            self.read_to = inputs.mark();
            self.marks.insert(dispatch.position, mark);
            if !self.state.done.contains(dispatch.position) {
                self.start(dispatch);
            }
        }
        Ok(())
    }

    fn concurrency(&self) -> u64 {
        match self.request.max_concurrency {
            0 => limits::CHILD_CONCURRENCY_MAX,
            wanted => wanted.min(limits::CHILD_CONCURRENCY_MAX),
        }
    }

    fn start(&mut self, dispatch: Dispatch) {
        let child = Child {
            world: Arc::clone(&self.world),
            parent: Arc::clone(&self.parent),
            request: Arc::clone(&self.request),
            arn: self.arn.clone(),
            stop: self.stop.clone(),
        };
        self.children.spawn(child.run(dispatch));
    }

    /// Waits for a child or a commit. False when there is nothing more to wait for.
    async fn wait(&mut self) -> Result<bool> {
        self.begin_commit();
        let commit = self.commit.as_mut();
        tokio::select! {
            Some(returned) = self.children.join_next() => self.settle(returned)?,
            Some(committed) = async { Some(commit?.await) } => {
                self.commit = None;
                committed.map_err(while_doing("write the map run's ledger"))?;
            }
            else => return Ok(self.dirty),
        }
        // Whatever else has ended by now goes into the same commit.
        while let Some(returned) = self.children.try_join_next() {
            self.settle(returned)?;
        }
        Ok(true)
    }

    fn settle(&mut self, returned: std::result::Result<Returned, tokio::task::JoinError>) -> Result<()> {
        let returned = returned.map_err(|error| Error::Child(error.to_string()))?;
        if let Some(error) = returned.error {
            return Err(error);
        }
        let Some(child) = returned.child else {
            self.stopped_children = true;
            return Ok(());
        };
        count(&mut self.state.executions, &child.ending, 1);
        count(&mut self.state.items, &child.ending, returned.items);
        self.state.done.insert(child.position);
        self.results.add(child, result_sink::is_exported(&self.request));
        self.dirty = true;
        Ok(())
    }

    /// Begins to write down what has ended, unless the last commit is still being written.
    fn begin_commit(&mut self) {
        if self.commit.is_some() || !self.dirty {
            return;
        }
        self.raise_low_water();
        self.commit = Some(self.write_down());
    }

    fn write_down(&mut self) -> BoxFuture<'static, ports::Result<()>> {
        self.dirty = false;
        let commit = Commit {
            state: self.state.clone(),
            results: self.results.take(),
        };
        let (world, arn) = (Arc::clone(&self.world), self.arn.clone());
        async move { world.ports.ledger.commit(&arn, commit).await }.boxed()
    }

    fn raise_low_water(&mut self) {
        let Some(low_water) = self.state.done.take_from(self.state.low_water) else {
            return;
        };
        self.marks = self.marks.split_off(&low_water);
        // The child there may not have been read yet: then it begins where the source stands.
        let mark = self.marks.get(&low_water).unwrap_or(&self.read_to);
        self.state.low_water = low_water;
        self.state.source_item = mark.item;
        self.state.source_byte = mark.byte;
        self.state.source_token = mark.token.as_deref().map(str::to_owned);
    }

    async fn flush(&mut self) -> Result<()> {
        if let Some(commit) = self.commit.take() {
            commit.await.map_err(while_doing("write the map run's ledger"))?;
        }
        if self.dirty {
            let committed = self.write_down().await;
            committed.map_err(while_doing("write the map run's ledger"))?;
        }
        Ok(())
    }

    /// More items have failed than the run tolerates. A percentage is of all items, so it is judged at the end.
    fn exceeded(&self, at_the_end: bool) -> Option<StateError> {
        let counts = self.state.items;
        let failed = counts.failed + counts.timed_out + counts.aborted;
        let (count, percentage) = (
            self.request.tolerated_failure_count,
            self.request.tolerated_failure_percentage,
        );
        let count = if percentage.is_none() { count.or(Some(0)) } else { count };
        let over_count = count.is_some_and(|count| failed > count);
        let over_percentage = at_the_end && percentage.is_some_and(|percentage| share(failed, counts) > percentage);
        (over_count || over_percentage).then(|| {
            StateError::new(
                error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
                "The specified tolerated failure threshold was exceeded",
            )
        })
    }

    /// Writes the results out, once.
    async fn close(&mut self, closed: bool) -> Result<MapRunResult> {
        let sink = Sink {
            store: Arc::clone(&self.world.ports.store),
            ledger: Arc::clone(&self.world.ports.ledger),
            arn: self.arn.clone(),
        };
        let request = Arc::clone(&self.request);
        let Some(writer) = request.writer.as_ref().filter(|writer| writer.resource.is_some()) else {
            return Ok(as_result(sink.collect().await?));
        };
        if !closed {
            if let Err(error) = sink.export(writer).await? {
                return Ok(failed(error));
            }
            self.state.closed = true;
            let closed = self.write_down().await;
            closed.map_err(while_doing("write the map run's ledger"))?;
        }
        let forgotten = self.world.ports.ledger.forget_results(&self.arn).await;
        forgotten.map_err(while_doing("clear the map run's ledger"))?;
        Ok(as_result(result_sink::export_output(writer, &self.arn)))
    }
}

fn as_result(output: std::result::Result<String, StateError>) -> MapRunResult {
    match output {
        Ok(output) => MapRunResult::Succeeded { output },
        Err(error) => failed(error),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage of counts far below 2^52")]
fn share(failed: u64, counts: Counts) -> f64 {
    let all = failed + counts.succeeded;
    if all == 0 {
        return 0.0;
    }
    failed as f64 * 100.0 / all as f64
}

const fn count(counts: &mut Counts, ending: &ChildEnding, items: u64) {
    match ending {
        ChildEnding::Succeeded { .. } => counts.succeeded += items,
        ChildEnding::Failed(_) => counts.failed += items,
        ChildEnding::TimedOut(_) => counts.timed_out += items,
        ChildEnding::Aborted(_) => counts.aborted += items,
    }
}

/// What a child needs to run on its own.
struct Child {
    world: Arc<World>,
    parent: Arc<Identity>,
    request: Arc<MapRunRequest>,
    arn: MapRunArn,
    stop: Stop,
}

impl Child {
    async fn run(self, dispatch: Dispatch) -> Returned {
        let clock = Arc::clone(&self.world.ports.clock);
        let started = clock.now();
        let identity = self.identity(&dispatch, started);
        let input = dispatch.input;
        let execution = Execution::new(Arc::clone(&self.request.processor), identity.clone(), Recording::Off);
        let run = Driver::unrecorded(Arc::clone(&self.world), execution, input.clone(), self.stop.clone());
        let limit = match self.request.execution_type {
            ExecutionType::Express => clock.sleep_until(started.plus(limits::EXPRESS_DURATION_MAX)),
            ExecutionType::Standard => futures::future::pending().boxed(),
        };
        let end = tokio::select! {
            end = run.drive() => end,
            () = limit => Ok(Driven::Ended(Ending::TimedOut(StateError::named(error_name::TIMEOUT)))),
        };
        let ended = |ending| EndedChild {
            position: dispatch.position,
            arn: identity.execution_arn.to_string(),
            name: identity.name.to_string(),
            state_machine_arn: identity.state_machine_arn.to_string(),
            input,
            started,
            stopped: clock.now(),
            ending,
        };
        let (child, error) = match end {
            Ok(Driven::Ended(ending)) => (Some(ended(child_ending(ending))), None),
            Ok(Driven::Stopped) => (None, None),
            Err(error) => (None, Some(error)),
        };
        Returned {
            items: dispatch.items,
            child,
            error,
        }
    }

    fn identity(&self, dispatch: &Dispatch, started: ports::Timestamp) -> Identity {
        let (prefix, machine) = split_arn(&self.parent);
        let label = label(&self.parent, &self.request);
        let name = derived(&self.arn.0, &dispatch.position.to_string()).to_string();
        let execution_arn = match self.request.execution_type {
            ExecutionType::Standard => format!("{prefix}:execution:{machine}/{label}:{name}"),
            ExecutionType::Express => {
                let id = derived(&self.arn.0, &format!("express-{}", dispatch.position));
                format!("{prefix}:express:{machine}/{label}:{name}:{id}")
            }
        };
        Identity {
            token_prefix: execution_arn.as_str().into(),
            execution_arn: execution_arn.into(),
            name: name.into(),
            role_arn: Arc::clone(&self.parent.role_arn),
            start_time: to_asl(started),
            state_machine_arn: format!("{prefix}:stateMachine:{machine}/{label}").into(),
            state_machine_name: format!("{machine}/{label}").into(),
            execution_type: self.request.execution_type,
            redrive_count: 0,
            redrive_time: None,
            map_run_arn: Some(self.arn.0.as_str().into()),
        }
    }
}

fn child_ending(ending: Ending) -> ChildEnding {
    match ending {
        Ending::Succeeded { output } => ChildEnding::Succeeded {
            output: output.to_string(),
        },
        Ending::Failed(error) => ChildEnding::Failed(error),
        Ending::TimedOut(error) => ChildEnding::TimedOut(error),
        Ending::Aborted(error) => ChildEnding::Aborted(error),
    }
}
