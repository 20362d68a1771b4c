//! The newest outcome of every item of a run: its own, or that of a run that redrives it.

use std::collections::HashSet;

use manifest::Outcome;
use manifest::work::Action;
use ports::ExecutionRow;

use crate::error::Result;
use crate::outcomes::Outcomes;
use crate::spec::RunSpec;
use crate::state::State;

/// Outcomes of a run and of all that redrive it, each item's newest alone.
#[derive(Debug)]
pub struct LatestOutcomes<'a> {
    state: &'a State,
    /// The newest last.
    runs: &'a [ExecutionRow],
    outcomes: Option<Outcomes<'a>>,
    seen: Seen,
}

/// What the outcomes of the runs that redrive are about: few beside those of the first.
#[derive(Debug)]
struct Seen {
    items: HashSet<u64>,
    /// For copies: which of an item's destinations, or none when an outcome is about all of them.
    places: HashSet<Place>,
    action: Action,
}

/// An item's index, and a digest of its destination: millions of their texts would take too much.
type Place = (u64, Option<u64>);

impl<'a> LatestOutcomes<'a> {
    /// Over a run's [`crate::state::State::lineage`].
    ///
    /// # Errors
    /// When the first run's record cannot be read.
    pub fn new(state: &'a State, lineage: &'a [ExecutionRow]) -> Result<Self> {
        let first = lineage.first().map(RunSpec::from_row).transpose()?;
        Ok(Self {
            state,
            runs: lineage,
            outcomes: None,
            seen: Seen::new(first.map_or(Action::Download, |first| first.action)),
        })
    }

    /// The next outcome; nothing at the end.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn next(&mut self) -> Result<Option<Outcome>> {
        loop {
            let Some(outcomes) = &mut self.outcomes else {
                let Some((run, older)) = self.runs.split_last() else {
                    return Ok(None);
                };
                self.runs = older;
                self.outcomes = Some(self.state.objects_of(run).await?.settled().await?);
                continue;
            };
            let Some((_, outcome)) = outcomes.next().await? else {
                self.outcomes = None;
                continue;
            };
            if !self.seen.holds(&outcome) {
                if !self.runs.is_empty() {
                    self.seen.add(&outcome);
                }
                return Ok(Some(outcome));
            }
        }
    }
}

impl Seen {
    fn new(action: Action) -> Self {
        let (items, places) = (HashSet::new(), HashSet::new());
        Self { items, places, action }
    }

    /// Whether a newer outcome is about the same: that at one destination stands for what was said about all of them
    /// before.
    fn holds(&self, outcome: &Outcome) -> bool {
        match (self.action, place(outcome)) {
            (Action::Download, _) | (Action::Copy, (_, None)) => self.items.contains(&outcome.index),
            (Action::Copy, place @ (index, Some(_))) => {
                self.places.contains(&place) || self.places.contains(&(index, None))
            }
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        self.items.insert(outcome.index);
        match self.action {
            Action::Download => {}
            Action::Copy => {
                self.places.insert(place(outcome));
            }
        }
    }
}

fn place(outcome: &Outcome) -> Place {
    let destination = outcome.destination.as_ref();
    let digest = destination.map(|destination| xxhash_rust::xxh3::xxh3_64(destination.as_bytes()));
    (outcome.index, digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(to: Option<&str>) -> Outcome {
        let json = serde_json::json!({
            "index": 7, "bucket": "b", "key": "k", "status": "succeeded", "destination": to,
        });
        serde_json::from_value(json).unwrap()
    }

    /// A batch that was lost says nothing of destinations; its redrive does.
    #[test]
    fn an_outcome_at_a_destination_replaces_one_about_all() {
        let mut seen = Seen::new(Action::Copy);
        seen.add(&copied(Some("s3://a/k")));
        let held = [None, Some("s3://a/k"), Some("s3://b/k")].map(|to| seen.holds(&copied(to)));
        assert_eq!(held, [true, true, false]);
        seen.add(&copied(None));
        assert!(seen.holds(&copied(Some("s3://b/k"))));
    }
}
