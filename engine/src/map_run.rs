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

use asl::{Identity, MapRunRequest, MapRunResult, StateError, error_name};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{Commit, Counts, LedgerState, RunFailure};
use tokio::task::JoinSet;

use crate::batching::{ChildInputs, Dispatch};
use crate::catalog::World;
use crate::child::{Child, Ended, InFlight, Returned};
use crate::error::while_doing;
use crate::item_source::{ItemSource, Mark};
use crate::naming::Naming;
use crate::result_sink::{self, ChildEnding, EndedChild, NeverStarted, ResultBuffer, Sink};
use crate::{Error, Result, Stop, limits};

/// How a map run ended.
#[derive(Debug)]
pub(crate) enum MapRunEnd {
    Result(MapRunResult),
    /// Asked to stop; it can be run again.
    Stopped,
}

/// Runs the map to its end, from wherever its ledger says it is.
pub(crate) async fn run(world: Arc<World>, parent: Identity, request: MapRunRequest, stop: Stop) -> Result<MapRunEnd> {
    let naming = Naming::of(&parent, &request);
    let state = world.ports.ledger.state(&naming.arn).await;
    let state = state
        .map_err(while_doing("read the map run's ledger"))?
        .unwrap_or_default();
    let over = state.closed || state.failure.is_some();
    let mut run = MapRun::new(world, naming, request, state, stop);
    if !over && run.children_to_their_end().await? == Progress::Stopped {
        return Ok(MapRunEnd::Stopped);
    }
    run.close().await.map(MapRunEnd::Result)
}

fn failure_of(error: StateError) -> RunFailure {
    RunFailure {
        error: error.error.map(|error| error.to_string()),
        cause: error.cause.map(|cause| cause.to_string()),
    }
}

fn failed(failure: RunFailure) -> MapRunResult {
    let RunFailure { error, cause } = failure;
    MapRunResult::Failed { error, cause }
}

/// How far the children have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The run goes on to its results, whether it has failed or not.
    Over,
    Stopped,
}

struct MapRun {
    world: Arc<World>,
    naming: Naming,
    request: Arc<MapRunRequest>,
    stop: Stop,
    state: LedgerState,
    /// The position of the next child.
    next: u64,
    /// Where the children above the low-water mark begin in the source.
    marks: BTreeMap<u64, Mark>,
    /// Where the source stands.
    read_to: Mark,
    children: JoinSet<Returned>,
    in_flight: BTreeMap<u64, InFlight>,
    results: ResultBuffer,
    commit: Option<BoxFuture<'static, ports::Result<()>>>,
    dirty: bool,
    exhausted: bool,
    stopped_children: bool,
}

impl MapRun {
    fn new(world: Arc<World>, naming: Naming, request: MapRunRequest, state: LedgerState, stop: Stop) -> Self {
        let results = ResultBuffer::new(&request);
        Self {
            world,
            naming,
            request: Arc::new(request),
            stop,
            next: state.low_water,
            read_to: mark(&state),
            state,
            marks: BTreeMap::new(),
            children: JoinSet::new(),
            in_flight: BTreeMap::new(),
            results,
            commit: None,
            dirty: false,
            exhausted: false,
            stopped_children: false,
        }
    }

    async fn children_to_their_end(&mut self) -> Result<Progress> {
        let opened = self.open(self.read_to.clone()).await;
        let mut inputs = match opened {
            Ok(inputs) => inputs,
            Err(error) => return self.give_up(error).await,
        };
        loop {
            if let Some(error) = self.exceeded() {
                return self.give_up(error).await;
            }
            if let Some(error) = self.dispatch(&mut inputs).await? {
                return self.give_up(error).await;
            }
            if !self.wait().await? {
                break;
            }
        }
        if !self.exhausted || self.stopped_children {
            return Ok(Progress::Stopped);
        }
        match self.exceeded() {
            Some(error) => self.give_up(error).await,
            None => Ok(Progress::Over),
        }
    }

    /// The inputs of the children from there on.
    fn open(&self, from: Mark) -> impl Future<Output = std::result::Result<ChildInputs, StateError>> + use<> {
        let (store, request) = (Arc::clone(&self.world.ports.store), Arc::clone(&self.request));
        async move {
            let source = ItemSource::open(&store, &request, from).await?;
            Ok(ChildInputs::new(source, &request))
        }
    }

    /// The run has failed: children that run are aborted, and that is written down together with the reason.
    async fn give_up(&mut self, error: StateError) -> Result<Progress> {
        self.children.abort_all();
        while let Some(returned) = self.children.join_next().await {
            match returned {
                // It had ended before it could be aborted.
                Ok(returned) => self.settle(returned)?,
                Err(error) if error.is_cancelled() => {}
                Err(error) => return Err(Error::Child(error.to_string())),
            }
        }
        let stopped = self.world.ports.clock.now();
        for (_, child) in std::mem::take(&mut self.in_flight) {
            let ending = ChildEnding::Aborted(StateError::default());
            self.count(child, Ended { stopped, ending });
        }
        self.state.failure = Some(failure_of(error));
        self.dirty = true;
        self.raise_low_water();
        self.flush().await?;
        Ok(Progress::Over)
    }

    /// Starts children while there is room for them.
    async fn dispatch(&mut self, inputs: &mut ChildInputs) -> Result<Option<StateError>> {
        while self.has_room() {
            let dispatch = match inputs.next(self.next).await {
                Ok(Some(dispatch)) => dispatch,
                Ok(None) => {
                    self.exhausted = true;
                    return Ok(None);
                }
                Err(error) => return Ok(Some(error)),
            };
            self.next += 1;
            // Where this child begins is where the one before it ended.
            let mark = std::mem::replace(&mut self.read_to, inputs.mark());
            self.marks.insert(dispatch.position, mark);
            if !self.state.done.contains(dispatch.position) {
                self.start(dispatch)?;
            }
        }
        Ok(None)
    }

    fn has_room(&self) -> bool {
        let concurrency = usize::try_from(self.concurrency()).unwrap_or(usize::MAX);
        self.children.len() < concurrency
            && self.results.len() < limits::RESULT_BYTES_MAX
            && !self.stop.is_requested()
            && self.exceeded().is_none()
    }

    fn concurrency(&self) -> u64 {
        match self.request.max_concurrency {
            0 => limits::CHILD_CONCURRENCY_MAX,
            wanted => wanted.min(limits::CHILD_CONCURRENCY_MAX),
        }
    }

    /// Starts a child. One that has nothing to wait for has ended by the time this returns: a task of its own would
    /// cost more than its work.
    fn start(&mut self, dispatch: Dispatch) -> Result<()> {
        let (name, arn) = self.naming.child(dispatch.position);
        let launched = InFlight {
            name,
            arn,
            position: dispatch.position,
            items: dispatch.items,
            input: dispatch.input.into(),
            started: self.world.ports.clock.now(),
        };
        self.in_flight.insert(dispatch.position, launched.clone());
        let child = Child {
            world: Arc::clone(&self.world),
            request: Arc::clone(&self.request),
            identity: self.naming.identity(&launched),
            stop: self.stop.clone(),
        };
        let mut run = child.run(launched).boxed();
        if let Some(returned) = (&mut run).now_or_never() {
            return self.settle(returned);
        }
        self.children.spawn(run);
        Ok(())
    }

    /// Waits for a child or a commit. False when there is nothing more to wait for.
    async fn wait(&mut self) -> Result<bool> {
        if self.begin_commit() && self.children.is_empty() && self.has_room() && !self.exhausted {
            // While it is being written, children that have nothing to wait for can go on.
            return match self.commit.as_mut().and_then(FutureExt::now_or_never) {
                Some(committed) => self.committed(committed),
                None => Ok(true),
            };
        }
        let commit = self.commit.as_mut();
        // Always in this order: chance between two that are ready would keep a simulation from repeating itself.
        tokio::select! {
            biased;
            Some(committed) = async { Some(commit?.await) } => {
                self.committed(committed)?;
            }
            Some(returned) = self.children.join_next() => self.settle(joined(returned)?)?,
            else => return Ok(self.dirty),
        }
        // Whatever else has ended by now goes into the same commit.
        while let Some(returned) = self.children.try_join_next() {
            self.settle(joined(returned)?)?;
        }
        Ok(true)
    }

    fn committed(&mut self, committed: ports::Result<()>) -> Result<bool> {
        self.commit = None;
        committed.map_err(while_doing("write the map run's ledger"))?;
        Ok(true)
    }

    fn settle(&mut self, returned: Returned) -> Result<()> {
        let Some(ended) = returned.ended? else {
            self.stopped_children = true;
            return Ok(());
        };
        if let Some(child) = self.in_flight.remove(&returned.position) {
            self.count(child, ended);
        }
        Ok(())
    }

    /// Accounts for a child that has ended.
    fn count(&mut self, child: InFlight, ended: Ended) {
        count(&mut self.state.executions, &ended.ending, 1);
        count(&mut self.state.items, &ended.ending, child.items);
        self.state.done.insert(child.position);
        self.results.add(EndedChild {
            position: child.position,
            arn: child.arn,
            name: child.name,
            state_machine_arn: Arc::clone(&self.naming.state_machine_arn),
            input: child.input,
            started: child.started,
            stopped: ended.stopped,
            ending: ended.ending,
        });
        self.dirty = true;
    }

    /// Begins to write down what has ended, unless the last commit is still being written.
    fn begin_commit(&mut self) -> bool {
        if self.commit.is_some() || !self.dirty {
            return false;
        }
        self.raise_low_water();
        self.commit = Some(self.write_down());
        true
    }

    fn write_down(&mut self) -> BoxFuture<'static, ports::Result<()>> {
        self.dirty = false;
        let commit = Commit {
            state: self.state.clone(),
            results: self.results.take(),
        };
        let (world, arn) = (Arc::clone(&self.world), self.naming.arn.clone());
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
            self.committed(commit.await)?;
        }
        if self.dirty {
            let committed = self.write_down().await;
            self.committed(committed)?;
        }
        Ok(())
    }

    /// More items have failed than the run tolerates. A percentage is of all items, so it is judged once they are read.
    fn exceeded(&self) -> Option<StateError> {
        let failed = self.state.items.not_succeeded();
        let (count, percentage) = (
            self.request.tolerated_failure_count,
            self.request.tolerated_failure_percentage,
        );
        let count = if percentage.is_none() { count.or(Some(0)) } else { count };
        let over_count = count.is_some_and(|count| failed > count);
        let over_percentage =
            self.exhausted && percentage.is_some_and(|percentage| share(failed, self.read_to.item) > percentage);
        (over_count || over_percentage).then(|| {
            StateError::new(
                error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
                "The specified tolerated failure threshold was exceeded",
            )
        })
    }

    /// Writes the results out, once, and says how the run has ended.
    async fn close(&mut self) -> Result<MapRunResult> {
        let ports = &self.world.ports;
        let sink = Sink::new(&ports.store, &ports.ledger, &self.naming.arn);
        let request = Arc::clone(&self.request);
        let Some(writer) = result_sink::exporting(&request) else {
            return match self.failure() {
                Some(failure) => Ok(failure),
                None => Ok(as_result(sink.collect().await?)),
            };
        };
        if !self.state.closed && self.has_results() {
            let never_started = self.never_started().await;
            if let Err(error) = sink.export(writer, never_started).await? {
                return Ok(self.failure().unwrap_or_else(|| failed(failure_of(error))));
            }
            self.state.closed = true;
            self.dirty = true;
            self.flush().await?;
        }
        let forgotten = self.world.ports.ledger.forget_results(&self.naming.arn).await;
        forgotten.map_err(while_doing("clear the map run's ledger"))?;
        let output = || as_result(result_sink::export_output(writer, &self.naming.arn));
        Ok(self.failure().unwrap_or_else(output))
    }

    fn failure(&self) -> Option<MapRunResult> {
        self.state.failure.clone().map(failed)
    }

    /// A run that failed before its first child leaves nothing.
    const fn has_results(&self) -> bool {
        self.state.failure.is_none() || self.state.executions.ended() > 0
    }

    /// The inputs of a failed run's children that were never started, if they can still be read.
    fn never_started(&self) -> BoxFuture<'static, Option<NeverStarted>> {
        if self.state.failure.is_none() {
            return futures::future::ready(None).boxed();
        }
        let (next, done) = (self.state.low_water, self.state.done.clone());
        let inputs = self.open(mark(&self.state));
        async move {
            let inputs = inputs.await.ok()?;
            Some(NeverStarted { inputs, next, done })
        }
        .boxed()
    }
}

/// Where the child at the low-water mark begins.
fn mark(state: &LedgerState) -> Mark {
    Mark {
        item: state.source_item,
        byte: state.source_byte,
        token: state.source_token.as_deref().map(Arc::from),
    }
}

fn joined(returned: std::result::Result<Returned, tokio::task::JoinError>) -> Result<Returned> {
    returned.map_err(|error| Error::Child(error.to_string()))
}

fn as_result(output: std::result::Result<String, StateError>) -> MapRunResult {
    match output {
        Ok(output) => MapRunResult::Succeeded { output },
        Err(error) => failed(failure_of(error)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage of counts far below 2^52")]
fn share(failed: u64, all: u64) -> f64 {
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
