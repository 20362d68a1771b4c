//! Removing executions for good: what a person no longer wants to keep.

use ports::{ExecutionArn, Result};
use rusqlite::Connection;

use super::Records;

/// What belongs to an execution: its map runs' children with their journals, the map runs, the execution itself.
const STATEMENTS: [&str; 7] = [
    "DELETE FROM journal WHERE execution IN (SELECT arn FROM executions WHERE map_run IN
        (SELECT arn FROM map_runs WHERE execution = ?1))",
    "DELETE FROM executions WHERE map_run IN (SELECT arn FROM map_runs WHERE execution = ?1)",
    "DELETE FROM results WHERE map_run IN (SELECT arn FROM map_runs WHERE execution = ?1)",
    "DELETE FROM unsuccessful WHERE map_run IN (SELECT arn FROM map_runs WHERE execution = ?1)",
    "DELETE FROM map_runs WHERE execution = ?1",
    "DELETE FROM journal WHERE execution = ?1",
    "DELETE FROM executions WHERE arn = ?1",
];

impl Records {
    /// Removes an execution with its journal, its map runs and their children. One that is not there is no error.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn remove(&self, execution: &ExecutionArn) -> Result<()> {
        let arn = execution.0.clone();
        self.call("remove an execution", move |connection: &Connection| {
            for statement in STATEMENTS {
                connection.execute(statement, [&arn])?;
            }
            Ok(())
        })
        .await
    }
}
