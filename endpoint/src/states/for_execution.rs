//! `DescribeStateMachineForExecution`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::configuration::{Encryption, Logging, Tracing};
use super::describe::IncludedData;
use super::executions::{read, state_machine_arn};
use super::origin::Origin;
use crate::App;
use crate::date::Date;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    execution_arn: String,
    #[serde(default)]
    included_data: IncludedData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    state_machine_arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    role_arn: String,
    update_date: Date,
    logging_configuration: Logging,
    tracing_configuration: Tracing,
    encryption_configuration: Encryption,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variable_references: BTreeMap<String, Vec<String>>,
}

/// Describes what an execution runs, whatever became of its state machine since.
pub(crate) async fn describe(app: &App, request: Request) -> Result<Described, ApiError> {
    let row = read(app, &request.execution_arn).await?;
    if row.child_of.is_some() {
        let what = "DescribeStateMachineForExecution of a map run's child".to_owned();
        return Err(ApiError::NotImplemented(what));
    }
    let origin = Origin::read(&row);
    let machine = asl::parse(&row.definition).machine;
    let variables = machine.map(|machine| machine.variable_references().clone());
    let default_role = || format!("arn:aws:iam::{}:role/gantry", app.settings.account);
    let revision = origin.revision.as_ref();
    Ok(Described {
        state_machine_arn: state_machine_arn(app, &row),
        role_arn: revision.map_or_else(default_role, |revision| revision.role_arn.clone()),
        update_date: Date(origin.updated.unwrap_or(row.started)),
        logging_configuration: revision
            .map(|revision| revision.logging.clone().into())
            .unwrap_or_default(),
        tracing_configuration: Tracing {
            enabled: revision.is_some_and(|revision| revision.tracing),
        },
        encryption_configuration: Encryption(revision.map(|revision| revision.encryption.clone()).unwrap_or_default()),
        revision_id: revision.and_then(|revision| revision.revision_id.clone()),
        variable_references: variables.unwrap_or_default(),
        definition: (request.included_data == IncludedData::AllData).then_some(row.definition),
        name: row.state_machine,
    })
}
