//! Which service and which operation a request is for: by its target, its signature's scope, or its path.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The header in which AWS JSON names the operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// Services by what stands before the dot in a target.
const TARGETS: [(&str, &str); 9] = [
    ("AWSEvents", "events"),
    ("AmazonSQS", "sqs"),
    ("AmazonSSM", "ssm"),
    ("DynamoDBStreams_20120810", "dynamodbstreams"),
    ("DynamoDB_20120810", "dynamodb"),
    ("Kinesis_20131202", "kinesis"),
    ("Logs_20140328", "logs"),
    ("TrentService", "kms"),
    ("secretsmanager", "secretsmanager"),
];

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// An operation of Step Functions.
    States(&'a str),
    /// Whether the endpoint is up.
    Health,
    /// A service that gantry does not have here, and the operation if the request names it.
    Elsewhere { service: &'a str, operation: &'a str },
    /// Nothing says what is wanted.
    Unknown,
}

/// Reads the route.
pub(crate) fn route<'a>(prefix: &str, path: &'a str, headers: &'a HeaderMap) -> Route<'a> {
    if let Some((service, operation)) = header(headers, TARGET).and_then(|target| target.rsplit_once('.')) {
        if service == prefix {
            return Route::States(operation);
        }
        let known = TARGETS.iter().find(|(target, _)| *target == service);
        let service = known.map_or(service, |(_, name)| name);
        return Route::Elsewhere { service, operation };
    }
    if path == "/_gantry/health" {
        return Route::Health;
    }
    let service = scope(headers).or_else(|| by_path(path));
    service.map_or(Route::Unknown, |service| Route::Elsewhere {
        service,
        operation: path,
    })
}

fn header(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `s3` of `AWS4-HMAC-SHA256 Credential=KEY/20261128/us-east-1/s3/aws4_request, …`.
fn scope(headers: &HeaderMap) -> Option<&str> {
    let (_, scope) = header(headers, AUTHORIZATION)?.split_once("Credential=")?;
    scope.split(',').next()?.split('/').nth(3)
}

fn by_path(path: &str) -> Option<&'static str> {
    let first = path.trim_start_matches('/').split('/').next()?;
    // The Lambda API's paths begin with a date: `/2015-03-31/functions/…`.
    let dated = first.len() == 10 && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    dated.then_some("lambda")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn requests_are_known_by_target_scope_and_path() {
        let scope =
            "AWS4-HMAC-SHA256 Credential=AK/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let cases = [
            (
                vec![("x-amz-target", "AWSStepFunctions.ListActivities")],
                "/",
                Route::States("ListActivities"),
            ),
            (
                vec![("x-amz-target", "DynamoDB_20120810.ListTables")],
                "/",
                Route::Elsewhere {
                    service: "dynamodb",
                    operation: "ListTables",
                },
            ),
            (
                vec![("authorization", scope)],
                "/b/k",
                Route::Elsewhere {
                    service: "s3",
                    operation: "/b/k",
                },
            ),
            (
                vec![],
                "/2015-03-31/functions",
                Route::Elsewhere {
                    service: "lambda",
                    operation: "/2015-03-31/functions",
                },
            ),
            (vec![], "/_gantry/health", Route::Health),
            (vec![], "/", Route::Unknown),
            (vec![("authorization", "Basic x")], "/", Route::Unknown),
        ];
        for (pairs, path, expected) in cases {
            assert_eq!(route("AWSStepFunctions", path, &headers(&pairs)), expected);
        }
    }
}
