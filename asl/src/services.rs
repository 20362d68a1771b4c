//! What is known of AWS's services: their actions, and how integrations name their errors.
//!
//! Facts from AWS's published service models, in a dated data file. Whoever calls services gives their bare error codes;
//! the two kinds of integration name them differently, and `Retry` and `Catch` match those names.

/// One service a line; its head says how to read it.
const ACTIONS: &str = include_str!("../data/service-actions-2026-11.txt");

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Service {
    prefix: &'static str,
    actions: &'static str,
    errors: &'static str,
}

impl Service {
    /// A service by the name in `aws-sdk:name`: its id in lower case, with or without `service` at the end.
    fn named(name: &str) -> Option<Self> {
        ACTIONS.lines().find_map(|line| {
            let (known, rest) = line.split_once('\t')?;
            let same = known == name || known.strip_suffix("service") == Some(name);
            let mut parts = rest.split('\t');
            same.then_some(Self {
                prefix: parts.next()?,
                actions: parts.next()?,
                errors: parts.next()?,
            })
        })
    }

    fn models(self, code: &str) -> bool {
        self.errors
            .split(',')
            .any(|error| error == code || error.strip_suffix("Exception") == Some(code))
    }
}

/// Whether `aws-sdk:service:action` can be called: actions are written with a small first letter.
pub(crate) fn knows_action(service: &str, action: &str) -> bool {
    Service::named(service).is_some_and(|service| {
        let mut actions = service.actions.split(',');
        action.starts_with(|first: char| first.is_ascii_lowercase())
            && actions.any(|known| known.eq_ignore_ascii_case(action))
    })
}

/// The optimised integrations that name errors in their own way: service, prefix, error of what is not modelled, and the
/// service's name in the table. Source: recordings of DynamoDB, SNS, SQS, Lambda, Step Functions; the others by the names of the
/// SDK for Java 1, which the recordings follow.
const OPTIMISED: [(&str, &str, &str, &str); 14] = [
    ("athena", "Athena", "AmazonAthenaException", "athena"),
    ("batch", "Batch", "AWSBatchException", "batch"),
    ("codebuild", "CodeBuild", "AWSCodeBuildException", "codebuild"),
    ("dynamodb", "DynamoDB", "AmazonDynamoDBException", "dynamodb"),
    ("ecs", "ECS", "AmazonECSException", "ecs"),
    ("eks", "EKS", "AmazonEKSException", "eks"),
    (
        "elasticmapreduce",
        "ElasticMapReduce",
        "AmazonElasticMapReduceException",
        "emr",
    ),
    ("events", "EventBridge", "AmazonEventBridgeException", "eventbridge"),
    ("glue", "Glue", "AWSGlueException", "glue"),
    ("lambda", "Lambda", "AWSLambdaException", "lambda"),
    ("sagemaker", "SageMaker", "AmazonSageMakerException", "sagemaker"),
    ("sns", "SNS", "AmazonSNSException", "sns"),
    ("sqs", "SQS", "AmazonSQSException", "sqs"),
    ("states", "StepFunctions", "AWSStepFunctionsException", "sfn"),
];

/// The error name for the code that a service answered with; `service` is as in the resource, `aws-sdk:s3` or `sns`.
pub(crate) fn error_name(service: &str, code: &str) -> String {
    if code.contains('.') {
        return code.to_owned();
    }
    match service.strip_prefix("aws-sdk:") {
        Some(name) => match Service::named(name) {
            Some(service) => named(service.prefix, &format!("{}Exception", service.prefix), service, code),
            None => code.to_owned(),
        },
        None => optimised_error_name(service, code),
    }
}

fn optimised_error_name(service: &str, code: &str) -> String {
    let known = OPTIMISED.iter().find(|(optimised, ..)| *optimised == service);
    let Some((_, prefix, other, name)) = known else {
        return code.to_owned();
    };
    match Service::named(name) {
        Some(service) => named(prefix, other, service, code),
        None => format!("{prefix}.{other}"),
    }
}

/// `prefix.CodeException` for what the service models, else `prefix.other`.
fn named(prefix: &str, other: &str, service: Service, code: &str) -> String {
    if service.models(code) {
        let code = code.strip_suffix("Exception").unwrap_or(code);
        format!("{prefix}.{code}Exception")
    } else {
        format!("{prefix}.{other}")
    }
}

#[cfg(test)]
mod tests {
    use crate::{Resource, parse};

    fn name(resource: &str, code: &str) -> String {
        let resource = Resource::parse(&format!("arn:aws:states:::{resource}"));
        let Some(Resource::Integration(integration)) = resource else {
            panic!("{resource:?}")
        };
        integration.error_name(code)
    }

    /// From recordings of AWS.
    #[test]
    fn both_kinds_of_integrations_name_errors_in_their_own_way() {
        for (resource, code, expected) in [
            (
                "dynamodb:putItem",
                "ResourceNotFoundException",
                "DynamoDB.ResourceNotFoundException",
            ),
            (
                "dynamodb:putItem",
                "ValidationException",
                "DynamoDB.AmazonDynamoDBException",
            ),
            (
                "aws-sdk:dynamodb:putItem",
                "ResourceNotFoundException",
                "DynamoDb.ResourceNotFoundException",
            ),
            (
                "aws-sdk:dynamodb:putItem",
                "ValidationException",
                "DynamoDb.DynamoDbException",
            ),
            ("aws-sdk:s3:getObject", "NoSuchKey", "S3.NoSuchKeyException"),
            (
                "aws-sdk:sfn:sendTaskSuccess",
                "InvalidToken",
                "Sfn.InvalidTokenException",
            ),
            ("sns:publish", "InvalidParameter", "SNS.InvalidParameterException"),
            ("sns:publish", "NotFound", "SNS.NotFoundException"),
            ("sqs:sendMessage", "MissingParameter", "SQS.AmazonSQSException"),
            (
                "states:startExecution",
                "StateMachineDoesNotExist",
                "StepFunctions.StateMachineDoesNotExistException",
            ),
            ("lambda:invoke", "Lambda.Unknown", "Lambda.Unknown"),
        ] {
            assert_eq!(name(resource, code), expected, "{resource} {code}");
        }
    }

    #[test]
    fn actions_that_no_service_can_have_are_refused_and_new_ones_are_not() {
        let refused = |resource: &str| {
            let text = format!(
                r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"arn:aws:states:::{resource}","End":true}}}}}}"#
            );
            parse(&text).machine.is_none()
        };
        for resource in [
            "aws-sdk:s3:GetObject",
            "aws-sdk:s3:getObject.sync",
            "sns:subscribe",
            "sqs:sendMessage.sync",
        ] {
            assert!(refused(resource), "{resource}");
        }
        for resource in [
            "aws-sdk:dynamodb:putItems",
            "aws-sdk:nothing:getItem",
            "aws-sdk:rds:createDBInstance",
            "aws-sdk:databasemigration:createEndpoint",
            "aws-sdk:sfn:startExecution",
        ] {
            assert!(!refused(resource), "{resource}");
        }
    }
}
