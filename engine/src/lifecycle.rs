//! Runs a journalled execution, started by itself or as a child of a map run, and keeps its row.

use std::sync::Arc;

use asl::{Ending, Event, Execution, Moment};
use ports::{ExecutionArn, ExecutionRow, ExecutionStatus, JournalRecord};

use crate::companions::Companions;
use crate::context::{Context, to_asl};
use crate::driver::{Driven, Driver};
use crate::error::while_doing;
use crate::executions::RunEnd;
use crate::journal::Entry;
use crate::json::to_json;
use crate::stop::Control;
use crate::{Error, Result, recovery};

/// Runs an execution from where its journal ends and writes its end into its row. Executions that it has started end too.
pub(crate) async fn drive(
    context: &Arc<Context>,
    row: ExecutionRow,
    execution: Execution,
    control: Control,
) -> Result<RunEnd> {
    let (outcome, started) = drive_alone(context, row, execution, control).await?;
    started.finish().await?;
    Ok(outcome)
}

/// Runs an execution like [`drive`], and returns the executions that it has started and that still run.
pub(crate) async fn drive_alone(
    context: &Arc<Context>,
    row: ExecutionRow,
    execution: Execution,
    control: Control,
) -> Result<(RunEnd, Companions)> {
    let recovered = recovery::replay(context, &row, execution).await?;
    let driver = Driver::recorded(Arc::clone(context), &row, recovered, control)?;
    let (end, started) = driver.drive_alone().await?;
    let outcome = match end {
        Driven::Ended {
            ending,
            redrive_count,
            redrivable,
        } => {
            let row = ExecutionRow {
                redrive_count,
                redrivable,
                ..row
            };
            RunEnd::Ended(Box::new(finish(context, row, ending).await?))
        }
        Driven::Stopped => RunEnd::Stopped,
    };
    Ok((outcome, started))
}

async fn finish(context: &Context, row: ExecutionRow, ending: Ending) -> Result<ExecutionRow> {
    let (status, output, error) = match ending {
        Ending::Succeeded { output } => (ExecutionStatus::Succeeded, Some(output.to_string()), None),
        Ending::Failed(error) => (ExecutionStatus::Failed, None, Some(error)),
        Ending::TimedOut(error) => (ExecutionStatus::TimedOut, None, Some(error)),
        Ending::Aborted(error) => (ExecutionStatus::Aborted, None, Some(error)),
    };
    let (error, cause) = error.map_or((None, None), |error| (error.error, error.cause));
    let ended = ExecutionRow {
        status,
        stopped: Some(context.ports.clock.now()),
        output,
        error: error.map(|error| error.to_string()),
        cause: cause.map(|cause| cause.to_string()),
        ..row
    };
    let updated = context.ports.journal.update(ended.clone()).await;
    updated.map_err(while_doing("write down the execution's end"))?;
    Ok(ended)
}

/// Writes down the redrive of an execution that ended without success.
///
/// Repeating the call after a crash changes nothing: a journal that ends with a redrive gets no second one.
pub(crate) async fn redrive(context: &Arc<Context>, row: ExecutionRow, execution: Execution) -> Result<ExecutionRow> {
    let recovered = recovery::replay(context, &row, execution).await?;
    let refused = || Error::NotRedrivable { name: row.name.clone() };
    match row.status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => return Err(refused()),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {}
    }
    // A crash may have come between the journal and the row.
    if recovered.execution.is_ended() {
        if !recovered.execution.may_redrive() {
            return Err(refused());
        }
        journal_redrive(context, &row.arn, recovered.sequence).await?;
    }
    let running = ExecutionRow {
        status: ExecutionStatus::Running,
        stopped: None,
        output: None,
        error: None,
        cause: None,
        redrivable: false,
        ..row
    };
    let updated = context.ports.journal.update(running.clone()).await;
    updated.map_err(while_doing("write down the redrive"))?;
    Ok(running)
}

async fn journal_redrive(context: &Context, arn: &ExecutionArn, sequence: u64) -> Result<()> {
    let entry = Entry {
        event: Event::Redrive,
        moment: Moment {
            now: to_asl(context.ports.clock.now()),
            jitter: 0.0,
        },
    };
    let record = JournalRecord {
        sequence,
        record: to_json(&entry),
    };
    let appended = context.ports.journal.append(arn, vec![record]).await;
    appended.map_err(while_doing("write the journal"))
}
