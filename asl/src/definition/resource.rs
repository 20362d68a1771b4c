//! What a Task calls, read from its `Resource` ARN.

use crate::{Text, services};
use serde::{Deserialize, Serialize};

/// What a Task calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// A function, called with the state's input: `arn:aws:lambda:us-east-1:111111111111:function:name`.
    LambdaFunction(Text),
    /// An activity, polled by workers.
    Activity(Text),
    /// A service: `arn:aws:states:::lambda:invoke`, `arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken`.
    Integration(Integration),
}

/// A call of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The ARN as written.
    pub arn: Text,
    /// `lambda`, `dynamodb`, `sns`, `aws-sdk:s3`, …: the history's `resourceType`.
    pub service: Text,
    /// `invoke`, `putItem`, `publish`, … without the pattern.
    pub action: Text,
    /// How the answer comes.
    pub pattern: Pattern,
}

impl Integration {
    /// The history's `resource`: action and pattern, e.g. `sendMessage.waitForTaskToken`.
    pub fn resource(&self) -> String {
        format!("{}{}", self.action, self.pattern.suffix())
    }
}

/// How an integration's answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    /// With the response.
    RequestResponse,
    /// When the job is done.
    Sync,
    /// When the job is done, with its output as JSON.
    Sync2,
    /// With `SendTaskSuccess` or `SendTaskFailure`.
    WaitForTaskToken,
}

impl Pattern {
    /// The ending of the ARN.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

impl Resource {
    /// What an ARN names, if it has the shape of one that a Task may call.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let ("arn", Some(_partition), Some(service), Some(_region), Some(_account), Some(rest)) = (
            parts.next()?,
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return None;
        };
        match service {
            "lambda" if rest.starts_with("function:") => Some(Self::LambdaFunction(arn.into())),
            "states" if rest.starts_with("activity:") => Some(Self::Activity(arn.into())),
            "states" => integration(arn, rest).map(Self::Integration),
            _ => None,
        }
    }
}

/// AWS's words for a resource that it refuses.
pub(crate) fn unrecognised(arn: &str) -> String {
    format!(
        "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
    )
}

/// What our tables say about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// AWS has it.
    Known,
    /// The tables do not have it: AWS adds services and actions every month.
    Unheard,
    /// AWS refuses it: an action that an optimised integration does not have, `.sync` where there is none.
    Refuted,
}

impl Resource {
    /// Whether AWS knows the service and action, as far as the tables say.
    pub(crate) fn knowledge(&self) -> Knowledge {
        match self {
            Self::LambdaFunction(_) | Self::Activity(_) => Knowledge::Known,
            Self::Integration(integration) => integration.knowledge(),
        }
    }
}

impl Integration {
    /// The error name for the code that the service answered with: `DynamoDB.…` through the optimised integration,
    /// `DynamoDb.…` through `aws-sdk:dynamodb`. A code that is a name already (`Lambda.Unknown`, `States.Timeout`) stays.
    ///
    /// ```
    /// let resource = asl::Resource::parse("arn:aws:states:::aws-sdk:s3:getObject");
    /// let Some(asl::Resource::Integration(integration)) = resource else { panic!() };
    /// assert_eq!(integration.error_name("NoSuchKey"), "S3.NoSuchKeyException");
    /// ```
    pub fn error_name(&self, code: &str) -> String {
        services::error_name(&self.service, code)
    }

    fn knowledge(&self) -> Knowledge {
        let syncs = matches!(self.pattern, Pattern::Sync | Pattern::Sync2);
        if let Some(service) = self.service.strip_prefix("aws-sdk:") {
            return match (syncs, services::knows_action(service, &self.action)) {
                (true, _) => Knowledge::Refuted,
                (false, true) => Knowledge::Known,
                (false, false) if self.action.starts_with(|first: char| first.is_ascii_uppercase()) => {
                    Knowledge::Refuted
                }
                (false, false) => Knowledge::Unheard,
            };
        }
        match OPTIMISED.iter().find(|(service, _)| *service == &*self.service) {
            None => Knowledge::Unheard,
            Some((service, _)) if syncs && WITHOUT_SYNC.contains(service) => Knowledge::Refuted,
            Some((_, actions)) if actions.contains(&&*self.action) => Knowledge::Known,
            Some(_) => Knowledge::Refuted,
        }
    }
}

/// Optimised integrations that cannot be waited for with `.sync`. Source: integrate-optimized.html, November 2026.
const WITHOUT_SYNC: [&str; 8] = ["apigateway", "dynamodb", "events", "http", "lambda", "s3", "sns", "sqs"];

/// The optimised integrations and their actions. Source: integrate-optimized.html, November 2026.
const OPTIMISED: [(&str, &[&str]); 22] = [
    ("apigateway", &["invoke"]),
    (
        "athena",
        &[
            "startQueryExecution",
            "stopQueryExecution",
            "getQueryExecution",
            "getQueryResults",
        ],
    ),
    ("batch", &["submitJob"]),
    ("bedrock", &["invokeModel", "createModelCustomizationJob"]),
    (
        "codebuild",
        &[
            "startBuild",
            "stopBuild",
            "batchDeleteBuilds",
            "batchGetReports",
            "startBuildBatch",
            "stopBuildBatch",
            "retryBuildBatch",
            "deleteBuildBatch",
        ],
    ),
    ("databrew", &["startJobRun"]),
    ("dynamodb", &["getItem", "putItem", "deleteItem", "updateItem"]),
    ("ecs", &["runTask"]),
    (
        "eks",
        &[
            "call",
            "createCluster",
            "deleteCluster",
            "createFargateProfile",
            "deleteFargateProfile",
            "createNodegroup",
            "deleteNodegroup",
            "runJob",
        ],
    ),
    (
        "elasticmapreduce",
        &[
            "createCluster",
            "setClusterTerminationProtection",
            "terminateCluster",
            "addStep",
            "cancelStep",
            "modifyInstanceFleetByName",
            "modifyInstanceGroupByName",
        ],
    ),
    (
        "emr-containers",
        &["createVirtualCluster", "deleteVirtualCluster", "startJobRun"],
    ),
    (
        "emr-serverless",
        &[
            "createApplication",
            "startApplication",
            "stopApplication",
            "deleteApplication",
            "startJobRun",
            "cancelJobRun",
        ],
    ),
    ("events", &["putEvents"]),
    ("glue", &["startJobRun"]),
    ("http", &["invoke"]),
    ("lambda", &["invoke"]),
    ("mediaconvert", &["createJob"]),
    ("s3", &["getObject", "listObjectsV2", "putObject"]),
    (
        "sagemaker",
        &[
            "createEndpoint",
            "createEndpointConfig",
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createModel",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
            "updateEndpoint",
        ],
    ),
    ("sns", &["publish"]),
    ("sqs", &["sendMessage"]),
    ("states", &["startExecution"]),
];

fn integration(arn: &str, rest: &str) -> Option<Integration> {
    let (rest, pattern) = split_pattern(rest);
    let (service, action) = rest.rsplit_once(':')?;
    let plain = !service.is_empty() && !action.is_empty() && !action.contains('.');
    plain.then(|| Integration {
        arn: arn.into(),
        service: service.into(),
        action: action.into(),
        pattern,
    })
}

fn split_pattern(rest: &str) -> (&str, Pattern) {
    [Pattern::Sync, Pattern::Sync2, Pattern::WaitForTaskToken]
        .into_iter()
        .find_map(|pattern| Some((rest.strip_suffix(pattern.suffix())?, pattern)))
        .unwrap_or((rest, Pattern::RequestResponse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_functions_activities_and_services() {
        let resource = Resource::parse("arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken");
        let Some(Resource::Integration(integration)) = resource else {
            panic!("{resource:?}")
        };
        assert_eq!(
            (&*integration.service, &*integration.action),
            ("aws-sdk:sqs", "sendMessage")
        );
        assert_eq!(integration.resource(), "sendMessage.waitForTaskToken");
        assert!(matches!(
            Resource::parse("arn:aws:lambda:r:1:function:f:PROD"),
            Some(Resource::LambdaFunction(_))
        ));
        assert!(matches!(
            Resource::parse("arn:aws:states:r:1:activity:a"),
            Some(Resource::Activity(_))
        ));
        assert_eq!(Resource::parse("arn:aws:states:::nothing"), None);
    }
}
