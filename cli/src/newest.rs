//! The newest outcome of every item of a run: its own, or that of a run that redrives it.

use std::collections::HashSet;

use manifest::Outcome;
use ports::{ExecutionRow, ObjectStore};

use crate::composition::{Action, Composition};
use crate::exit_code::Failure;
use crate::outcomes::{Outcomes, RunObjects};

/// Outcomes of a run and of all that redrive it, each item's newest alone.
pub(crate) struct Newest<'a> {
    store: &'a dyn ObjectStore,
    /// The newest last.
    runs: &'a [ExecutionRow],
    outcomes: Option<Outcomes<'a>>,
    /// The items of the runs that redrive: few beside those of the first.
    seen: HashSet<Settled>,
    action: Action,
}

/// An item as an outcome settles it: for copies, at one destination.
type Settled = (u64, Option<String>);

impl<'a> Newest<'a> {
    /// Over a run's [`crate::state::State::lineage`].
    pub(crate) fn of(store: &'a dyn ObjectStore, lineage: &'a [ExecutionRow]) -> Result<Self, Failure> {
        let first = lineage.first().map(Composition::of).transpose()?;
        Ok(Self {
            store,
            runs: lineage,
            outcomes: None,
            seen: HashSet::new(),
            action: first.map_or(Action::Download, |first| first.action),
        })
    }

    /// The next outcome; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Outcome>, Failure> {
        loop {
            let Some(outcomes) = &mut self.outcomes else {
                let Some((run, older)) = self.runs.split_last() else {
                    return Ok(None);
                };
                self.runs = older;
                self.outcomes = Some(RunObjects::of(self.store, run).settled().await?);
                continue;
            };
            let Some((_, outcome)) = outcomes.next().await? else {
                self.outcomes = None;
                continue;
            };
            let settled = self.settled(&outcome);
            if !self.seen.contains(&settled) {
                if !self.runs.is_empty() {
                    self.seen.insert(settled);
                }
                return Ok(Some(outcome));
            }
        }
    }

    fn settled(&self, outcome: &Outcome) -> Settled {
        match self.action {
            Action::Download => (outcome.index, None),
            Action::Copy => (outcome.index, outcome.destination.clone()),
        }
    }
}
