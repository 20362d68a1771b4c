//! What state machines promise.

use super::assert_kind;
use crate::{
    AliasRow, Cursor, EncryptionConfiguration, ErrorKind, LoggingConfiguration, Result, Revision, Route,
    StateMachineArn, StateMachineRow, StateMachineStatus, StateMachineType, StateMachines, Tags, Timestamp,
};

/// Every check, where there are no state machines yet.
pub async fn all(machines: &dyn StateMachines) -> Result<()> {
    machines_are_listed_by_pages(machines).await?;
    a_definition_is_kept_under_its_digest(machines).await?;
    a_machine_is_created_once(machines).await?;
    an_updated_machine_is_as_it_was_given(machines).await?;
    a_revision_is_published_once(machines).await?;
    a_number_is_not_given_again(machines).await?;
    an_alias_routes_to_versions_that_are_there(machines).await?;
    aliases_are_listed_by_version(machines).await?;
    a_deleted_machine_leaves_nothing_but_its_definition(machines).await
}

/// An Active Standard machine whose definition has been kept.
async fn row(machines: &dyn StateMachines, name: &str) -> Result<StateMachineRow> {
    let created = Timestamp::from_millis(1_795_307_629_120);
    Ok(StateMachineRow {
        arn: StateMachineArn(format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}")),
        name: name.to_owned(),
        kind: StateMachineType::Standard,
        status: StateMachineStatus::Active,
        created,
        updated: created,
        revision: Revision {
            definition: machines.put_definition(DEFINITION).await?,
            role_arn: "arn:aws:iam::000000000000:role/gantry".to_owned(),
            logging: LoggingConfiguration::default(),
            tracing: false,
            encryption: EncryptionConfiguration::default(),
            revision_id: None,
        },
        tags: Tags::new(),
    })
}

const DEFINITION: &str = r#"{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}"#;
const OTHER: &str = r#"{"StartAt":"Ende","States":{"Ende":{"Type":"Succeed","Comment":"größer"}}}"#;

async fn created(machines: &dyn StateMachines, name: &str) -> Result<StateMachineRow> {
    machines.create_state_machine(row(machines, name).await?).await
}

/// A machine with so many versions, each of a revision of its own.
async fn published(machines: &dyn StateMachines, name: &str, versions: u64) -> Result<StateMachineRow> {
    let mut machine = created(machines, name).await?;
    for number in 1..=versions {
        let version = machines
            .publish_version(&machine.arn, None, None, machine.created)
            .await?;
        assert_eq!(version.number, number);
        machine.revision.revision_id = Some(format!("revision-{number}"));
        machines.update_state_machine(machine.clone()).await?;
    }
    Ok(machine)
}

fn alias(machine: &StateMachineRow, name: &str, routes: &[(u64, u8)]) -> AliasRow {
    let routes = routes.iter().map(|&(version, weight)| Route { version, weight });
    AliasRow {
        state_machine: machine.arn.clone(),
        name: name.to_owned(),
        description: None,
        routes: routes.collect(),
        created: machine.created,
        updated: machine.created,
    }
}

/// The newest first, each once, also when one is created between two pages.
pub async fn machines_are_listed_by_pages(machines: &dyn StateMachines) -> Result<()> {
    for name in ["one", "two", "three"] {
        created(machines, name).await?;
    }
    let names = async |after: Option<Cursor>, limit| -> Result<(Vec<String>, Option<Cursor>)> {
        let page = machines.state_machines(after, limit).await?;
        Ok((page.items.into_iter().map(|row| row.name).collect(), page.next))
    };
    let (first, next) = names(None, 2).await?;
    assert_eq!(first, ["three", "two"]);
    assert!(next.is_some(), "there is another page");
    created(machines, "four").await?;
    assert_eq!(names(next, 2).await?, (vec!["one".to_owned()], None));
    let (all, next) = names(None, 4).await?;
    assert_eq!((all.len(), next), (4, None), "a full last page is the last");
    Ok(())
}

/// Byte for byte, once; an unknown digest is not found.
pub async fn a_definition_is_kept_under_its_digest(machines: &dyn StateMachines) -> Result<()> {
    let (one, other) = (
        machines.put_definition(OTHER).await?,
        machines.put_definition(DEFINITION).await?,
    );
    assert_ne!(one, other);
    assert_eq!(machines.put_definition(OTHER).await?, one);
    assert_eq!(machines.definition(&one).await?, OTHER);
    let unknown = crate::DefinitionDigest::from_text("{}");
    assert_kind(
        machines.definition(&unknown).await,
        ErrorKind::NotFound,
        "a text that was never kept",
    );
    let mut machine = row(machines, "no-definition").await?;
    machine.revision.definition = unknown;
    let refused = machines.create_state_machine(machine).await;
    assert_kind(refused, ErrorKind::NotFound, "a machine without a definition");
    Ok(())
}

/// The same request returns the same machine, also with another role and other tags; another content is a conflict.
pub async fn a_machine_is_created_once(machines: &dyn StateMachines) -> Result<()> {
    let one = created(machines, "once").await?;
    let mut again = row(machines, "once").await?;
    again.created = again.created.plus(std::time::Duration::from_secs(1));
    again.revision.role_arn.push_str("-of-another");
    again.tags.insert("owner".to_owned(), "me".to_owned());
    assert_eq!(machines.create_state_machine(again.clone()).await?, one);
    again.kind = StateMachineType::Express;
    let refused = machines.create_state_machine(again.clone()).await;
    assert_kind(refused, ErrorKind::Conflict, "another type");
    again.kind = StateMachineType::Standard;
    again.revision.definition = machines.put_definition(OTHER).await?;
    assert_kind(
        machines.create_state_machine(again).await,
        ErrorKind::Conflict,
        "another definition",
    );
    assert_eq!(machines.state_machine(&one.arn).await?, one);
    let deleting = StateMachineRow {
        status: StateMachineStatus::Deleting,
        ..one.clone()
    };
    machines.update_state_machine(deleting).await?;
    assert_kind(
        machines.create_state_machine(one).await,
        ErrorKind::Conflict,
        "a machine that is being deleted",
    );
    Ok(())
}

/// Every member.
pub async fn an_updated_machine_is_as_it_was_given(machines: &dyn StateMachines) -> Result<()> {
    let mut machine = created(machines, "updated").await?;
    machine.updated = Timestamp::from_millis(1_795_307_629_999);
    machine.tags.insert("ünïcødé".to_owned(), String::new());
    machine.revision = Revision {
        definition: machines.put_definition(OTHER).await?,
        role_arn: "arn:aws:iam::000000000000:role/other".to_owned(),
        logging: LoggingConfiguration {
            level: crate::LogLevel::Error,
            include_execution_data: true,
            destinations: vec!["arn:aws:logs:us-east-1:000000000000:log-group:runs:*".to_owned()],
        },
        tracing: true,
        encryption: EncryptionConfiguration {
            kind: crate::EncryptionType::CustomerManagedKmsKey,
            kms_key_id: Some("alias/gantry".to_owned()),
            kms_data_key_reuse_period_seconds: Some(300),
        },
        revision_id: Some("a0b1".to_owned()),
    };
    machines.update_state_machine(machine.clone()).await?;
    assert_eq!(machines.state_machine(&machine.arn).await?, machine);
    let missing = row(machines, "never-created").await?;
    assert_kind(
        machines.state_machine(&missing.arn).await,
        ErrorKind::NotFound,
        "describe",
    );
    assert_kind(
        machines.update_state_machine(missing).await,
        ErrorKind::NotFound,
        "update",
    );
    Ok(())
}

/// Publishing a revision again returns its version; a revision that is not expected is a conflict.
pub async fn a_revision_is_published_once(machines: &dyn StateMachines) -> Result<()> {
    let mut machine = created(machines, "published").await?;
    let arn = machine.arn.clone();
    let publish = async |expected: Option<&str>, description: Option<&str>| {
        let now = Timestamp::from_millis(9);
        machines
            .publish_version(&arn, expected, description.map(str::to_owned), now)
            .await
    };
    let one = publish(Some("INITIAL"), Some("first")).await?;
    assert_eq!((one.number, one.description.as_deref()), (1, Some("first")));
    assert_eq!(
        (&one.revision, one.created),
        (&machine.revision, Timestamp::from_millis(9))
    );
    assert_eq!(publish(None, Some("first")).await?, one);
    assert_kind(
        publish(None, Some("other")).await,
        ErrorKind::Conflict,
        "another description",
    );
    assert_kind(
        publish(Some("other"), None).await,
        ErrorKind::Conflict,
        "another revision",
    );
    machine.revision.revision_id = Some("second".to_owned());
    machine.revision.definition = machines.put_definition(OTHER).await?;
    machines.update_state_machine(machine.clone()).await?;
    assert_kind(
        publish(Some("INITIAL"), None).await,
        ErrorKind::Conflict,
        "an older revision",
    );
    assert_eq!(publish(Some("second"), None).await?.number, 2);
    assert_eq!(machines.version(&arn, 1).await?, one, "a version does not change");
    let nobody = row(machines, "nobody").await?.arn;
    let refused = machines.publish_version(&nobody, None, None, machine.created).await;
    assert_kind(refused, ErrorKind::NotFound, "a machine that is not there");
    Ok(())
}

/// Also after the last version was deleted; lists are by number.
pub async fn a_number_is_not_given_again(machines: &dyn StateMachines) -> Result<()> {
    let machine = published(machines, "numbers", 3).await?;
    machines.delete_version(&machine.arn, 3).await?;
    machines.delete_version(&machine.arn, 3).await?;
    assert_kind(
        machines.version(&machine.arn, 3).await,
        ErrorKind::NotFound,
        "a deleted version",
    );
    let next = machines
        .publish_version(&machine.arn, None, None, machine.created)
        .await?;
    assert_eq!(next.number, 4);
    let page = machines.versions(&machine.arn, None, 2).await?;
    let numbers: Vec<u64> = page.items.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [4, 2]);
    let page = machines.versions(&machine.arn, page.next, 2).await?;
    assert_eq!((page.items.len(), page.next), (1, None));
    Ok(())
}

/// One or two of them, with weights that make 100; a version that is routed to stays.
pub async fn an_alias_routes_to_versions_that_are_there(machines: &dyn StateMachines) -> Result<()> {
    let machine = published(machines, "routes", 2).await?;
    for routes in [&[][..], &[(1, 99)], &[(1, 50), (1, 50)], &[(1, 50), (2, 60)]] {
        let refused = machines.create_alias(alias(&machine, "PROD", routes)).await;
        assert_kind(refused, ErrorKind::Malformed, "routes that AWS refuses");
    }
    let refused = machines.create_alias(alias(&machine, "PROD", &[(7, 100)])).await;
    assert_kind(refused, ErrorKind::NotFound, "a version that is not there");
    let mut prod = machines.create_alias(alias(&machine, "PROD", &[(1, 100)])).await?;
    assert_eq!(machines.create_alias(prod.clone()).await?, prod);
    let refused = machines.create_alias(alias(&machine, "PROD", &[(2, 100)])).await;
    assert_kind(refused, ErrorKind::Conflict, "another content");
    assert_kind(
        machines.delete_version(&machine.arn, 1).await,
        ErrorKind::Conflict,
        "it is routed to",
    );
    prod.routes = alias(&machine, "PROD", &[(1, 0), (2, 100)]).routes;
    prod.description = Some("moved".to_owned());
    machines.update_alias(prod.clone()).await?;
    assert_eq!(machines.alias(&machine.arn, "PROD").await?, prod);
    let missing = alias(&machine, "TEST", &[(1, 100)]);
    assert_kind(machines.update_alias(missing).await, ErrorKind::NotFound, "update");
    machines.delete_alias(&machine.arn, "PROD").await?;
    assert_kind(
        machines.alias(&machine.arn, "PROD").await,
        ErrorKind::NotFound,
        "describe",
    );
    assert_kind(
        machines.delete_alias(&machine.arn, "PROD").await,
        ErrorKind::NotFound,
        "delete",
    );
    machines.delete_version(&machine.arn, 1).await
}

/// By pages, the newest first, all or those of one version.
pub async fn aliases_are_listed_by_version(machines: &dyn StateMachines) -> Result<()> {
    let machine = published(machines, "aliases", 2).await?;
    for (name, routes) in [("A", &[(1, 100)][..]), ("B", &[(2, 100)]), ("C", &[(1, 10), (2, 90)])] {
        machines.create_alias(alias(&machine, name, routes)).await?;
    }
    let names = async |version, after| -> Result<(Vec<String>, Option<Cursor>)> {
        let page = machines.aliases(&machine.arn, version, after, 2).await?;
        Ok((page.items.into_iter().map(|alias| alias.name).collect(), page.next))
    };
    let (first, next) = names(None, None).await?;
    assert_eq!(first, ["C", "B"]);
    assert_eq!(names(None, next).await?, (vec!["A".to_owned()], None));
    assert_eq!(names(Some(1), None).await?.0, ["C", "A"]);
    Ok(())
}

/// Versions and aliases go with it; the definition stays for executions that still have to be replayed.
pub async fn a_deleted_machine_leaves_nothing_but_its_definition(machines: &dyn StateMachines) -> Result<()> {
    let machine = published(machines, "deleted", 1).await?;
    machines.create_alias(alias(&machine, "PROD", &[(1, 100)])).await?;
    machines.delete_state_machine(&machine.arn).await?;
    machines.delete_state_machine(&machine.arn).await?;
    assert_kind(
        machines.state_machine(&machine.arn).await,
        ErrorKind::NotFound,
        "describe",
    );
    assert_kind(
        machines.version(&machine.arn, 1).await,
        ErrorKind::NotFound,
        "its version",
    );
    assert_kind(
        machines.alias(&machine.arn, "PROD").await,
        ErrorKind::NotFound,
        "its alias",
    );
    assert_eq!(machines.definition(&machine.revision.definition).await?, DEFINITION);
    let again = created(machines, "deleted").await?;
    let version = machines.publish_version(&again.arn, None, None, again.created).await?;
    assert_eq!(version.number, 1, "a new machine counts from 1");
    Ok(())
}
