//! The tables of the records, and how those of an older gantry become them.

use rusqlite::{Connection, TransactionBehavior};

/// The schema that this gantry reads and writes.
pub(super) const SCHEMA_VERSION: u32 = 2;

/// A new file's tables, as the first schema had them. `STEPS` make the others of them.
pub(super) const FIRST_SCHEMA: &str = "
    CREATE TABLE executions (
        arn TEXT PRIMARY KEY, ordinal INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, state_machine TEXT NOT NULL,
        status TEXT NOT NULL, row TEXT NOT NULL
    ) STRICT;
    CREATE TABLE journal (
        execution TEXT NOT NULL, sequence INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (execution, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE map_runs (arn TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
    CREATE TABLE results (
        map_run TEXT NOT NULL, status TEXT NOT NULL, position INTEGER NOT NULL, lines BLOB NOT NULL,
        PRIMARY KEY (map_run, status, position)
    ) STRICT;
    CREATE TABLE notifications (
        id TEXT PRIMARY KEY, ordinal INTEGER NOT NULL UNIQUE, message_id TEXT NOT NULL, notification TEXT NOT NULL
    ) STRICT;
";

/// What makes schema `n + 2` of schema `n + 1`.
const STEPS: [&str; 1] = [
    // Children in the journal, map runs by their execution, what did not succeed.
    "
    ALTER TABLE executions ADD COLUMN map_run TEXT;
    CREATE INDEX executions_of_map_runs ON executions (map_run, status, ordinal);
    CREATE INDEX executions_by_map_run ON executions (map_run, ordinal);
    ALTER TABLE map_runs RENAME TO map_runs_1;
    CREATE TABLE map_runs (
        ordinal INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, execution TEXT, state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX map_runs_of_executions ON map_runs (execution, ordinal);
    INSERT INTO map_runs (arn, state)
        SELECT arn, json_set(json_remove(state, '$.closed'), '$.status', CASE
            WHEN NOT json_extract(state, '$.closed') THEN 'RUNNING'
            WHEN json_extract(state, '$.failure') IS NULL THEN 'SUCCEEDED' ELSE 'FAILED' END)
        FROM map_runs_1 ORDER BY rowid;
    DROP TABLE map_runs_1;
    CREATE TABLE unsuccessful (
        map_run TEXT NOT NULL, attempt INTEGER NOT NULL, position INTEGER NOT NULL, lines BLOB NOT NULL,
        PRIMARY KEY (map_run, attempt, position)
    ) STRICT;
    ",
];

pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Makes the tables of a new file, and of an older one what they are now: all or nothing. Says which schema it has then.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<u32> {
    // Whoever only looks something up takes no lock.
    let found = schema(connection)?;
    if found >= SCHEMA_VERSION {
        return Ok(found);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = schema(&transaction)?;
    if found >= SCHEMA_VERSION {
        return Ok(found);
    }
    if found == 0 {
        transaction.execute_batch(FIRST_SCHEMA)?;
    }
    for (version, step) in (2..).zip(STEPS) {
        if found < version {
            transaction.execute_batch(step)?;
        }
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(SCHEMA_VERSION)
}

fn schema(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
