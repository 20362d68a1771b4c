//! The progress of a map run: counts of ended children, the low-water mark, and the commits that write both down.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use ports::{Commit, Counts, Listed};

use super::MapRun;
use super::attempt::Unsuccessful;
use crate::Result;
use crate::child::Ended;
use crate::child_ending::ChildEnding;
use crate::error::while_doing;
use crate::item_source::is_listed;
use crate::json::to_json;
use crate::naming::InFlight;
use crate::result_sink::EndedChild;

impl MapRun {
    /// Counts a child that has ended and keeps its record for the next commit.
    pub(super) fn count(&mut self, child: InFlight, ended: Ended) {
        count(&mut self.state.executions, &ended.ending, 1);
        count(&mut self.state.items, &ended.ending, child.items);
        if child.again {
            self.state.pending_redrive.take_child(child.items);
        }
        self.state.done.insert(child.position);
        // The low-water mark never stops at a child that is done, and beside one slow child all other marks would pile up.
        self.marks.remove(&child.position);
        if let Some(unsuccessful) = Unsuccessful::new(child.position, &ended.ending) {
            self.unsuccessful.extend_from_slice(to_json(&unsuccessful).as_bytes());
            self.unsuccessful.extend_from_slice(b"\n");
            if !ended.redrivable {
                self.state.not_redrivable.add_child(child.items);
            }
        }
        self.results.add(EndedChild {
            position: child.position,
            arn: child.arn,
            name: child.name,
            state_machine_arn: Arc::clone(&self.naming.state_machine_arn),
            input: child.input,
            started: ended.started,
            stopped: ended.stopped,
            redrive_count: ended.redrive_count,
            redrivable: ended.redrivable,
            ending: ended.ending,
        });
        self.dirty = true;
    }

    /// Starts a commit of the children that have ended, unless one is still being written.
    pub(super) fn begin_commit(&mut self) -> bool {
        if self.commit.is_some() || !self.dirty {
            return false;
        }
        self.raise_low_water();
        self.commit = Some(self.write_down());
        true
    }

    /// Keeps how far a listing has been read, so that the next reader can check that it finds an unchanged listing.
    fn note_listed(&mut self) {
        let item = self.read_to.item;
        let further = self.state.listed.as_ref().is_none_or(|listed| listed.item < item);
        if let Some(token) = self
            .read_to
            .token
            .as_deref()
            .filter(|_| further && is_listed(&self.request))
        {
            let token = token.to_owned();
            self.state.listed = Some(Listed { item, token });
        }
    }

    fn write_down(&mut self) -> BoxFuture<'static, ports::Result<()>> {
        self.dirty = false;
        self.note_listed();
        let commit = Commit {
            state: self.state.clone(),
            results: self.results.take(),
            unsuccessful: self.unsuccessful.split().freeze(),
        };
        let (context, arn) = (Arc::clone(&self.context), self.naming.arn.clone());
        async move { context.ports.ledger.commit(&arn, commit).await }.boxed()
    }

    pub(super) fn raise_low_water(&mut self) {
        let first = self.state.done.spans().first();
        // Children that an earlier process had started may lie ahead of the source.
        if first.is_some_and(|span| span.last >= self.next) {
            return;
        }
        let Some(low_water) = self.state.done.take_from(self.state.low_water) else {
            return;
        };
        self.marks = self.marks.split_off(&low_water);
        // The child at the mark may not have been read yet: it begins where the source was read to.
        let mark = self.marks.get(&low_water).unwrap_or(&self.read_to);
        self.state.low_water = low_water;
        self.state.source_item = mark.item;
        self.state.source_byte = mark.byte;
        self.state.source_token = mark.token.as_deref().map(str::to_owned);
    }

    pub(super) fn committed(&mut self, committed: ports::Result<()>) -> Result<()> {
        self.commit = None;
        committed.map_err(while_doing("write the map run's ledger"))
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        if let Some(commit) = self.commit.take() {
            self.committed(commit.await)?;
        }
        if self.dirty {
            self.raise_low_water();
            let committed = self.write_down().await;
            self.committed(committed)?;
        }
        Ok(())
    }
}

const fn count(counts: &mut Counts, ending: &ChildEnding, amount: u64) {
    match ending {
        ChildEnding::Succeeded { .. } => counts.succeeded += amount,
        ChildEnding::Failed(_) => counts.failed += amount,
        ChildEnding::TimedOut(_) => counts.timed_out += amount,
        ChildEnding::Aborted(_) => counts.aborted += amount,
    }
}
