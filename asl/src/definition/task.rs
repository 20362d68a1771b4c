//! The Task state.

use super::fields::Fields;
use super::resource::{Knowledge, Pattern, Resource, unrecognised};
use super::setting::{Setting, TextSetting};
use crate::data::Template;
use crate::data::jsonata::QueryTemplate;

/// The fields of a Task besides its data flow.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    /// **Seconds**.
    pub(crate) timeout: Option<Setting<i64>>,
    /// **Seconds**.
    pub(crate) heartbeat: Option<Setting<i64>>,
    pub(crate) credentials: Option<Credentials>,
}

/// `Credentials`.
#[derive(Debug)]
pub(crate) enum Credentials {
    Paths(Template),
    Query(QueryTemplate),
}

/// **Seconds**: the longest time-out there is.
const SECONDS_MAX: i64 = 99_999_999;

impl Task {
    /// Reads the fields; `None` if the resource cannot be made out.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let resource = read_resource(fields);
        let timeout = fields.seconds_setting("TimeoutSeconds", "TimeoutSecondsPath", SECONDS_MAX);
        let heartbeat = fields.seconds_setting("HeartbeatSeconds", "HeartbeatSecondsPath", SECONDS_MAX);
        if let (Some(Setting::Fixed(timeout)), Some(Setting::Fixed(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            fields.warn_at(
                "HeartbeatSeconds",
                "HeartbeatSeconds must be smaller than TimeoutSeconds".to_owned(),
            );
        }
        let credentials = read_credentials(fields);
        Some(Self {
            resource: resource?,
            timeout,
            heartbeat,
            credentials,
        })
    }
}

fn read_resource(fields: &mut Fields<'_, '_>) -> Option<Resource> {
    let arn = fields.required_text("Resource")?;
    let resource = Resource::parse(arn).filter(|resource| resource.knowledge() != Knowledge::Refuted);
    match &resource {
        None => fields.refuse_at("Resource", &unrecognised(arn)),
        Some(resource) if resource.knowledge() == Knowledge::Unheard => {
            let message =
                format!("'{arn}' is not among the services and actions of November 2026: AWS may not know it");
            fields.warn_at("Resource", message);
        }
        Some(_) => {}
    }
    if let Some(resource) = &resource {
        refuse_in_express(fields, resource);
    }
    resource
}

fn refuse_in_express(fields: &mut Fields<'_, '_>, resource: &Resource) {
    match resource {
        Resource::LambdaFunction(_) => {}
        Resource::Activity(_) => fields.refuse_in_express("Resource", "Activity ARN"),
        Resource::Integration(integration) => match integration.pattern {
            Pattern::RequestResponse => {}
            Pattern::Sync | Pattern::Sync2 => fields.refuse_in_express("Resource", "'.sync' service integration"),
            Pattern::WaitForTaskToken => {
                fields.refuse_in_express("Resource", "'.waitForTaskToken' service integration ");
            }
        },
    }
}

fn read_credentials(fields: &mut Fields<'_, '_>) -> Option<Credentials> {
    let names = fields.member_names("Credentials")?;
    if !names.iter().any(|name| name == "RoleArn" || name == "RoleArn.$") {
        fields.refuse_at("Credentials", "The field 'RoleArn' is required but was missing");
    }
    if fields.is_jsonata() {
        fields.query_template("Credentials").map(Credentials::Query)
    } else {
        fields.template("Credentials").map(Credentials::Paths)
    }
}

/// The fields of a Fail state.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) error: Option<TextSetting>,
    pub(crate) cause: Option<TextSetting>,
}

impl Fail {
    /// Reads the fields.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            error: fields.text_setting("Error", "ErrorPath"),
            cause: fields.text_setting("Cause", "CausePath"),
        }
    }
}
