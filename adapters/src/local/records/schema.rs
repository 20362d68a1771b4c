//! The tables of the records.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

/// The schema that this gantry reads and writes. A file with another one is refused.
pub(super) const SCHEMA_VERSION: u32 = 3;

/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A new file's tables. Ordinals ascend with time, so each index is in the order of the lists that it serves. Those of
/// children do not hold other executions and the other way round: a map run may have a million children.
const TABLES: &str = "
    CREATE TABLE executions (
        ordinal INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state_machine TEXT NOT NULL,
        status TEXT NOT NULL, map_run TEXT, row TEXT NOT NULL
    ) STRICT;
    CREATE INDEX children_by_map_run ON executions (map_run, ordinal) WHERE map_run IS NOT NULL;
    CREATE INDEX children_by_status ON executions (map_run, status, ordinal) WHERE map_run IS NOT NULL;
    CREATE INDEX executions_by_ordinal ON executions (ordinal) WHERE map_run IS NULL;
    CREATE INDEX executions_by_status ON executions (status, ordinal) WHERE map_run IS NULL;
    CREATE INDEX executions_by_state_machine ON executions (state_machine, ordinal) WHERE map_run IS NULL;
    CREATE INDEX executions_by_state_machine_and_status ON executions (state_machine, status, ordinal)
        WHERE map_run IS NULL;

    CREATE TABLE journal (
        execution TEXT NOT NULL, sequence INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (execution, sequence)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE map_runs (
        ordinal INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, execution TEXT, state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX map_runs_by_execution ON map_runs (execution, ordinal);

    CREATE TABLE results (
        map_run TEXT NOT NULL, status TEXT NOT NULL, position INTEGER NOT NULL, lines BLOB NOT NULL,
        PRIMARY KEY (map_run, status, position)
    ) STRICT;

    CREATE TABLE unsuccessful (
        map_run TEXT NOT NULL, attempt INTEGER NOT NULL, position INTEGER NOT NULL, lines BLOB NOT NULL,
        PRIMARY KEY (map_run, attempt, position)
    ) STRICT;

    CREATE TABLE notifications (
        ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL, notification TEXT NOT NULL
    ) STRICT;

    CREATE TABLE definitions (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE state_machines (
        ordinal INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, last_version INTEGER NOT NULL, row TEXT NOT NULL
    ) STRICT;

    CREATE TABLE versions (
        state_machine TEXT NOT NULL, number INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (state_machine, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aliases (
        ordinal INTEGER PRIMARY KEY, state_machine TEXT NOT NULL, name TEXT NOT NULL, row TEXT NOT NULL,
        UNIQUE (state_machine, name)
    ) STRICT;
    CREATE INDEX aliases_by_state_machine ON aliases (state_machine, ordinal);

    CREATE TABLE activities (
        ordinal INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, row TEXT NOT NULL
    ) STRICT;
";

/// Sets a connection up.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Makes the tables of a new file, all or nothing, and returns which schema the file has.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<u32> {
    // A file that has tables is only looked at, without a lock.
    let found = version(connection)?;
    if found != 0 {
        return Ok(found);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found != 0 {
        return Ok(found);
    }
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(SCHEMA_VERSION)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
