//! What is counted: per call, and summed over calls and rounds.

use std::collections::BTreeMap;

use manifest::{Counts, ErrorClass, Outcome, Status};
use serde::{Deserialize, Serialize};

use crate::Histogram;

/// Hosts that are counted one by one; failures of further ones are counted under [`OTHER_HOSTS`]. A few hundred KiB.
const HOSTS_MAX: usize = 5_000;
const OTHER_HOSTS: &str = "(other hosts)";
/// Failures that are kept with their text for the notification and the summary: at most about 128 KiB.
const FAILURES_MAX: usize = 200;
/// **Bytes** of a kept message.
pub(crate) const MESSAGE_BYTES_MAX: usize = 600;

/// Failures of one error name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorTally {
    /// The name's class.
    pub class: ErrorClass,
    /// How many.
    pub count: u64,
    /// The first message.
    pub example: String,
}

/// Notes of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteTally {
    /// How many items have it.
    pub count: u64,
    /// The first message.
    pub example: String,
}

/// One failure with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedItem {
    /// Its position in the manifest.
    pub index: u64,
    /// The item, without the secrets that its URL may hold.
    pub item: String,
    /// Its error name.
    pub error: String,
    /// Its message.
    pub message: String,
}

/// One file of the completion report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportFile {
    /// `succeeded` or `failed`.
    pub status: Status,
    /// Its key in the state bucket.
    pub key: String,
    /// In hexadecimal digits.
    pub md5: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Everything that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Items by their status.
    #[serde(flatten)]
    pub counts: Counts,
    /// Requests made.
    pub attempts: u64,
    /// **Milliseconds** an item took.
    pub milliseconds: Histogram,
    /// By error name.
    pub errors: BTreeMap<String, ErrorTally>,
    /// What is worth a word, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, NoteTally>,
    /// Failures by host.
    pub hosts: BTreeMap<String, u64>,
    /// The first failures.
    pub failures: Vec<FailedItem>,
    /// The report's files.
    pub files: Vec<ReportFile>,
    /// The keys of the flat results.
    pub results: Vec<String>,
}

impl Tally {
    /// Counts an outcome. One that is pending is counted and nothing else: it has another outcome to come.
    pub fn add(&mut self, outcome: &Outcome) {
        self.counts.add(outcome.status, outcome.bytes);
        if outcome.status == Status::Pending {
            return;
        }
        self.attempts += u64::from(outcome.attempts);
        self.milliseconds.add(outcome.milliseconds);
        if let Some(note) = &outcome.note {
            self.add_note(&note.name, 1, &note.message);
        }
        if outcome.status == Status::Failed {
            self.add_failure(outcome);
        }
    }

    fn add_note(&mut self, name: &str, count: u64, example: &str) {
        let tally = self.notes.entry(name.to_owned()).or_insert_with(|| NoteTally {
            count: 0,
            example: cut(example, MESSAGE_BYTES_MAX).to_owned(),
        });
        tally.count += count;
    }

    fn add_failure(&mut self, outcome: &Outcome) {
        if let Some(host) = outcome.subject.host() {
            let known = self.hosts.contains_key(&host) || self.hosts.len() < HOSTS_MAX;
            let host = if known { host } else { OTHER_HOSTS.to_owned() };
            *self.hosts.entry(host).or_default() += 1;
        }
        let Some(error) = &outcome.error else { return };
        let message = cut(&error.message, MESSAGE_BYTES_MAX);
        let tally = self.errors.entry(error.name.clone()).or_insert_with(|| ErrorTally {
            class: error.class,
            count: 0,
            example: message.to_owned(),
        });
        tally.count += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(FailedItem {
                index: outcome.index,
                item: cut(&outcome.subject.shown(), MESSAGE_BYTES_MAX).to_owned(),
                error: error.name.clone(),
                message: message.to_owned(),
            });
        }
    }

    /// Adds another tally's counts.
    pub(crate) fn merge(&mut self, other: Self) {
        self.counts += other.counts;
        self.attempts += other.attempts;
        self.milliseconds.merge(&other.milliseconds);
        for (host, count) in other.hosts {
            *self.hosts.entry(host).or_default() += count;
        }
        for (name, tally) in other.notes {
            self.add_note(&name, tally.count, &tally.example);
        }
        for (name, tally) in other.errors {
            self.errors
                .entry(name)
                .and_modify(|sum| sum.count += tally.count)
                .or_insert(tally);
        }
        let room = FAILURES_MAX.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
        self.files.extend(other.files);
        self.results.extend(other.results);
    }
}

/// `job-…/summary.json`: the run in numbers, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The execution's name.
    pub execution: String,
    /// Rounds that were run.
    pub rounds: u32,
    /// Items.
    pub items: u64,
    /// Items by their status.
    #[serde(flatten)]
    pub counts: Counts,
    /// Requests made.
    pub attempts: u64,
    /// **Milliseconds** an item took, at 50, 90, 99 and 100 percent of the items.
    pub milliseconds: BTreeMap<String, u64>,
    /// By error name.
    pub errors: BTreeMap<String, ErrorTally>,
    /// What is worth a word, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, NoteTally>,
    /// The hosts with the most failures.
    pub worst_hosts: Vec<(String, u64)>,
    /// The first failures.
    pub failures: Vec<FailedItem>,
    /// The report's files.
    pub files: Vec<ReportFile>,
    /// The keys of the flat results.
    pub results: Vec<String>,
}

/// Hosts that a summary names.
const WORST_HOSTS_MAX: usize = 20;

impl Summary {
    /// The summary of a run whose outcomes have been counted.
    pub fn new(execution: &str, rounds: u32, tally: Tally) -> Self {
        let percentile = |percent| Some((format!("p{percent}"), tally.milliseconds.percentile(percent)?));
        let milliseconds = [50, 90, 99, 100].into_iter().filter_map(percentile).collect();
        let items = tally.counts.items();
        let mut worst_hosts: Vec<(String, u64)> = tally.hosts.into_iter().collect();
        worst_hosts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        worst_hosts.truncate(WORST_HOSTS_MAX);
        Self {
            execution: execution.to_owned(),
            rounds,
            items,
            counts: tally.counts,
            attempts: tally.attempts,
            milliseconds,
            errors: tally.errors,
            notes: tally.notes,
            worst_hosts,
            failures: tally.failures,
            files: tally.files,
            results: tally.results,
        }
    }
}

/// The beginning of a text, at most so many bytes, whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
