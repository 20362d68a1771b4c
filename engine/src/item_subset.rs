//! Beyond AWS: an execution whose map runs repeat items of an earlier execution, even of one that has succeeded.
//!
//! AWS redrives what has not succeeded. A run that succeeded within its tolerated failures keeps them for ever; here
//! a new execution of the same machine, over the same input, takes from the earlier map runs what they left.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ports::{ExecutionArn, ExecutionRow, ExecutionStatus, Ledger, LedgerState, MapRunArn};
use serde::{Deserialize, Serialize};

use crate::context::Ports;
use crate::error::while_doing;
use crate::{Error, Result};

/// Map runs that are read in one page.
const PAGE: usize = 100;

/// The items of an earlier execution's map runs that a new execution repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemSubset {
    /// The earlier execution, of an equal state machine.
    pub execution: ExecutionArn,
    /// Which of that execution's items. A batch is repeated as a whole.
    pub only: ItemFilter,
}

impl ItemSubset {
    /// The subset that an execution's map runs do, if its row names one.
    pub(crate) fn from_row(row: &ExecutionRow) -> Result<Option<Self>> {
        let subset = row.item_subset.as_deref().map(serde_json::from_str).transpose();
        subset.map_err(|error| Error::Journal {
            name: row.name.clone(),
            sequence: 0,
            reason: error.to_string(),
        })
    }

    /// Checks that the earlier execution has ended and that each of its Maps ran at most once: of several runs the subset
    /// would not say which one is meant.
    pub(crate) async fn check(&self, ports: &Ports) -> Result<()> {
        let row = ports.journal.execution(&self.execution).await;
        let row = row.map_err(while_doing("read the execution whose items are to be done again"))?;
        let refused = |reason: String| Error::NoItemSubset {
            name: row.name.clone(),
            reason,
        };
        if row.status == ExecutionStatus::Running {
            return Err(refused("the execution has not ended".to_owned()));
        }
        let mut runs: BTreeMap<String, u64> = BTreeMap::new();
        for (_, state) in self.map_runs(&ports.ledger).await? {
            *runs.entry(state.map).or_default() += 1;
        }
        match runs.into_iter().find(|(_, runs)| *runs > 1) {
            Some((map, runs)) => Err(refused(format!("its Map `{map}` ran {runs} times"))),
            None => Ok(()),
        }
    }

    /// All map runs of the earlier execution, the newest first.
    pub(crate) async fn map_runs(&self, ledger: &Arc<dyn Ledger>) -> Result<Vec<(MapRunArn, LedgerState)>> {
        let mut runs = Vec::new();
        loop {
            let page = ledger.map_runs(&self.execution, runs.len(), PAGE).await;
            let page = page.map_err(while_doing("list the map runs"))?;
            if page.is_empty() {
                return Ok(runs);
            }
            runs.extend(page);
        }
    }
}

/// Selects items by how the child that had them ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemFilter {
    /// All that did not succeed.
    Unsuccessful,
    /// `FAILED`
    Failed,
    /// `TIMED_OUT`
    TimedOut,
    /// `ABORTED`
    Aborted,
    /// `PENDING`: never started.
    Pending,
    /// Those that ended with this error name.
    Error(String),
}

impl ItemFilter {
    /// Whether the filter selects a child with this status and error name.
    pub(crate) fn matches(&self, status: &str, error: Option<&str>) -> bool {
        match self {
            Self::Unsuccessful => true,
            Self::Failed => status == "FAILED",
            Self::TimedOut => status == "TIMED_OUT",
            Self::Aborted => status == "ABORTED",
            Self::Pending => status == "PENDING",
            Self::Error(name) => error == Some(name),
        }
    }
}

impl fmt::Display for ItemFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsuccessful => f.write_str("unsuccessful"),
            Self::Failed => f.write_str("failed"),
            Self::TimedOut => f.write_str("timed-out"),
            Self::Aborted => f.write_str("aborted"),
            Self::Pending => f.write_str("pending"),
            Self::Error(name) => write!(f, "error={name}"),
        }
    }
}

impl FromStr for ItemFilter {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once('=') {
            Some(("error", name)) if !name.is_empty() => return Ok(Self::Error(name.to_owned())),
            Some(_) | None => {}
        }
        match text {
            "unsuccessful" => Ok(Self::Unsuccessful),
            "failed" => Ok(Self::Failed),
            "timed-out" => Ok(Self::TimedOut),
            "aborted" => Ok(Self::Aborted),
            "pending" => Ok(Self::Pending),
            other => Err(format!(
                "expected unsuccessful, failed, timed-out, aborted, pending or error=NAME, found `{other}`"
            )),
        }
    }
}

impl Serialize for ItemFilter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_written_as_they_are_read() {
        for text in [
            "unsuccessful",
            "failed",
            "timed-out",
            "aborted",
            "pending",
            "error=A.B=C",
        ] {
            let filter: ItemFilter = text.parse().unwrap();
            assert_eq!(filter.to_string(), text);
            let json = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<ItemFilter>(&json).unwrap(), filter);
        }
        for text in ["", "error=", "FAILED", "status=429"] {
            let refused = text.parse::<ItemFilter>().unwrap_err();
            assert!(refused.contains(&format!("found `{text}`")), "{refused}");
        }
    }
}
