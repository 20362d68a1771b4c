//! One map run: an actor beside the interpreter that owns the reader, the children, the counts and the writer.
//!
//! ```text
//!   item source ──▶ dispatch (≤ MaxConcurrency) ──▶ children ──▶ settle ──▶ commit (one at a time) ──▶ sink
//! ```
//!
//! Children are counted by position. A child is done when the ledger says so, and the ledger says so in groups: while
//! one commit is being written, children that end meanwhile wait for the next. A recovered run continues to read at the
//! low-water mark and skips the children that are done above it. A redriven run reads the source from its start and skips
//! every child that it does not have to do.

mod abort;
mod answer;
mod attempt;
mod close;
mod describe;
mod inbox;
mod message;
mod progress;
mod tolerance;

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Identity, MapRunRequest, MapRunResult, StateError, error_name};
use bytes::BytesMut;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use ports::{Amount, LedgerState};
use tokio::task::JoinSet;

use crate::batching::{ChildInputs, Dispatch};
use crate::child::{Child, ChildEnd, Returned};
use crate::companions::Companions;
use crate::context::Context;
use crate::item_source::{ItemSource, Mark, check_listing, known_items};
use crate::item_subset::ItemSubset;
use crate::naming::{InFlight, Naming};
use crate::result_sink::ResultBuffer;
use crate::stop::Control;
use crate::{Error, Result, Stop, limits};

use attempt::{AttemptStart, OpenedAttempt, ToDo};
use inbox::MapRunInbox;

pub use describe::{MapRunCounts, MapRunDescription, MapRunEntry};
pub use message::MapRunChange;
pub(crate) use message::{MapRunEnd, MapRunMessage};

/// Runs a map run to its end, from where its ledger says it is. Executions that its children have started may still run:
/// they are returned.
pub(crate) async fn run(
    context: Arc<Context>,
    parent: Identity,
    request: MapRunRequest,
    item_subset: Option<ItemSubset>,
    control: Control,
) -> Result<(MapRunEnd, Companions)> {
    if request.redrive > limits::MAP_RUN_REDRIVES_MAX {
        return Ok((MapRunEnd::Result(redriven_too_often()), Companions::default()));
    }
    let naming = Naming::new(&parent, &request);
    // The inbox is there before the ledger names the run, so that a run that can be found can be changed.
    let inbox = MapRunInbox::new(&context, &naming.arn);
    let opened_attempt = attempt::open(&context, &naming, &parent, &request, item_subset.as_ref()).await?;
    let to_do = attempt::to_do(&context.ports, &naming.arn, &opened_attempt.state, item_subset.as_ref()).await?;
    let mut run = MapRun::new(context, naming, request, opened_attempt, to_do, control);
    run.inbox = Some(inbox);
    let over = run.state.is_over() || run.state.failure.is_some();
    if !over && run.children_to_their_end().await? == ChildrenEnd::Stopped {
        return Ok((MapRunEnd::Stopped, run.started));
    }
    let mut started = std::mem::take(&mut run.started);
    let result = started.beside(run.close()).await?;
    Ok((MapRunEnd::Result(result), started))
}

fn redriven_too_often() -> MapRunResult {
    MapRunResult::Failed {
        error: Some(error_name::RUNTIME.to_owned()),
        cause: Some(format!(
            "a map run can be redriven {} times",
            limits::MAP_RUN_REDRIVES_MAX
        )),
    }
}

/// How the running of the children ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChildrenEnd {
    /// All children have ended, or the run has failed: its results are to be written.
    Over,
    Stopped,
}

struct MapRun {
    context: Arc<Context>,
    naming: Naming,
    request: Arc<MapRunRequest>,
    control: Control,
    /// Asks the children to end, as aborted.
    abort_children: Stop,
    inbox: Option<MapRunInbox>,
    state: LedgerState,
    start: AttemptStart,
    to_do: ToDo,
    /// The position of the next child.
    next: u64,
    /// Where the children that are being run begin in the source.
    marks: BTreeMap<u64, Mark>,
    /// The mark up to which the source was read.
    read_to: Mark,
    children: JoinSet<Returned>,
    in_flight: BTreeMap<u64, InFlight>,
    running: Amount,
    running_again: Amount,
    /// Executions that children have started without waiting for their ends.
    started: Companions,
    results: ResultBuffer,
    unsuccessful: BytesMut,
    commit: Option<BoxFuture<'static, ports::Result<()>>>,
    dirty: bool,
    /// The number of all items, where it is known before they are read.
    total: Option<u64>,
    exhausted: bool,
    stopped_children: bool,
}

impl MapRun {
    fn new(
        context: Arc<Context>,
        naming: Naming,
        request: MapRunRequest,
        opened_attempt: OpenedAttempt,
        to_do: ToDo,
        control: Control,
    ) -> Self {
        let OpenedAttempt { state, start } = opened_attempt;
        Self {
            inbox: None,
            results: ResultBuffer::new(&request),
            next: state.low_water,
            read_to: attempt::mark(&state),
            context,
            naming,
            control,
            abort_children: Stop::default(),
            state,
            start,
            to_do,
            marks: BTreeMap::new(),
            children: JoinSet::new(),
            in_flight: BTreeMap::new(),
            running: Amount::default(),
            running_again: Amount::default(),
            started: Companions::default(),
            unsuccessful: BytesMut::new(),
            commit: None,
            dirty: false,
            total: known_items(&request),
            exhausted: false,
            stopped_children: false,
            request: Arc::new(request),
        }
    }

    async fn children_to_their_end(&mut self) -> Result<ChildrenEnd> {
        // The source of a run that fails or is aborted may be gone already.
        if self.state.failing.is_some() || self.control.abort.is_requested() {
            return self.abort(None).await;
        }
        let opened = self.open(self.read_to.clone()).await;
        let mut inputs = match opened {
            Ok(inputs) => inputs,
            Err(error) => return self.abort(Some(error)).await,
        };
        loop {
            self.answer_messages().await?;
            if self.control.abort.is_requested() {
                return self.abort(None).await;
            }
            if let Some(error) = self.exceeded() {
                return self.abort(Some(error)).await;
            }
            if let Some(error) = self.dispatch(&mut inputs).await? {
                return self.abort(Some(error)).await;
            }
            if !self.wait().await? {
                break;
            }
        }
        if self.control.abort.is_requested() {
            return self.abort(None).await;
        }
        if !self.exhausted || self.stopped_children {
            return Ok(ChildrenEnd::Stopped);
        }
        match self.exceeded() {
            Some(error) => self.abort(Some(error)).await,
            None => Ok(ChildrenEnd::Over),
        }
    }

    /// The inputs of the children from a mark on.
    fn open(&self, from: Mark) -> impl Future<Output = std::result::Result<ChildInputs, StateError>> + use<> {
        let (store, request) = (Arc::clone(&self.context.ports.store), Arc::clone(&self.request));
        let seen = self.state.listed.clone().map(|listed| listed.token.into());
        async move {
            check_listing(&store, &request, &from, seen).await?;
            let source = ItemSource::open(&store, &request, from).await?;
            Ok(ChildInputs::new(source, &request))
        }
    }

    fn exceeded(&self) -> Option<StateError> {
        let tally = tolerance::Tally {
            failed: self.state.items.not_succeeded(),
            items: self.total.or_else(|| self.exhausted.then_some(self.read_to.item)),
        };
        tolerance::exceeded(&self.state.settings, tally)
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
            self.begin_source(inputs);
            // A child begins where the child before it ended.
            let mark = std::mem::replace(&mut self.read_to, inputs.mark());
            self.take_on(dispatch, mark)?;
            // Neither the source nor a child may have to wait for anything, and a request to stop must be heard all the same.
            tokio::task::consume_budget().await;
        }
        Ok(None)
    }

    /// Keeps what the source's first object was read as, so that a redrive reads it in the same way.
    fn begin_source(&mut self, inputs: &ChildInputs) {
        if self.state.source_start.is_none() && self.read_to.item == 0 {
            self.state.source_start = inputs.start().map(|token| token.to_string());
        }
        if self.read_to == Mark::default() {
            self.read_to.token = self.state.source_start.as_deref().map(Arc::from);
        }
    }

    /// Starts the child, unless it is done already or this attempt does not have to do it.
    fn take_on(&mut self, dispatch: Dispatch, mark: Mark) -> Result<()> {
        let position = dispatch.position;
        if self.state.done.contains(position) {
            return Ok(());
        }
        if !self.to_do.has(position) {
            self.state.done.insert(position);
            self.raise_low_water();
            return Ok(());
        }
        self.marks.insert(position, mark);
        self.start(dispatch)
    }

    fn has_room(&self) -> bool {
        let concurrency = usize::try_from(self.concurrency()).unwrap_or(usize::MAX);
        self.children.len() < concurrency
            && self.results.len() < limits::RESULT_BYTES_MAX
            && self.started.0.len() < limits::STARTED_MAX
            && !self.control.stop.is_requested()
            && !self.control.abort.is_requested()
            && self.exceeded().is_none()
    }

    fn concurrency(&self) -> u64 {
        match self.state.settings.max_concurrency {
            0 => limits::CHILD_CONCURRENCY_MAX,
            wanted => wanted.min(limits::CHILD_CONCURRENCY_MAX),
        }
    }

    /// Starts a child. A child that waits for nothing has ended when this method returns: a task of its own would cost more
    /// than its work.
    fn start(&mut self, dispatch: Dispatch) -> Result<()> {
        let (name, arn) = self.naming.child(dispatch.position, self.request.redrive);
        let launched = InFlight {
            name,
            arn,
            position: dispatch.position,
            items: dispatch.items,
            input: dispatch.input.into(),
            again: self.to_do.is_again(dispatch.position),
            started: self.context.ports.clock.now(),
        };
        let mut run = self.launch(launched);
        if let Some(returned) = (&mut run).now_or_never() {
            return self.settle(returned);
        }
        self.children.spawn(run);
        Ok(())
    }

    fn launch(&mut self, child: InFlight) -> BoxFuture<'static, Returned> {
        self.running.add_child(child.items);
        if child.again {
            self.running_again.add_child(child.items);
        }
        self.in_flight.insert(child.position, child.clone());
        let run = Child {
            context: Arc::clone(&self.context),
            request: Arc::clone(&self.request),
            identity: self.naming.identity(&child),
            map_run: self.naming.arn.clone(),
            stop: self.control.stop.clone(),
            abort: self.abort_children.clone(),
        };
        run.run(child).boxed()
    }

    /// Waits for a child, a commit or a message; `false` when there is nothing more to wait for.
    async fn wait(&mut self) -> Result<bool> {
        if self.begin_commit() && self.children.is_empty() && self.has_room() && !self.exhausted {
            // Children that wait for nothing can run while the commit is being written.
            if let Some(committed) = self.commit.as_mut().and_then(FutureExt::now_or_never) {
                self.committed(committed)?;
            }
            return Ok(true);
        }
        let crowded =
            self.started.0.len() >= limits::STARTED_MAX && !self.exhausted && !self.control.stop.is_requested();
        if self.commit.is_none() && self.children.is_empty() && !crowded {
            return Ok(self.dirty);
        }
        // A child that has ended and is not settled yet holds as much memory as one that runs.
        let takes = self.commit.is_none() || self.results.len() < limits::RESULT_BYTES_MAX;
        let commit = self.commit.as_mut();
        let inbox = self.inbox.as_mut();
        // Always in this order: a random choice between two ready branches would make simulations unrepeatable.
        tokio::select! {
            biased;
            () = self.control.abort.requested() => {}
            Some(committed) = async { Some(commit?.await) } => self.committed(committed)?,
            Some(returned) = self.children.join_next(), if takes => self.settle(joined(returned)?)?,
            Some(message) = async { inbox?.next().await } => self.answer_message(message).await?,
            () = self.control.stop.requested(), if crowded => {}
            Some(ended) = self.started.0.next() => ended?,
        }
        // All children that have ended by now go into one commit.
        while self.results.len() < limits::RESULT_BYTES_MAX
            && let Some(returned) = self.children.try_join_next()
        {
            self.settle(joined(returned)?)?;
        }
        Ok(!self.control.abort.is_requested())
    }

    fn settle(&mut self, returned: Returned) -> Result<()> {
        let Some(child) = self.in_flight.remove(&returned.position) else {
            return Ok(());
        };
        self.running.take_child(child.items);
        if child.again {
            self.running_again.take_child(child.items);
        }
        let (end, started) = returned.end?;
        self.started.take_on(started);
        match end {
            ChildEnd::Ended(ended) => self.count(child, ended),
            ChildEnd::Stopped => self.stopped_children = true,
            ChildEnd::NeverStarted => {}
        }
        Ok(())
    }
}

fn joined(returned: std::result::Result<Returned, tokio::task::JoinError>) -> Result<Returned> {
    returned.map_err(|error| Error::Child(error.to_string()))
}
