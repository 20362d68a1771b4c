//! Feeds a journal to the interpreter again: the same events with the same moments make the same execution.

use std::collections::{BTreeMap, BTreeSet};

use asl::{Command, Event, Execution, HistoryEvent, MapRunId, MapRunRequest, TaskId};
use ports::{ExecutionRow, JournalRecord};

use crate::context::Context;
use crate::error::while_doing;
use crate::journal::Entry;
use crate::wait::Wait;
use crate::{Error, Result, limits};

/// An execution as its journal left it.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) execution: Execution,
    /// The sequence number of the next record.
    pub(crate) sequence: u64,
    /// Commands without a recorded answer, in the order in which the interpreter gave them.
    pub(crate) outstanding: Vec<Command>,
    /// Map runs that the journal says have started.
    pub(crate) started_map_runs: Vec<MapRunId>,
    /// Map runs that were aborted; their ledgers say whether they have heard of it.
    pub(crate) aborted_map_runs: Vec<MapRunRequest>,
    /// Tasks that were submitted, or taken by a worker.
    pub(crate) accepted_tasks: BTreeSet<TaskId>,
    pub(crate) history: Vec<HistoryEvent>,
}

/// Reads the whole journal, a page at a time.
pub(crate) async fn replay(context: &Context, row: &ExecutionRow, execution: Execution) -> Result<Recovered> {
    let mut replay = Replay {
        name: &row.name,
        recovered: Recovered {
            execution,
            sequence: 0,
            outstanding: Vec::new(),
            started_map_runs: Vec::new(),
            aborted_map_runs: Vec::new(),
            accepted_tasks: BTreeSet::new(),
            history: Vec::new(),
        },
        open: BTreeMap::new(),
        asked: 0,
    };
    loop {
        let from = replay.recovered.sequence;
        let page = context.ports.journal.read(&row.arn, from, limits::JOURNAL_PAGE).await;
        let page = page.map_err(while_doing("read the journal"))?;
        if page.is_empty() {
            return Ok(replay.finish());
        }
        for record in page {
            replay = replay.feed(&record)?;
        }
    }
}

struct Replay<'a> {
    name: &'a str,
    recovered: Recovered,
    /// Unanswered commands under what they wait for, with the order in which they were asked.
    open: BTreeMap<Wait, (u64, Command)>,
    asked: u64,
}

impl Replay<'_> {
    fn feed(mut self, record: &JournalRecord) -> Result<Self> {
        let fault = |reason: String| Error::Journal {
            name: self.name.to_owned(),
            sequence: record.sequence,
            reason,
        };
        let entry: Entry = serde_json::from_str(&record.record).map_err(|error| fault(error.to_string()))?;
        if let Event::MapRunStarted { map_run, .. } = &entry.event {
            self.recovered.started_map_runs.push(*map_run);
        }
        if let Event::TaskSubmitted { task, .. } | Event::TaskStarted { task, .. } = &entry.event {
            self.recovered.accepted_tasks.insert(*task);
        }
        if let Some(wait) = Wait::ended_by(&entry.event) {
            self.open.remove(&wait);
        }
        if entry.event == Event::Redrive {
            // The end before the redrive is undone.
            self.recovered.outstanding.clear();
        }
        let stepped = asl::step(self.recovered.execution, entry.event, entry.moment);
        let (execution, commands) = stepped.map_err(|refused| fault(refused.reason.to_string()))?;
        self.recovered.execution = execution;
        self.recovered.sequence = record.sequence + 1;
        for command in commands {
            self.note(command);
        }
        Ok(self)
    }

    fn note(&mut self, command: Command) {
        if let Some(wait) = Wait::cancelled_by(&command) {
            let aborted = self.open.remove(&wait);
            if let Some((_, Command::StartMapRun(request))) = aborted
                && self.recovered.started_map_runs.contains(&request.map_run)
            {
                self.recovered.aborted_map_runs.push(*request);
            }
        } else if let Some(wait) = Wait::started_by(&command) {
            if let Wait::MapRun(map_run) = wait {
                // A redriven run is announced again.
                self.recovered.started_map_runs.retain(|started| *started != map_run);
                let aborted = &mut self.recovered.aborted_map_runs;
                aborted.retain(|request| request.map_run != map_run);
            }
            self.asked += 1;
            self.open.insert(wait, (self.asked, command));
        } else {
            // The end was reached but not written into the execution's row.
            self.recovered.outstanding.push(command);
        }
    }

    fn finish(mut self) -> Recovered {
        let mut open: Vec<(u64, Command)> = self.open.into_values().collect();
        open.sort_by_key(|(asked, _)| *asked);
        // All at once: an event that was taken back must still be there.
        self.recovered.history = self.recovered.execution.take_history();
        self.recovered
            .outstanding
            .extend(open.into_iter().map(|(_, command)| command));
        self.recovered
    }
}
