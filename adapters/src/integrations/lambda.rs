//! `lambda:invoke`: a function by name or ARN, its response in the envelope of Lambda's API.

use async_trait::async_trait;
use ports::TaskFailure;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::response::{Metadata, encode, parse, runtime_error};
use super::{Call, Service};
use crate::functions::Functions;

/// Lambda over functions.
#[derive(Debug)]
pub struct Lambda {
    functions: Functions,
}

impl Lambda {
    /// These functions can be invoked.
    pub fn new(functions: Functions) -> Self {
        Self { functions }
    }

    async fn invoke(&self, call: Call<'_>) -> Result<String, TaskFailure> {
        let request: InvokeRequest<'_> = parse(call.input)?;
        let payload = request.payload.map_or("{}", RawValue::get).to_owned();
        let function = self.functions.find(&request.function_name.into())?;
        let output = function.invoke(payload, call.deadline).await?;
        encode(&InvokeResponse {
            executed_version: "$LATEST",
            payload: RawValue::from_string(output).map_err(|error| runtime_error(&error))?,
            status_code: 200,
            metadata: Metadata::default(),
        })
    }
}

#[async_trait]
impl Service for Lambda {
    async fn call(&self, call: Call<'_>) -> Option<Result<String, TaskFailure>> {
        match call.action {
            "invoke" => Some(self.invoke(call).await),
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct InvokeRequest<'a> {
    function_name: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InvokeResponse {
    executed_version: &'static str,
    payload: Box<RawValue>,
    status_code: u16,
    #[serde(flatten)]
    metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::InProcess;
    use ports::Timestamp;
    use serde_json::Value;

    #[tokio::test]
    async fn invoke_wraps_the_payload() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:echo";
        let echo = InProcess::new(|event: Value, _| async move { Ok::<_, TaskFailure>(event) });
        let service = Lambda::new(Functions::default().with(arn, echo));
        let call = Call {
            action: "invoke",
            input: &format!(r#"{{"FunctionName":"{arn}","Payload":{{"a":1}}}}"#),
            deadline: Timestamp::from_millis(1),
        };
        let output: Value = serde_json::from_str(&service.invoke(call).await.unwrap()).unwrap();
        assert_eq!(
            (&output["Payload"]["a"], &output["StatusCode"]),
            (&1.into(), &200.into())
        );
    }
}
