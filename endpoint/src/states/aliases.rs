//! Aliases of state machine versions: create, update, describe, list, delete.

use ports::{AliasRow, ErrorKind, PAGE_MAX, Route, StateMachineArn};
use serde::{Deserialize, Serialize};

use super::state_machines::find;
use crate::App;
use crate::arn::{MachineArn, Qualifier, alias, version};
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

/// What `CreateStateMachineAlias` says of a name that is taken.
const ALIAS_EXISTS: &str = "Failed to create alias because an alias with the same name and a different routing \
                            configuration already exists.";

/// A version and its share, as AWS writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RouteItem {
    state_machine_version_arn: String,
    weight: u8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    description: Option<String>,
    name: String,
    routing_configuration: Vec<RouteItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    state_machine_alias_arn: String,
    creation_date: Date,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    state_machine_alias_arn: String,
    description: Option<String>,
    routing_configuration: Option<Vec<RouteItem>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Updated {
    update_date: Date,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    state_machine_alias_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    state_machine_alias_arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    routing_configuration: Vec<RouteItem>,
    creation_date: Date,
    update_date: Date,
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
    state_machine_aliases: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl From<AliasRow> for Listed {
    fn from(row: AliasRow) -> Self {
        Self {
            state_machine_alias_arn: alias(&row.state_machine, &row.name),
            creation_date: Date(row.created),
        }
    }
}

/// `CreateStateMachineAlias`.
pub(crate) async fn create(app: &App, request: Create) -> Result<Listed, ApiError> {
    let (state_machine, routes) = routes(&request.routing_configuration)?;
    let now = app.parts.clock.now();
    let row = AliasRow {
        state_machine,
        name: request.name,
        description: request.description,
        routes,
        created: now,
        updated: now,
    };
    let created = app.parts.state_machines.create_alias(row).await;
    created.map(Listed::from).map_err(refused)
}

/// `UpdateStateMachineAlias`.
pub(crate) async fn update(app: &App, request: Update) -> Result<Updated, ApiError> {
    let (machine, name) = parse(&request.state_machine_alias_arn)?;
    if request.description.is_none() && request.routing_configuration.is_none() {
        return Err(ApiError::Validation {
            message: "Either description or routingConfiguration must be specified".to_owned(),
            reason: Some("MISSING_REQUIRED_PARAMETER"),
        });
    }
    let mut row = read(app, &machine, &name).await?;
    if let Some(asked) = &request.routing_configuration {
        let (of, routes) = routes(asked)?;
        if of != machine {
            return Err(ApiError::no_referenced_resource());
        }
        row.routes = routes;
    }
    row.description = request.description.or(row.description);
    row.updated = app.parts.clock.now();
    let updated = row.updated;
    app.parts.state_machines.update_alias(row).await.map_err(refused)?;
    Ok(Updated {
        update_date: Date(updated),
    })
}

/// `DescribeStateMachineAlias`.
pub(crate) async fn describe(app: &App, request: Named) -> Result<Described, ApiError> {
    let (machine, name) = parse(&request.state_machine_alias_arn)?;
    let row = read(app, &machine, &name).await?;
    let shown = |route: &Route| RouteItem {
        state_machine_version_arn: version(&machine, route.version),
        weight: route.weight,
    };
    Ok(Described {
        state_machine_alias_arn: request.state_machine_alias_arn,
        routing_configuration: row.routes.iter().map(shown).collect(),
        name: row.name,
        description: row.description,
        creation_date: Date(row.created),
        update_date: Date(row.updated),
    })
}

/// `DeleteStateMachineAlias`: nothing happens when there is none, as recorded on 2025-03-03.
pub(crate) async fn delete(app: &App, request: Named) -> Result<super::Empty, ApiError> {
    let (machine, name) = parse(&request.state_machine_alias_arn)?;
    match app.parts.state_machines.delete_alias(&machine, &name).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(super::Empty {}),
    }
}

/// `ListStateMachineAliases`: in the order of their creation, those of a version where a version is named.
pub(crate) async fn list(app: &App, request: ListRequest) -> Result<List, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    find(app, &arn.machine).await?;
    let number = match arn.qualifier {
        None => None,
        Some(Qualifier::Version(number)) => Some(number),
        Some(Qualifier::Alias(_)) => return Err(ApiError::no_state_machine(&request.state_machine_arn)),
    };
    // AWS allows 100 aliases of a state machine: one page of the records holds them all.
    let all = app
        .parts
        .state_machines
        .aliases(&arn.machine, number, None, PAGE_MAX)
        .await?;
    let listed = request.paging.of_all(all.items.into_iter().rev())?;
    Ok(List {
        state_machine_aliases: listed.items.into_iter().map(Listed::from).collect(),
        next_token: page::token(listed.next),
    })
}

/// Reads a routing configuration.
fn routes(asked: &[RouteItem]) -> Result<(StateMachineArn, Vec<Route>), ApiError> {
    let arns: Vec<&str> = asked
        .iter()
        .map(|route| route.state_machine_version_arn.as_str())
        .collect();
    let read = asked
        .iter()
        .map(|route| as_version(&route.state_machine_version_arn, route.weight));
    let Some(read) = read.collect::<Option<Vec<_>>>() else {
        let received = arns.join(", ");
        return Err(invalid(format!(
            "Routing configuration must contain state machine version ARNs. Received: [{received}]"
        )));
    };
    if let [one, two] = arns.as_slice()
        && one == two
    {
        let text = "Routing configuration must contain distinct state machine version ARNs.";
        return Err(invalid(format!("{text} Received: [{one}, {two}]")));
    }
    if asked.iter().map(|route| u32::from(route.weight)).sum::<u32>() != 100 {
        let weights: Vec<String> = asked.iter().map(|route| route.weight.to_string()).collect();
        let text = "Sum of routing configuration weights must equal 100.";
        return Err(invalid(format!("{text} Received: [{}]", weights.join(", "))));
    }
    let mut machines = read.iter().map(|(machine, _)| machine);
    let first = machines
        .next()
        .cloned()
        .unwrap_or_else(|| StateMachineArn(String::new()));
    if machines.any(|machine| *machine != first) {
        return Err(invalid(
            "Routing configuration must contain versions of one state machine.".to_owned(),
        ));
    }
    Ok((first, read.into_iter().map(|(_, route)| route).collect()))
}

fn as_version(arn: &str, weight: u8) -> Option<(StateMachineArn, Route)> {
    let arn = MachineArn::parse(arn).ok()?;
    match arn.qualifier? {
        Qualifier::Version(version) => Some((arn.machine, Route { version, weight })),
        Qualifier::Alias(_) => None,
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::Validation {
        message,
        reason: Some("INVALID_ROUTING_CONFIGURATION"),
    }
}

fn parse(arn: &str) -> Result<(StateMachineArn, String), ApiError> {
    let parsed = MachineArn::parse(arn)?;
    match parsed.qualifier {
        Some(Qualifier::Alias(name)) => Ok((parsed.machine, name)),
        Some(Qualifier::Version(_)) | None => Err(ApiError::InvalidArn(format!("Invalid alias ARN: {arn}"))),
    }
}

async fn read(app: &App, machine: &StateMachineArn, name: &str) -> Result<AliasRow, ApiError> {
    app.parts.state_machines.alias(machine, name).await.map_err(refused)
}

fn refused(error: ports::Error) -> ApiError {
    if error.kind() == ErrorKind::NotFound {
        return ApiError::no_referenced_resource();
    }
    if error.kind() == ErrorKind::Conflict {
        return ApiError::conflict(ALIAS_EXISTS);
    }
    error.into()
}
