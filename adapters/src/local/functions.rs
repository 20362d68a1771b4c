//! Tasks in this process: Lambda functions by their ARNs, and the service integrations that our machines use.
//!
//! Functions are the stages' own `handle`, behind the same conversion as on Lambda ([`crate::lambda`]), so answers
//! and causes are the same texts. Integrations answer in the shape of Step Functions' optimised integrations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;
use ports::{
    Error, ErrorKind, FunctionArn, Integration, IntegrationPattern, Invocation, Notification, Notifier, Row, Table,
    Target, TaskFailure, Timestamp,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::clock;
use crate::{function, lambda};

type Answer = Result<String, TaskFailure>;
type Function = Arc<dyn Fn(String, Timestamp) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Tasks in this process.
pub struct Functions {
    by_arn: BTreeMap<FunctionArn, Function>,
    table: Arc<dyn Table>,
    notifier: Arc<dyn Notifier>,
    publications: AtomicU64,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_arn.keys()).finish()
    }
}

impl Functions {
    /// No functions yet; `dynamodb:putItem` writes to the table, `sns:publish` to the notifier.
    pub fn new(table: Arc<dyn Table>, notifier: Arc<dyn Notifier>) -> Self {
        Self {
            by_arn: BTreeMap::new(),
            table,
            notifier,
            publications: AtomicU64::new(0),
        }
    }

    /// The same with one more Lambda function: called with the event and the deadline, as [`crate::lambda::serve`]
    /// would call it.
    #[must_use]
    pub fn with<E, R, X, F, W>(mut self, arn: impl Into<FunctionArn>, handle: F) -> Self
    where
        E: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        X: Into<TaskFailure> + Send + 'static,
        F: Fn(E, Timestamp) -> W + Send + Sync + 'static,
        W: Future<Output = Result<R, X>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let function = move |input: String, deadline: Timestamp| -> BoxFuture<'static, Answer> {
            let handle = Arc::clone(&handle);
            Box::pin(async move {
                let answer = function::call(&input, |event| handle(event, deadline)).await;
                answer.map_err(as_function_error)
            })
        };
        self.by_arn.insert(arn.into(), Arc::new(function));
        self
    }

    /// By ARN, with or without a version or alias, or by name.
    fn find(&self, arn: &FunctionArn) -> Result<&Function, TaskFailure> {
        let by_name = || {
            let found = self.by_arn.iter().find(|(one, _)| one.name() == arn.as_str());
            found.map(|(_, function)| function)
        };
        let found = self.by_arn.get(&arn.unqualified()).or_else(by_name);
        found.ok_or_else(|| TaskFailure {
            error: "Lambda.ResourceNotFoundException".to_owned(),
            cause: format!("Function not found: {arn}"),
        })
    }

    async fn invoke_with_metadata(&self, input: &str, deadline: Timestamp) -> Answer {
        let request: InvokeRequest<'_> = parse(input)?;
        let payload = request.payload.map_or("{}", RawValue::get).to_owned();
        let output = self.find(&request.function_name.into())?(payload, deadline).await?;
        encode(&InvokeResponse {
            executed_version: "$LATEST",
            payload: RawValue::from_string(output).map_err(|error| runtime_error(&error))?,
            status_code: 200,
            metadata: Metadata::default(),
        })
    }

    async fn put_item(&self, input: &str) -> Answer {
        let request: PutItemRequest = parse(input)?;
        let written = self.table.put(&request.table_name, request.item).await;
        written.map_err(|error| service_failure("DynamoDB", "AmazonDynamoDBException", &error))?;
        encode(&Metadata::default())
    }

    async fn publish(&self, input: &str) -> Answer {
        let request: PublishRequest = parse(input)?;
        let message = request.message.as_str().map(str::to_owned);
        let message = message.unwrap_or_else(|| request.message.to_string());
        // As the service does, a task that is invoked again publishes again.
        let number = self.publications.fetch_add(1, Ordering::Relaxed);
        let notification = Notification {
            topic: request.topic_arn,
            subject: request.subject,
            message,
            id: format!("{}-{number}", clock::nanos_since_1970()),
        };
        let published = self.notifier.publish(notification).await;
        let message_id = published.map_err(|error| service_failure("SNS", "AmazonSNSException", &error))?;
        encode(&PublishResponse {
            message_id,
            metadata: Metadata::default(),
        })
    }
}

/// The cause that Step Functions makes of a function's error: the payload that Lambda answered with.
fn as_function_error(failure: TaskFailure) -> TaskFailure {
    let error = failure.error.clone();
    let fallback = failure.cause.clone();
    let payload = serde_json::to_string(&lambda::diagnostic(failure));
    TaskFailure {
        error,
        cause: payload.unwrap_or(fallback),
    }
}

fn not_available(target: &Target) -> TaskFailure {
    TaskFailure {
        error: "States.Runtime".to_owned(),
        cause: format!("The resource {target} cannot be called on this machine."),
    }
}

fn service_failure(service: &str, other: &str, error: &Error) -> TaskFailure {
    let name = match error.kind() {
        ErrorKind::NotFound if service == "SNS" => "NotFoundException",
        ErrorKind::NotFound => "ResourceNotFoundException",
        ErrorKind::Throttled => "ThrottlingException",
        ErrorKind::Unavailable => "InternalServerErrorException",
        ErrorKind::Denied => "AccessDeniedException",
        ErrorKind::Conflict | ErrorKind::Malformed | ErrorKind::Full | ErrorKind::Cancelled => other,
    };
    TaskFailure {
        error: format!("{service}.{name}"),
        cause: error.chain(),
    }
}

fn runtime_error(error: &serde_json::Error) -> TaskFailure {
    TaskFailure::of("States.Runtime", error)
}

fn parse<'a, T: Deserialize<'a>>(input: &'a str) -> Result<T, TaskFailure> {
    serde_json::from_str(input).map_err(|error| runtime_error(&error))
}

fn encode(answer: &impl Serialize) -> Answer {
    serde_json::to_string(answer).map_err(|error| runtime_error(&error))
}

/// `{"TableName":"images","Item":{"url":{"S":"…"}}}`; a condition would be ignored, so it is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutItemRequest {
    table_name: String,
    item: Row,
}

/// `{"TopicArn":"…","Subject":"…","Message":"text or JSON"}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PublishRequest {
    topic_arn: String,
    subject: Option<String>,
    message: Value,
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
struct PublishResponse {
    message_id: String,
    #[serde(flatten)]
    metadata: Metadata,
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

/// What the service integrations add to every answer; here without the headers of a real exchange.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    sdk_http_metadata: HttpMetadata,
    sdk_response_metadata: ResponseMetadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HttpMetadata {
    http_status_code: u16,
}

impl Default for HttpMetadata {
    fn default() -> Self {
        Self { http_status_code: 200 }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResponseMetadata {
    request_id: &'static str,
}

impl Default for ResponseMetadata {
    fn default() -> Self {
        Self {
            request_id: "00000000-0000-0000-0000-000000000000",
        }
    }
}

#[async_trait]
impl ports::TaskInvoker for Functions {
    async fn invoke(&self, invocation: Invocation) -> Answer {
        let input = invocation.input;
        let (service, action) = match &invocation.target {
            Target::Function(arn) => return self.find(arn)?(input, invocation.deadline).await,
            Target::Service {
                integration: Integration::Optimised,
                service,
                action,
                pattern: IntegrationPattern::RequestResponse | IntegrationPattern::WaitForTaskToken,
            } => (&**service, &**action),
            Target::Service { .. } => return Err(not_available(&invocation.target)),
        };
        match (service, action) {
            ("dynamodb", "putItem") => self.put_item(&input).await,
            ("sns", "publish") => self.publish(&input).await,
            ("lambda", "invoke") => self.invoke_with_metadata(&input, invocation.deadline).await,
            _ => Err(not_available(&invocation.target)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{TableSchema, TaskInvoker as _, conformance, memory};

    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

    #[derive(Deserialize)]
    struct Asked {
        error: String,
        cause: String,
    }

    fn functions(table: Arc<memory::Table>, notifier: Arc<memory::Notifier>) -> Functions {
        Functions::new(table, notifier)
            .with(format!("{ARN}:echo"), |event: Value, _| async move {
                Ok::<_, TaskFailure>(event)
            })
            .with(format!("{ARN}:fail"), |asked: Asked, _| async move {
                Err::<(), _>(TaskFailure {
                    error: asked.error,
                    cause: asked.cause,
                })
            })
    }

    fn function(name: &str) -> FunctionArn {
        format!("{ARN}:{name}").into()
    }

    async fn invoke(functions: &Functions, target: impl Into<Target>, input: &str) -> Answer {
        let invocation = Invocation {
            target: target.into(),
            input: input.to_owned(),
            deadline: Timestamp::from_millis(1),
        };
        functions.invoke(invocation).await
    }

    #[tokio::test]
    async fn a_failure_reads_as_lambda_tells_it() {
        let functions = functions(Arc::default(), Arc::default());
        let failure = invoke(&functions, function("fail"), r#"{"error":"Gantry.X","cause":"why"}"#).await;
        let expected = TaskFailure {
            error: "Gantry.X".to_owned(),
            cause: r#"{"errorType":"Gantry.X","errorMessage":"why"}"#.to_owned(),
        };
        assert_eq!(failure, Err(expected));
        let failure = invoke(&functions, function("fail"), "[]").await.unwrap_err();
        assert_eq!(failure.error, "Gantry.MalformedEvent");
    }

    #[tokio::test]
    async fn functions_are_found_by_arn_version_and_name() {
        let functions = functions(Arc::default(), Arc::default());
        for resource in [format!("{ARN}:echo"), format!("{ARN}:echo:$LATEST"), "echo".to_owned()] {
            assert_eq!(
                invoke(&functions, FunctionArn::from(resource.as_str()), "{\"a\":1}")
                    .await
                    .as_deref(),
                Ok("{\"a\":1}"),
                "{resource}"
            );
        }
        let failure = invoke(&functions, function("none"), "{}").await.unwrap_err();
        assert_eq!(failure.error, "Lambda.ResourceNotFoundException");
    }

    #[tokio::test]
    async fn other_services_and_patterns_are_refused_by_their_resource() {
        let functions = functions(Arc::default(), Arc::default());
        let job = Target::Service {
            integration: Integration::Optimised,
            service: "sns".into(),
            action: "publish".into(),
            pattern: IntegrationPattern::Sync,
        };
        for target in [
            job,
            Target::aws_sdk("sns", "publish"),
            Target::optimised("sqs", "sendMessage"),
        ] {
            let resource = target.to_string();
            let failure = invoke(&functions, target, "{}").await.unwrap_err();
            assert_eq!(failure.error, "States.Runtime");
            assert!(failure.cause.contains(&resource), "{}", failure.cause);
        }
    }

    #[tokio::test]
    async fn put_item_writes_to_the_table() {
        let table = Arc::new(memory::Table::default());
        let schema = TableSchema {
            name: "images".to_owned(),
            hash: "url".to_owned(),
            range: None,
        };
        table.ensure(&schema).await.unwrap();
        let functions = functions(Arc::clone(&table), Arc::default());
        let input = r#"{"TableName":"images","Item":{"url":{"S":"https://a/"},"filename":{"S":"a"}}}"#;
        let output: Value = serde_json::from_str(
            &invoke(&functions, Target::optimised("dynamodb", "putItem"), input)
                .await
                .unwrap(),
        )
        .unwrap();
        assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
        assert_eq!(table.rows("images").len(), 1);
        let missing = input.replace("images", "none");
        let failure = invoke(&functions, Target::optimised("dynamodb", "putItem"), &missing)
            .await
            .unwrap_err();
        assert_eq!(failure.error, "DynamoDB.ResourceNotFoundException");
        let conditional = input.replace("}}}", "}},\"ConditionExpression\":\"x\"}");
        assert_eq!(
            invoke(&functions, Target::optimised("dynamodb", "putItem"), &conditional)
                .await
                .unwrap_err()
                .error,
            "States.Runtime"
        );
    }

    #[tokio::test]
    async fn publish_sends_text_as_it_is_and_json_as_text() {
        let notifier = Arc::new(memory::Notifier::default());
        let functions = functions(Arc::default(), Arc::clone(&notifier));
        for message in ["\"text\"", "[\"Could not find: /zz.gif\"]"] {
            let input = format!(r#"{{"TopicArn":"arn:aws:sns:us-east-1:0:t","Subject":"s","Message":{message}}}"#);
            let output: Value = serde_json::from_str(
                &invoke(&functions, Target::optimised("sns", "publish"), &input)
                    .await
                    .unwrap(),
            )
            .unwrap();
            assert!(output["MessageId"].is_string());
        }
        let messages: Vec<String> = notifier.published().into_iter().map(|one| one.message).collect();
        assert_eq!(messages, ["text", "[\"Could not find: /zz.gif\"]"]);
    }

    #[tokio::test]
    async fn lambda_invoke_wraps_the_payload() {
        let functions = functions(Arc::default(), Arc::default());
        let input = format!(r#"{{"FunctionName":"{ARN}:echo","Payload":{{"a":1}}}}"#);
        let output: Value = serde_json::from_str(
            &invoke(&functions, Target::optimised("lambda", "invoke"), &input)
                .await
                .unwrap(),
        )
        .unwrap();
        assert_eq!(
            (&output["Payload"]["a"], &output["StatusCode"]),
            (&1.into(), &200.into())
        );
    }

    #[tokio::test]
    async fn passes_every_check() {
        let functions = functions(Arc::default(), Arc::default());
        let names = conformance::task_invoker::Functions {
            echo: function("echo"),
            fail: function("fail"),
            missing: function("missing"),
        };
        conformance::task_invoker::all(&functions, &clock::Clock, &names)
            .await
            .unwrap();
    }
}
