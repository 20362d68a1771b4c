//! State machines in maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{lock, newest_first};
use crate::{
    AliasRow, Cursor, DefinitionDigest, Error, ErrorKind, Page, Result, StateMachineArn, StateMachineRow,
    StateMachineStatus, Timestamp, VersionRow,
};

/// State machines in maps.
#[derive(Debug, Default)]
pub struct StateMachines {
    definitions: Mutex<BTreeMap<DefinitionDigest, String>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Machines and aliases that were ever created: the next ordinal.
    created: u64,
    machines: BTreeMap<StateMachineArn, Machine>,
}

#[derive(Debug)]
struct Machine {
    row: (u64, StateMachineRow),
    published: u64,
    versions: BTreeMap<u64, (u64, VersionRow)>,
    aliases: BTreeMap<String, (u64, AliasRow)>,
}

impl State {
    fn machine(&mut self, arn: &StateMachineArn) -> Result<&mut Machine> {
        let found = self.machines.get_mut(arn);
        found.ok_or_else(|| not_found(&format!("state machine `{arn}`")))
    }

    fn next_ordinal(&mut self) -> u64 {
        self.created += 1;
        self.created
    }
}

impl Machine {
    /// The alias is well formed and all its versions are there.
    fn check(&self, alias: &AliasRow) -> Result<()> {
        alias.check()?;
        let missing = alias
            .routes
            .iter()
            .find(|route| !self.versions.contains_key(&route.version));
        match missing {
            None => Ok(()),
            Some(route) => Err(not_found(&format!(
                "version {} of `{}`",
                route.version, alias.state_machine
            ))),
        }
    }

    fn publish(&mut self, expected: Option<&str>, description: Option<String>, now: Timestamp) -> Result<VersionRow> {
        let machine = &self.row.1;
        let revision_id = machine.revision.revision_id.as_deref();
        if expected.is_some_and(|expected| expected != revision_id.unwrap_or("INITIAL")) {
            return Err(conflict(&format!(
                "the newest revision of `{}` is another one",
                machine.arn
            )));
        }
        let latest = self.versions.values().next_back().map(|(_, version)| version);
        if let Some(latest) = latest.filter(|latest| latest.revision == machine.revision) {
            if latest.description == description {
                return Ok(latest.clone());
            }
            let text = format!("version {} of `{}` has another description", latest.number, machine.arn);
            return Err(conflict(&text));
        }
        self.published += 1;
        let version = VersionRow {
            state_machine: machine.arn.clone(),
            number: self.published,
            description,
            created: now,
            revision: machine.revision.clone(),
        };
        self.versions.insert(self.published, (self.published, version.clone()));
        Ok(version)
    }
}

fn not_found(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what}"))
}

fn conflict(text: &str) -> Error {
    Error::new(ErrorKind::Conflict, text)
}

fn no_alias(state_machine: &StateMachineArn, name: &str) -> Error {
    not_found(&format!("alias `{name}` of `{state_machine}`"))
}

#[async_trait]
impl crate::StateMachines for StateMachines {
    async fn put_definition(&self, text: &str) -> Result<DefinitionDigest> {
        let digest = DefinitionDigest::from_text(text);
        let mut definitions = lock(&self.definitions);
        definitions.entry(digest.clone()).or_insert_with(|| text.to_owned());
        Ok(digest)
    }

    async fn definition(&self, digest: &DefinitionDigest) -> Result<String> {
        let found = lock(&self.definitions).get(digest).cloned();
        found.ok_or_else(|| not_found(&format!("definition with the digest `{digest}`")))
    }

    async fn create_state_machine(&self, row: StateMachineRow) -> Result<StateMachineRow> {
        self.definition(&row.revision.definition).await?;
        let mut state = lock(&self.state);
        if let Some(Machine { row: (_, found), .. }) = state.machines.get(&row.arn) {
            if found.status == StateMachineStatus::Active && found.is_repeated_by(&row) {
                return Ok(found.clone());
            }
            return Err(conflict(&format!(
                "there is another state machine `{}` already",
                row.arn
            )));
        }
        let machine = Machine {
            row: (state.next_ordinal(), row.clone()),
            published: 0,
            versions: BTreeMap::new(),
            aliases: BTreeMap::new(),
        };
        state.machines.insert(row.arn.clone(), machine);
        Ok(row)
    }

    async fn state_machine(&self, arn: &StateMachineArn) -> Result<StateMachineRow> {
        Ok(lock(&self.state).machine(arn)?.row.1.clone())
    }

    async fn update_state_machine(&self, row: StateMachineRow) -> Result<()> {
        self.definition(&row.revision.definition).await?;
        let mut state = lock(&self.state);
        let (_, found) = &mut state.machine(&row.arn)?.row;
        *found = row;
        Ok(())
    }

    async fn delete_state_machine(&self, arn: &StateMachineArn) -> Result<()> {
        lock(&self.state).machines.remove(arn);
        Ok(())
    }

    async fn state_machines(&self, after: Option<Cursor>, limit: usize) -> Result<Page<StateMachineRow>> {
        let state = lock(&self.state);
        let rows = state.machines.values().map(|machine| &machine.row);
        Ok(Page::from_newest(newest_first(rows, after), limit))
    }

    async fn publish_version(
        &self,
        state_machine: &StateMachineArn,
        expected: Option<&str>,
        description: Option<String>,
        now: Timestamp,
    ) -> Result<VersionRow> {
        let mut state = lock(&self.state);
        state.machine(state_machine)?.publish(expected, description, now)
    }

    async fn version(&self, state_machine: &StateMachineArn, number: u64) -> Result<VersionRow> {
        let mut state = lock(&self.state);
        let found = state.machine(state_machine)?.versions.get(&number);
        let found = found.map(|(_, version)| version.clone());
        found.ok_or_else(|| not_found(&format!("version {number} of `{state_machine}`")))
    }

    async fn delete_version(&self, state_machine: &StateMachineArn, number: u64) -> Result<()> {
        let mut state = lock(&self.state);
        let Some(machine) = state.machines.get_mut(state_machine) else {
            return Ok(());
        };
        let mut aliases = machine.aliases.values().map(|(_, alias)| alias);
        if let Some(alias) = aliases.find(|alias| routes_to(alias, number)) {
            let text = format!("alias `{}` routes to version {number} of `{state_machine}`", alias.name);
            return Err(conflict(&text));
        }
        machine.versions.remove(&number);
        Ok(())
    }

    async fn versions(
        &self,
        state_machine: &StateMachineArn,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<VersionRow>> {
        let mut state = lock(&self.state);
        let versions = state.machine(state_machine)?.versions.values();
        Ok(Page::from_newest(newest_first(versions, after), limit))
    }

    async fn create_alias(&self, row: AliasRow) -> Result<AliasRow> {
        let mut state = lock(&self.state);
        let ordinal = state.next_ordinal();
        let machine = state.machine(&row.state_machine)?;
        machine.check(&row)?;
        if let Some((_, found)) = machine.aliases.get(&row.name) {
            if found.is_repeated_by(&row) {
                return Ok(found.clone());
            }
            let text = format!(
                "there is another alias `{}` of `{}` already",
                row.name, row.state_machine
            );
            return Err(conflict(&text));
        }
        machine.aliases.insert(row.name.clone(), (ordinal, row.clone()));
        Ok(row)
    }

    async fn alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<AliasRow> {
        let mut state = lock(&self.state);
        let found = state.machine(state_machine)?.aliases.get(name);
        let found = found.map(|(_, alias)| alias.clone());
        found.ok_or_else(|| no_alias(state_machine, name))
    }

    async fn update_alias(&self, row: AliasRow) -> Result<()> {
        let mut state = lock(&self.state);
        let machine = state.machine(&row.state_machine)?;
        machine.check(&row)?;
        let found = machine.aliases.get_mut(&row.name);
        let (_, found) = found.ok_or_else(|| no_alias(&row.state_machine, &row.name))?;
        *found = row;
        Ok(())
    }

    async fn delete_alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<()> {
        let mut state = lock(&self.state);
        let deleted = state.machine(state_machine)?.aliases.remove(name);
        deleted.map(drop).ok_or_else(|| no_alias(state_machine, name))
    }

    async fn aliases(
        &self,
        state_machine: &StateMachineArn,
        version: Option<u64>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<AliasRow>> {
        let mut state = lock(&self.state);
        let aliases = state.machine(state_machine)?.aliases.values();
        let wanted = aliases.filter(|(_, alias)| version.is_none_or(|version| routes_to(alias, version)));
        Ok(Page::from_newest(newest_first(wanted, after), limit))
    }
}

fn routes_to(alias: &AliasRow, version: u64) -> bool {
    alias.routes.iter().any(|route| route.version == version)
}
