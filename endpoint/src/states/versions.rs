//! Versions of a state machine: publish, list, delete.

use ports::{ErrorKind, PAGE_MAX, StateMachineArn, VersionRow};
use serde::{Deserialize, Serialize};

use super::state_machines::find;
use crate::App;
use crate::arn::{MachineArn, Qualifier, version};
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

/// The revision's name before the first update. **Source**: `API_PublishStateMachineVersion.html`.
const INITIAL: &str = "INITIAL";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Publish {
    state_machine_arn: String,
    revision_id: Option<String>,
    description: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    state_machine_version_arn: String,
    creation_date: Date,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListRequest {
    state_machine_arn: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    state_machine_versions: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    state_machine_version_arn: String,
}

impl From<VersionRow> for Listed {
    fn from(row: VersionRow) -> Self {
        Self {
            state_machine_version_arn: version(&row.state_machine, row.number),
            creation_date: Date(row.created),
        }
    }
}

/// `PublishStateMachineVersion`.
pub(crate) async fn publish(app: &App, request: Publish) -> Result<Listed, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    if arn.qualifier.is_some() {
        return Err(ApiError::no_state_machine(&request.state_machine_arn));
    }
    let expected = request.revision_id.as_deref();
    let published = publish_revision(app, &arn.machine, expected, request.description).await;
    published.map(Listed::from)
}

/// Publishes the newest revision, if it is the expected one.
pub(crate) async fn publish_revision(
    app: &App,
    arn: &StateMachineArn,
    expected: Option<&str>,
    description: Option<String>,
) -> Result<VersionRow, ApiError> {
    let now = app.parts.clock.now();
    let published = app
        .parts
        .state_machines
        .publish_version(arn, expected, description, now)
        .await;
    match published {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ApiError::no_state_machine(arn)),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(refused(app, arn, expected).await?),
        published => Ok(published?),
    }
}

/// Why a version was not published.
async fn refused(app: &App, arn: &StateMachineArn, expected: Option<&str>) -> Result<ApiError, ApiError> {
    let current = find(app, arn).await?.revision.revision_id;
    let current = current.as_deref().unwrap_or(INITIAL);
    Ok(match expected {
        Some(expected) if expected != current => ApiError::conflict(format!(
            "Failed to publish the State Machine version for revision {expected}. \
             The current State Machine revision is {current}."
        )),
        Some(_) | None => ApiError::conflict(format!(
            "Failed to publish the State Machine version for revision {current}. \
             A version of this revision with a different description already exists."
        )),
    })
}

/// `ListStateMachineVersions`.
pub(crate) async fn list(app: &App, request: ListRequest) -> Result<List, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    let (after, limit) = (request.paging.after()?, request.paging.limit());
    let listed = app.parts.state_machines.versions(&arn.machine, after, limit).await?;
    Ok(List {
        state_machine_versions: listed.items.into_iter().map(Listed::from).collect(),
        next_token: page::token(listed.next),
    })
}

/// `DeleteStateMachineVersion`.
pub(crate) async fn delete(app: &App, request: Named) -> Result<super::Empty, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_version_arn)?;
    let Some(Qualifier::Version(number)) = arn.qualifier else {
        let message = format!(
            "Invalid state machine version ARN: {}",
            request.state_machine_version_arn
        );
        return Err(ApiError::InvalidArn(message));
    };
    match app.parts.state_machines.delete_version(&arn.machine, number).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(referenced(app, &arn.machine, number).await?),
        deleted => {
            deleted?;
            Ok(super::Empty {})
        }
    }
}

async fn referenced(app: &App, arn: &StateMachineArn, number: u64) -> Result<ApiError, ApiError> {
    let aliases = app
        .parts
        .state_machines
        .aliases(arn, Some(number), None, PAGE_MAX)
        .await?;
    let names: Vec<String> = aliases.items.into_iter().rev().map(|alias| alias.name).collect();
    Ok(ApiError::conflict(format!(
        "Version to be deleted must not be referenced by an alias. \
         Current list of aliases referencing this version: [{}]",
        names.join(", ")
    )))
}
