//! Tags of state machines and activities.

use ports::{ActivityArn, ErrorKind, StateMachineArn, Tags};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::arn::Arn;
use crate::error::ApiError;

/// Tags of a resource at most. **Source**: `sfn-best-practices.html#concepts-tagging`.
const TAGS_MAX: usize = 50;

/// A tag, as AWS writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Add {
    resource_arn: String,
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Remove {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    resource_arn: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    tags: Vec<Tag>,
}

/// `TagResource`.
pub(crate) async fn add(app: &App, request: Add) -> Result<super::Empty, ApiError> {
    let mut tags = read(app, &request.resource_arn).await?;
    tags.extend(request.tags.into_iter().map(|tag| (tag.key, tag.value)));
    let tags = few(tags, &request.resource_arn)?;
    write(app, &request.resource_arn, tags).await
}

/// `UntagResource`.
pub(crate) async fn remove(app: &App, request: Remove) -> Result<super::Empty, ApiError> {
    let mut tags = read(app, &request.resource_arn).await?;
    tags.retain(|key, _| !request.tag_keys.contains(key));
    write(app, &request.resource_arn, tags).await
}

/// `ListTagsForResource`.
pub(crate) async fn list(app: &App, request: Named) -> Result<List, ApiError> {
    let tags = read(app, &request.resource_arn).await?.into_iter();
    Ok(List {
        tags: tags.map(|(key, value)| Tag { key, value }).collect(),
    })
}

/// The tags of something that is created.
///
/// # Errors
/// `TooManyTags`.
pub(crate) fn checked(tags: Vec<Tag>, arn: &str) -> Result<Tags, ApiError> {
    few(tags.into_iter().map(|tag| (tag.key, tag.value)).collect(), arn)
}

fn few(tags: Tags, arn: &str) -> Result<Tags, ApiError> {
    if tags.len() > TAGS_MAX {
        return Err(ApiError::too_many_tags(arn));
    }
    Ok(tags)
}

/// What can be tagged.
enum Resource {
    StateMachine(StateMachineArn),
    Activity(ActivityArn),
}

impl Resource {
    fn parse(arn: &str) -> Result<Self, ApiError> {
        let arn = Arn::of_kind(arn, &["stateMachine", "activity"])?;
        Ok(match arn.kind {
            "activity" => Self::Activity(ActivityArn(arn.text.to_owned())),
            // A version has no tags of its own, and is no row: it is not found.
            _ => Self::StateMachine(StateMachineArn(arn.text.to_owned())),
        })
    }
}

async fn read(app: &App, arn: &str) -> Result<Tags, ApiError> {
    let read = match Resource::parse(arn)? {
        Resource::StateMachine(arn) => app.parts.state_machines.state_machine(&arn).await.map(|row| row.tags),
        Resource::Activity(arn) => app.parts.activities.activity(&arn).await.map(|row| row.tags),
    };
    read.map_err(|error| not_found(arn, error))
}

async fn write(app: &App, arn: &str, tags: Tags) -> Result<super::Empty, ApiError> {
    let written = match Resource::parse(arn)? {
        Resource::StateMachine(machine) => {
            let row = app.parts.state_machines.state_machine(&machine).await;
            let row = row.map_err(|error| not_found(arn, error))?;
            app.parts
                .state_machines
                .update_state_machine(ports::StateMachineRow { tags, ..row })
                .await
        }
        Resource::Activity(activity) => app.parts.activities.tag_activity(&activity, tags).await,
    };
    written.map_err(|error| not_found(arn, error))?;
    Ok(super::Empty {})
}

fn not_found(arn: &str, error: ports::Error) -> ApiError {
    if error.kind() == ErrorKind::NotFound {
        return ApiError::no_resource(arn);
    }
    error.into()
}
