//! `lambda:invoke`: a function by name or ARN, its result in the envelope of Lambda's API.

use asl::{Integration, TaskRequest, Value};
use ports::{FunctionArn, TaskFailure};
use serde::Deserialize;
use serde_json::json;

use super::request::{self, parameters, sdk_metadata};
use crate::context::Context;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Arguments {
    function_name: String,
    payload: Option<Value>,
    qualifier: Option<String>,
    invocation_type: Option<String>,
}

/// Whether it is a call of a function.
pub(super) fn is_invoke(integration: &Integration) -> bool {
    &*integration.service == "lambda" && &*integration.action == "invoke"
}

pub(super) async fn invoke(context: &Context, request: &TaskRequest) -> Result<String, TaskFailure> {
    let arguments: Arguments = parameters(request, "lambda:invoke")?;
    let target = FunctionArn::from(arguments.arn(context)).into();
    let payload = arguments
        .payload
        .as_ref()
        .map_or_else(|| "{}".to_owned(), Value::to_string);
    let result = request::invoke(context, request, target, payload).await?;
    Ok(arguments.envelope(request, &result))
}

impl Arguments {
    /// A name, `account:function:name` or an ARN, each with or without a version.
    fn arn(&self, context: &Context) -> String {
        let name = &self.function_name;
        let mut arn = if name.starts_with("arn:") {
            name.clone()
        } else {
            let name = name.split_once(":function:").map_or(name.as_str(), |(_, name)| name);
            context.settings.lambda_arn(name)
        };
        if let Some(qualifier) = &self.qualifier {
            arn = format!("{arn}:{qualifier}");
        }
        arn
    }

    fn envelope(&self, request: &TaskRequest, result: &str) -> String {
        // A function that is only set going answers nothing.
        let (payload, status) = match self.invocation_type.as_deref() {
            Some("Event") => (Value::from(""), 202),
            Some(_) | None => (serde_json::from_str(result).unwrap_or(Value::Null), 200),
        };
        let mut envelope = json!({"ExecutedVersion": "$LATEST", "Payload": payload});
        if let Some(members) = envelope.as_object_mut() {
            let metadata = sdk_metadata(request);
            members.extend(metadata.map(|(name, value)| (name.to_owned(), value)));
            members.insert("StatusCode".to_owned(), status.into());
        }
        envelope.to_string()
    }
}
