//! Activities: create, describe, list, delete.

use ports::{ActivityArn, ActivityRow, ErrorKind};
use serde::{Deserialize, Serialize};

use super::configuration::Encryption;
use super::tags::{Tag, checked};
use crate::App;
use crate::arn::{Arn, check_name};
use crate::date::Date;
use crate::error::ApiError;
use crate::page::{self, Paging};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    encryption_configuration: Encryption,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    activity_arn: ActivityArn,
    creation_date: Date,
}

/// An activity that a request names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    activity_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    activity_arn: ActivityArn,
    name: String,
    creation_date: Date,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    activities: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl From<ActivityRow> for Described {
    fn from(row: ActivityRow) -> Self {
        Self {
            activity_arn: row.arn,
            name: row.name,
            creation_date: Date(row.created),
        }
    }
}

impl Named {
    /// # Errors
    /// `InvalidArn` when it is no activity's.
    pub(crate) fn arn(&self) -> Result<ActivityArn, ApiError> {
        Arn::of_kind(&self.activity_arn, &["activity"]).map(|arn| ActivityArn(arn.text.to_owned()))
    }
}

/// `CreateActivity`.
pub(crate) async fn create(app: &App, request: Create) -> Result<Created, ApiError> {
    check_name(&request.name)?;
    request.encryption_configuration.check()?;
    let arn = app.settings.arn("activity", &request.name);
    let row = ActivityRow {
        tags: checked(request.tags, &arn)?,
        arn: ActivityArn(arn),
        name: request.name,
        created: app.parts.clock.now(),
    };
    let row = app.parts.activities.create_activity(row).await?;
    app.parts.engine.create_activity(&row.name);
    Ok(Created {
        activity_arn: row.arn,
        creation_date: Date(row.created),
    })
}

/// `DescribeActivity`.
pub(crate) async fn describe(app: &App, request: Named) -> Result<Described, ApiError> {
    find(app, &request.arn()?).await.map(Described::from)
}

/// `DeleteActivity`.
pub(crate) async fn delete(app: &App, request: Named) -> Result<super::Empty, ApiError> {
    app.parts.activities.delete_activity(&request.arn()?).await?;
    Ok(super::Empty {})
}

/// `ListActivities`.
pub(crate) async fn list(app: &App, paging: Paging) -> Result<List, ApiError> {
    let listed = app.parts.activities.activities(paging.after()?, paging.limit()).await?;
    Ok(List {
        activities: listed.items.into_iter().map(Described::from).collect(),
        next_token: page::token(listed.next),
    })
}

/// One activity.
///
/// # Errors
/// `ActivityDoesNotExist`.
pub(crate) async fn find(app: &App, arn: &ActivityArn) -> Result<ActivityRow, ApiError> {
    app.parts.activities.activity(arn).await.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return ApiError::no_activity(arn);
        }
        error.into()
    })
}
