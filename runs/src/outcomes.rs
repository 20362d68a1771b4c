//! What became of a run's items, read from its objects: a line at a time, however many there are.

use std::collections::VecDeque;

use bytes::Bytes;
use consolidator::Summary;
use futures::TryStreamExt;
use manifest::{Outcome, run_key};
use ports::{ErrorKind, ExecutionRow, GetOptions, Lines, ObjectKey, ObjectStore, keys_below};

use crate::error::{Error, Result};
use crate::spec::STATE_BUCKET;

/// **Bytes** of a line: a record of the longest item and message is a few KiB.
const LINE_BYTES_MAX: usize = 16 << 20;

/// The objects of one run.
#[derive(Debug, Clone, Copy)]
pub struct RunObjects<'a> {
    store: &'a dyn ObjectStore,
    bucket: &'a str,
    run: &'a str,
}

impl<'a> RunObjects<'a> {
    /// The objects of the run in this store.
    pub fn new(store: &'a dyn ObjectStore, run: &'a ExecutionRow) -> Self {
        Self {
            store,
            bucket: STATE_BUCKET,
            run: &run.name,
        }
    }

    /// The run's summary, once it has one.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn summary(self) -> Result<Option<Summary>> {
        let at = ObjectKey::new(self.bucket, run_key::report(self.run, "summary.json"));
        let body = match self.store.get(&at, GetOptions::default()).await {
            Ok((_, body)) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let json: Vec<Bytes> = body.try_collect().await?;
        let summary = serde_json::from_slice(&json.concat());
        summary
            .map(Some)
            .map_err(|error| Error::internal(format!("failed to read `{at}`: {error}")))
    }

    /// The settled outcome of every item: from the results if the run has been accounted for, else from what its
    /// processors have written so far, the latest round first: what was not reached in one round is in the next.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn settled(self) -> Result<Outcomes<'a>> {
        let keys = match self.summary().await? {
            Some(summary) => summary.results,
            None => self.rounds().await?.into_iter().rev().flatten().collect(),
        };
        Ok(self.read(keys))
    }

    /// Every outcome of every round, the earliest first.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn attempts(self) -> Result<Outcomes<'a>> {
        let mut keys = self.rounds().await?.concat();
        // What the report gave up stands in the results alone.
        let results = self.summary().await?.map(|summary| summary.results).unwrap_or_default();
        keys.extend(results.into_iter().filter(|key| key.ends_with("/99999.jsonl")));
        Ok(self.read(keys))
    }

    /// The keys of the outcomes of each round.
    async fn rounds(self) -> Result<Vec<Vec<String>>> {
        let mut rounds = Vec::new();
        for round in 0.. {
            let found = self.list(&run_key::outcomes_prefix(self.run, round)).await?;
            if found.is_empty() {
                break;
            }
            rounds.push(found);
        }
        Ok(rounds)
    }

    async fn list(self, prefix: &str) -> Result<Vec<String>> {
        Ok(keys_below(self.store, self.bucket, prefix).await?)
    }

    fn read(self, keys: Vec<String>) -> Outcomes<'a> {
        Outcomes {
            objects: self,
            keys: keys.into(),
            lines: None,
        }
    }
}

/// Outcomes of several objects, in their order.
#[derive(Debug)]
pub struct Outcomes<'a> {
    objects: RunObjects<'a>,
    keys: VecDeque<String>,
    lines: Option<(String, Lines)>,
}

impl Outcomes<'_> {
    /// The next outcome and the key of the object it stands in; nothing at the end.
    ///
    /// # Errors
    /// When an object of the run cannot be read.
    pub async fn next(&mut self) -> Result<Option<(String, Outcome)>> {
        loop {
            if let Some((key, lines)) = &mut self.lines
                && let Some((_, line)) = lines.next().await?
            {
                let outcome = serde_json::from_slice(&line);
                let fault = |error| Error::internal(format!("failed to read an outcome in `{key}`: {error}"));
                return Ok(Some((key.clone(), outcome.map_err(fault)?)));
            }
            let Some(key) = self.keys.pop_front() else {
                return Ok(None);
            };
            let at = ObjectKey::new(self.objects.bucket, &key);
            let (_, body) = self.objects.store.get(&at, GetOptions::default()).await?;
            self.lines = Some((key, Lines::new(body, 0, LINE_BYTES_MAX)));
        }
    }
}
