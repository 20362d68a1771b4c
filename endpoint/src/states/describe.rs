//! `DescribeStateMachine`.

use std::collections::BTreeMap;

use ports::{ErrorKind, Revision, StateMachineRow, StateMachineStatus, StateMachineType, VersionRow};
use serde::{Deserialize, Serialize};

use super::configuration::{Encryption, Logging, Tracing};
use super::definition;
use crate::App;
use crate::arn::{MachineArn, Qualifier, version};
use crate::date::Date;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    state_machine_arn: String,
    #[serde(default)]
    included_data: IncludedData,
}

/// Whether definitions and payloads are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum IncludedData {
    #[default]
    AllData,
    MetadataOnly,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    state_machine_arn: String,
    name: String,
    status: StateMachineStatus,
    #[serde(rename = "type")]
    kind: StateMachineType,
    creation_date: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(flatten)]
    revision: DescribedRevision,
}

/// What a revision says of itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedRevision {
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    role_arn: String,
    logging_configuration: Logging,
    tracing_configuration: Tracing,
    encryption_configuration: Encryption,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variable_references: BTreeMap<String, Vec<String>>,
}

/// Describes a state machine or one of its versions.
pub(crate) async fn describe(app: &App, request: Request) -> Result<Described, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    let missing = || ApiError::no_state_machine(&request.state_machine_arn);
    let row = app.parts.state_machines.state_machine(&arn.machine).await;
    let row = row.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return missing();
        }
        error.into()
    })?;
    match arn.qualifier {
        None => of_machine(app, row, request.included_data).await,
        Some(Qualifier::Version(number)) => {
            let found = app.parts.state_machines.version(&arn.machine, number).await;
            match found {
                Err(error) if error.kind() == ErrorKind::NotFound => Err(missing()),
                found => of_version(app, row, found?, request.included_data).await,
            }
        }
        Some(Qualifier::Alias(_)) => Err(missing()),
    }
}

async fn of_machine(app: &App, row: StateMachineRow, included: IncludedData) -> Result<Described, ApiError> {
    Ok(Described {
        state_machine_arn: row.arn.0,
        name: row.name,
        status: row.status,
        kind: row.kind,
        creation_date: Date(row.created),
        description: None,
        revision: describe_revision(app, row.revision, row.kind, included).await?,
    })
}

async fn of_version(
    app: &App,
    row: StateMachineRow,
    of: VersionRow,
    included: IncludedData,
) -> Result<Described, ApiError> {
    Ok(Described {
        state_machine_arn: version(&of.state_machine, of.number),
        name: row.name,
        status: row.status,
        kind: row.kind,
        creation_date: Date(of.created),
        description: of.description,
        revision: describe_revision(app, of.revision, row.kind, included).await?,
    })
}

/// Describes what a machine, a version or an execution runs.
pub(crate) async fn describe_revision(
    app: &App,
    revision: Revision,
    kind: StateMachineType,
    included: IncludedData,
) -> Result<DescribedRevision, ApiError> {
    let text = app.parts.state_machines.definition(&revision.definition).await?;
    let machine = definition::check(&text, kind);
    let variables = machine.map(|machine| machine.variable_references().clone());
    Ok(DescribedRevision {
        definition: (included == IncludedData::AllData).then_some(text),
        role_arn: revision.role_arn,
        logging_configuration: revision.logging.into(),
        tracing_configuration: Tracing {
            enabled: revision.tracing,
        },
        encryption_configuration: Encryption(revision.encryption),
        revision_id: revision.revision_id,
        // A text of an earlier build that this one refuses is described without them.
        variable_references: variables.unwrap_or_default(),
    })
}
