//! State machines, their definitions, versions and aliases.

use async_trait::async_trait;
use ports::{
    AliasRow, Cursor, DefinitionDigest, Error, ErrorKind, Page, Result, StateMachineArn, StateMachineRow,
    StateMachineStatus, StateMachines, Timestamp, VersionRow,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::pages::{self, Entries};
use super::{Records, as_i64, as_u64, from_json, refuse, to_json};

fn not_found(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what}"))
}

fn no_alias(state_machine: &StateMachineArn, name: &str) -> Error {
    not_found(&format!("alias `{name}` of `{state_machine}`"))
}

fn no_version(state_machine: &StateMachineArn, number: u64) -> Error {
    not_found(&format!("version {number} of `{state_machine}`"))
}

/// Refuses what another content stands in the way of.
fn conflict<T>(text: String) -> rusqlite::Result<T> {
    Err(refuse(Error::new(ErrorKind::Conflict, text)))
}

#[async_trait]
impl StateMachines for Records {
    async fn put_definition(&self, text: &str) -> Result<DefinitionDigest> {
        let (digest, text) = (DefinitionDigest::from_text(text), text.to_owned());
        let put = self.call("keep a definition", move |connection| {
            let mut insert = connection
                .prepare_cached("INSERT INTO definitions (digest, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
            insert.execute([digest.as_str(), &text])?;
            Ok(digest)
        });
        put.await
    }

    async fn definition(&self, digest: &DefinitionDigest) -> Result<String> {
        let digest = digest.clone();
        let read = self.call("read a definition", move |connection| definition(connection, &digest));
        read.await
    }

    async fn create_state_machine(&self, row: StateMachineRow) -> Result<StateMachineRow> {
        let created = self.call("create a state machine", move |connection| {
            definition(connection, &row.revision.definition)?;
            if let Some((found, _)) = find_machine(connection, &row.arn)? {
                if found.status == StateMachineStatus::Active && found.is_repeated_by(&row) {
                    return Ok(found);
                }
                return conflict(format!("there is another state machine `{}` already", row.arn));
            }
            let json = to_json(&row).map_err(refuse)?;
            let mut insert =
                connection.prepare_cached("INSERT INTO state_machines (arn, last_version, row) VALUES (?1, 0, ?2)")?;
            insert.execute([&row.arn.0, &json])?;
            Ok(row)
        });
        created.await
    }

    async fn state_machine(&self, arn: &StateMachineArn) -> Result<StateMachineRow> {
        let arn = arn.clone();
        let read = self.call("read a state machine", move |connection| machine(connection, &arn));
        Ok(read.await?.0)
    }

    async fn update_state_machine(&self, row: StateMachineRow) -> Result<()> {
        let updated = self.call("update a state machine", move |connection| {
            definition(connection, &row.revision.definition)?;
            machine(connection, &row.arn)?;
            let json = to_json(&row).map_err(refuse)?;
            let mut update = connection.prepare_cached("UPDATE state_machines SET row = ?2 WHERE arn = ?1")?;
            update.execute([&row.arn.0, &json]).map(drop)
        });
        updated.await
    }

    async fn delete_state_machine(&self, arn: &StateMachineArn) -> Result<()> {
        let arn = arn.0.clone();
        let deleted = self.call("delete a state machine", move |connection| {
            connection.execute("DELETE FROM aliases WHERE state_machine = ?1", [&arn])?;
            connection.execute("DELETE FROM versions WHERE state_machine = ?1", [&arn])?;
            connection
                .execute("DELETE FROM state_machines WHERE arn = ?1", [&arn])
                .map(drop)
        });
        deleted.await
    }

    async fn state_machines(&self, after: Option<Cursor>, limit: usize) -> Result<Page<StateMachineRow>> {
        let listed = self.call("list the state machines", move |connection| {
            let all = Entries {
                select: "SELECT ordinal, row FROM state_machines WHERE ordinal < ?1 ORDER BY ordinal DESC",
                keys: &[],
            };
            pages::page(connection, &all, after, limit, |_| true)
        });
        listed.await
    }

    async fn publish_version(
        &self,
        state_machine: &StateMachineArn,
        expected: Option<&str>,
        description: Option<String>,
        now: Timestamp,
    ) -> Result<VersionRow> {
        let (arn, expected) = (state_machine.clone(), expected.map(str::to_owned));
        let published = self.call("publish a version", move |connection| {
            let (machine, last) = machine(connection, &arn)?;
            let revision_id = machine.revision.revision_id.as_deref().unwrap_or("INITIAL");
            if expected.is_some_and(|expected| expected != revision_id) {
                return conflict(format!("the newest revision of `{arn}` is another one"));
            }
            if let Some(latest) = latest_version(connection, &arn)?.filter(|latest| latest.revision == machine.revision)
            {
                if latest.description == description {
                    return Ok(latest);
                }
                return conflict(format!("version {} of `{arn}` has another description", latest.number));
            }
            let version = VersionRow {
                state_machine: arn,
                number: last + 1,
                description,
                created: now,
                revision: machine.revision,
            };
            insert_version(connection, &version)?;
            Ok(version)
        });
        published.await
    }

    async fn version(&self, state_machine: &StateMachineArn, number: u64) -> Result<VersionRow> {
        let arn = state_machine.clone();
        let read = self.call("read a version", move |connection| {
            machine(connection, &arn)?;
            let found = version(connection, &arn, number)?;
            found.ok_or_else(|| refuse(no_version(&arn, number)))
        });
        read.await
    }

    async fn delete_version(&self, state_machine: &StateMachineArn, number: u64) -> Result<()> {
        let arn = state_machine.clone();
        let deleted = self.call("delete a version", move |connection| {
            let routing = aliases(connection, &arn, Some(number), None, 1)?;
            if let Some(alias) = routing.items.first() {
                return conflict(format!("alias `{}` routes to version {number} of `{arn}`", alias.name));
            }
            let mut delete =
                connection.prepare_cached("DELETE FROM versions WHERE state_machine = ?1 AND number = ?2")?;
            delete.execute(params![arn.0, as_i64(number)]).map(drop)
        });
        deleted.await
    }

    async fn versions(
        &self,
        state_machine: &StateMachineArn,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<VersionRow>> {
        let arn = state_machine.clone();
        let listed = self.call("list the versions", move |connection| {
            machine(connection, &arn)?;
            let all = Entries {
                select: "SELECT number, row FROM versions WHERE number < ?1 AND state_machine = ?2 ORDER BY number DESC",
                keys: &[&arn.0],
            };
            pages::page(connection, &all, after, limit, |_| true)
        });
        listed.await
    }

    async fn create_alias(&self, row: AliasRow) -> Result<AliasRow> {
        let created = self.call("create an alias", move |connection| {
            check_alias(connection, &row)?;
            if let Some(found) = find_alias(connection, &row.state_machine, &row.name)? {
                if found.is_repeated_by(&row) {
                    return Ok(found);
                }
                let (name, arn) = (&row.name, &row.state_machine);
                return conflict(format!("there is another alias `{name}` of `{arn}` already"));
            }
            let json = to_json(&row).map_err(refuse)?;
            let mut insert =
                connection.prepare_cached("INSERT INTO aliases (state_machine, name, row) VALUES (?1, ?2, ?3)")?;
            insert.execute([&row.state_machine.0, &row.name, &json])?;
            Ok(row)
        });
        created.await
    }

    async fn alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<AliasRow> {
        let (arn, name) = (state_machine.clone(), name.to_owned());
        let read = self.call("read an alias", move |connection| {
            machine(connection, &arn)?;
            let found = find_alias(connection, &arn, &name)?;
            found.ok_or_else(|| refuse(no_alias(&arn, &name)))
        });
        read.await
    }

    async fn update_alias(&self, row: AliasRow) -> Result<()> {
        let updated = self.call("update an alias", move |connection| {
            check_alias(connection, &row)?;
            let json = to_json(&row).map_err(refuse)?;
            let mut update =
                connection.prepare_cached("UPDATE aliases SET row = ?3 WHERE state_machine = ?1 AND name = ?2")?;
            match update.execute([&row.state_machine.0, &row.name, &json])? {
                0 => Err(refuse(no_alias(&row.state_machine, &row.name))),
                _ => Ok(()),
            }
        });
        updated.await
    }

    async fn delete_alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<()> {
        let (arn, name) = (state_machine.clone(), name.to_owned());
        let deleted = self.call("delete an alias", move |connection| {
            machine(connection, &arn)?;
            let mut delete = connection.prepare_cached("DELETE FROM aliases WHERE state_machine = ?1 AND name = ?2")?;
            match delete.execute([&arn.0, &name])? {
                0 => Err(refuse(no_alias(&arn, &name))),
                _ => Ok(()),
            }
        });
        deleted.await
    }

    async fn aliases(
        &self,
        state_machine: &StateMachineArn,
        version: Option<u64>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<AliasRow>> {
        let arn = state_machine.clone();
        let listed = self.call("list the aliases", move |connection| {
            machine(connection, &arn)?;
            aliases(connection, &arn, version, after, limit)
        });
        listed.await
    }
}

fn definition(connection: &Connection, digest: &DefinitionDigest) -> rusqlite::Result<String> {
    let mut select = connection.prepare_cached("SELECT text FROM definitions WHERE digest = ?1")?;
    let found = select.query_row([digest.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| refuse(not_found(&format!("definition with the digest `{digest}`"))))
}

/// A machine's row, and the number of the version that was published last.
fn find_machine(connection: &Connection, arn: &StateMachineArn) -> rusqlite::Result<Option<(StateMachineRow, u64)>> {
    let mut select = connection.prepare_cached("SELECT row, last_version FROM state_machines WHERE arn = ?1")?;
    let found = select.query_row([&arn.0], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
    let Some((json, last)) = found.optional()? else {
        return Ok(None);
    };
    Ok(Some((from_json(&json).map_err(refuse)?, as_u64(last))))
}

/// Like [`find_machine`], with an error when there is no such machine.
fn machine(connection: &Connection, arn: &StateMachineArn) -> rusqlite::Result<(StateMachineRow, u64)> {
    let found = find_machine(connection, arn)?;
    found.ok_or_else(|| refuse(not_found(&format!("state machine `{arn}`"))))
}

fn version(connection: &Connection, arn: &StateMachineArn, number: u64) -> rusqlite::Result<Option<VersionRow>> {
    let mut select = connection.prepare_cached("SELECT row FROM versions WHERE state_machine = ?1 AND number = ?2")?;
    let found = select.query_row(params![arn.0, as_i64(number)], |row| row.get::<_, String>(0));
    found
        .optional()?
        .map(|json| from_json(&json).map_err(refuse))
        .transpose()
}

fn latest_version(connection: &Connection, arn: &StateMachineArn) -> rusqlite::Result<Option<VersionRow>> {
    let mut select =
        connection.prepare_cached("SELECT row FROM versions WHERE state_machine = ?1 ORDER BY number DESC LIMIT 1")?;
    let found = select.query_row([&arn.0], |row| row.get::<_, String>(0));
    found
        .optional()?
        .map(|json| from_json(&json).map_err(refuse))
        .transpose()
}

fn insert_version(connection: &Connection, version: &VersionRow) -> rusqlite::Result<()> {
    let (arn, number) = (&version.state_machine.0, as_i64(version.number));
    let json = to_json(version).map_err(refuse)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO versions (state_machine, number, row) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![arn, number, json])?;
    let mut update = connection.prepare_cached("UPDATE state_machines SET last_version = ?2 WHERE arn = ?1")?;
    update.execute(params![arn, number]).map(drop)
}

fn find_alias(connection: &Connection, arn: &StateMachineArn, name: &str) -> rusqlite::Result<Option<AliasRow>> {
    let mut select = connection.prepare_cached("SELECT row FROM aliases WHERE state_machine = ?1 AND name = ?2")?;
    let found = select.query_row([arn.0.as_str(), name], |row| row.get::<_, String>(0));
    found
        .optional()?
        .map(|json| from_json(&json).map_err(refuse))
        .transpose()
}

/// The alias is well formed, and its state machine and all its versions exist.
fn check_alias(connection: &Connection, alias: &AliasRow) -> rusqlite::Result<()> {
    machine(connection, &alias.state_machine)?;
    alias.check().map_err(refuse)?;
    for route in &alias.routes {
        if version(connection, &alias.state_machine, route.version)?.is_none() {
            return Err(refuse(no_version(&alias.state_machine, route.version)));
        }
    }
    Ok(())
}

fn aliases(
    connection: &Connection,
    arn: &StateMachineArn,
    version: Option<u64>,
    after: Option<Cursor>,
    limit: usize,
) -> rusqlite::Result<Page<AliasRow>> {
    let all = Entries {
        select: "SELECT ordinal, row FROM aliases WHERE ordinal < ?1 AND state_machine = ?2 ORDER BY ordinal DESC",
        keys: &[&arn.0],
    };
    let is_wanted =
        |alias: &AliasRow| version.is_none_or(|version| alias.routes.iter().any(|route| route.version == version));
    pages::page(connection, &all, after, limit, is_wanted)
}
