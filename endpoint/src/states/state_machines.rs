//! State machines: create, update, delete, list.

use ports::{
    DefinitionDigest, ErrorKind, LoggingConfiguration, Revision, StateMachineArn, StateMachineRow, StateMachineStatus,
    StateMachineType, VersionRow,
};
use serde::{Deserialize, Serialize};

use super::configuration::{Encryption, Logging, Tracing};
use super::definition;
use super::tags::{Tag, checked};
use super::versions::publish_revision;
use crate::App;
use crate::arn::{Arn, MachineArn, check_name, version};
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

/// What `UpdateStateMachine` says when it is asked for nothing.
const NOTHING_TO_UPDATE: &str =
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    name: String,
    definition: String,
    role_arn: String,
    #[serde(rename = "type", default)]
    kind: StateMachineType,
    #[serde(default)]
    logging_configuration: Logging,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tracing_configuration: Tracing,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
    #[serde(default)]
    encryption_configuration: Encryption,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    state_machine_arn: StateMachineArn,
    creation_date: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    state_machine_arn: String,
    definition: Option<String>,
    role_arn: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Updated {
    update_date: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<String>,
}

/// A state machine that a request names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    state_machine_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    state_machines: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    state_machine_arn: StateMachineArn,
    name: String,
    #[serde(rename = "type")]
    kind: StateMachineType,
    creation_date: Date,
}

/// `CreateStateMachine`.
pub(crate) async fn create(app: &App, request: Create) -> Result<Created, ApiError> {
    check_name(&request.name)?;
    Arn::parse_role(&request.role_arn)?;
    check_description(request.publish, request.version_description.as_deref())?;
    request.encryption_configuration.check()?;
    let logging = LoggingConfiguration::try_from(request.logging_configuration)?;
    definition::check(&request.definition, request.kind)?;
    let arn = app.settings.arn("stateMachine", &request.name);
    let now = app.parts.clock.now();
    let row = StateMachineRow {
        tags: checked(request.tags, &arn)?,
        arn: StateMachineArn(arn),
        name: request.name,
        kind: request.kind,
        status: StateMachineStatus::Active,
        created: now,
        updated: now,
        revision: Revision {
            definition: app.parts.state_machines.put_definition(&request.definition).await?,
            role_arn: request.role_arn,
            logging,
            tracing: request.tracing_configuration.enabled,
            encryption: request.encryption_configuration.0,
            revision_id: None,
        },
    };
    let row = insert(app, row).await?;
    app.parts.engine.register(&row.name, &request.definition)?;
    let published = publish_if(app, request.publish, &row.arn, request.version_description).await?;
    Ok(Created {
        creation_date: Date(row.created),
        state_machine_version_arn: published.map(|one| version(&one.state_machine, one.number)),
        state_machine_arn: row.arn,
    })
}

async fn insert(app: &App, row: StateMachineRow) -> Result<StateMachineRow, ApiError> {
    let arn = row.arn.clone();
    let created = app.parts.state_machines.create_state_machine(row).await;
    match created {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let there = find(app, &arn).await?;
            Err(match there.status {
                StateMachineStatus::Active => ApiError::state_machine_exists(&arn),
                StateMachineStatus::Deleting => ApiError::state_machine_deleting(&arn),
            })
        }
        created => Ok(created?),
    }
}

fn check_description(publish: bool, description: Option<&str>) -> Result<(), ApiError> {
    if description.is_some() && !publish {
        return Err(ApiError::validation(
            "Version description can only be set when publish is true",
        ));
    }
    Ok(())
}

async fn publish_if(
    app: &App,
    publish: bool,
    arn: &StateMachineArn,
    description: Option<String>,
) -> Result<Option<VersionRow>, ApiError> {
    if !publish {
        return Ok(None);
    }
    publish_revision(app, arn, None, description).await.map(Some)
}

/// `UpdateStateMachine`.
pub(crate) async fn update(app: &App, request: Update) -> Result<Updated, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    check_description(request.publish, request.version_description.as_deref())?;
    if request.changes_nothing() {
        return Err(ApiError::missing_parameter(NOTHING_TO_UPDATE));
    }
    if arn.qualifier.is_some() {
        return Err(ApiError::no_state_machine(&request.state_machine_arn));
    }
    let row = find(app, &arn.machine).await?;
    if row.status == StateMachineStatus::Deleting {
        return Err(ApiError::state_machine_deleting(&row.arn));
    }
    let publish = request.publish;
    let description = request.version_description.clone();
    let changed = request.change(app, &row).await?;
    let row = if changed.has_same_content(&row.revision) {
        row
    } else {
        save(app, row, changed).await?
    };
    let published = publish_if(app, publish, &row.arn, description).await?;
    Ok(Updated {
        update_date: Date(row.updated),
        revision_id: row.revision.revision_id,
        state_machine_version_arn: published.map(|one| version(&one.state_machine, one.number)),
    })
}

impl Update {
    const fn changes_nothing(&self) -> bool {
        self.definition.is_none()
            && self.role_arn.is_none()
            && self.logging_configuration.is_none()
            && self.tracing_configuration.is_none()
            && self.encryption_configuration.is_none()
    }

    /// The revision as it is to be.
    async fn change(self, app: &App, row: &StateMachineRow) -> Result<Revision, ApiError> {
        let mut revision = row.revision.clone();
        if let Some(role_arn) = self.role_arn {
            Arn::parse_role(&role_arn)?;
            revision.role_arn = role_arn;
        }
        if let Some(logging) = self.logging_configuration {
            revision.logging = logging.try_into()?;
        }
        if let Some(tracing) = self.tracing_configuration {
            revision.tracing = tracing.enabled;
        }
        if let Some(encryption) = self.encryption_configuration {
            encryption.check()?;
            revision.encryption = encryption.0;
        }
        if let Some(text) = self.definition {
            definition::check(&text, row.kind)?;
            revision.definition = digest(app, &text).await?;
            app.parts.engine.register(&row.name, &text)?;
        }
        Ok(revision)
    }
}

async fn digest(app: &App, text: &str) -> Result<DefinitionDigest, ApiError> {
    Ok(app.parts.state_machines.put_definition(text).await?)
}

async fn save(app: &App, row: StateMachineRow, revision: Revision) -> Result<StateMachineRow, ApiError> {
    let row = StateMachineRow {
        updated: app.parts.clock.now(),
        revision: Revision {
            revision_id: Some(app.new_id().to_string()),
            ..revision
        },
        ..row
    };
    app.parts.state_machines.update_state_machine(row.clone()).await?;
    Ok(row)
}

/// `DeleteStateMachine`.
pub(crate) async fn delete(app: &App, request: Named) -> Result<super::Empty, ApiError> {
    let arn = MachineArn::parse(&request.state_machine_arn)?;
    if arn.qualifier.is_some() {
        let message = "the ARN of a version or an alias cannot be deleted with DeleteStateMachine";
        return Err(ApiError::validation(message));
    }
    app.parts.state_machines.delete_state_machine(&arn.machine).await?;
    Ok(super::Empty {})
}

/// `ListStateMachines`.
pub(crate) async fn list(app: &App, paging: Paging) -> Result<List, ApiError> {
    let listed = app
        .parts
        .state_machines
        .state_machines(paging.after()?, paging.limit())
        .await?;
    let shown = |row: StateMachineRow| Listed {
        state_machine_arn: row.arn,
        name: row.name,
        kind: row.kind,
        creation_date: Date(row.created),
    };
    Ok(List {
        state_machines: listed.items.into_iter().map(shown).collect(),
        next_token: page::token(listed.next),
    })
}

/// One state machine.
///
/// # Errors
/// `StateMachineDoesNotExist`.
pub(crate) async fn find(app: &App, arn: &StateMachineArn) -> Result<StateMachineRow, ApiError> {
    app.parts.state_machines.state_machine(arn).await.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return ApiError::no_state_machine(arn);
        }
        error.into()
    })
}
