//! What a task calls: a Lambda function, or an action of a service.

use std::fmt;
use std::sync::Arc;

/// Names a Lambda function: `arn:aws:lambda:us-east-1:000000000000:function:batcher`, with a version or an alias at
/// its end where one is wanted.
///
/// ```
/// use ports::FunctionArn;
///
/// let arn = FunctionArn::from("arn:aws:lambda:us-east-1:000000000000:function:batcher:PROD");
/// assert_eq!(arn.name(), "batcher");
/// assert_eq!(arn.qualifier(), Some("PROD"));
/// assert_eq!(arn.unqualified().as_str(), "arn:aws:lambda:us-east-1:000000000000:function:batcher");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionArn(Arc<str>);

/// Colons before the name of a function in its ARN.
const COLONS_BEFORE_NAME: usize = 6;

impl FunctionArn {
    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The function's name. A text that is no ARN is taken for a name.
    pub fn name(&self) -> &str {
        self.0
            .splitn(COLONS_BEFORE_NAME + 2, ':')
            .nth(COLONS_BEFORE_NAME)
            .unwrap_or(&self.0)
    }

    /// The region, if the text is an ARN.
    pub fn region(&self) -> Option<&str> {
        let is_arn = self.0.starts_with("arn:");
        self.0.split(':').nth(3).filter(|region| is_arn && !region.is_empty())
    }

    /// The version or alias, if the ARN names one.
    pub fn qualifier(&self) -> Option<&str> {
        self.0.splitn(COLONS_BEFORE_NAME + 2, ':').nth(COLONS_BEFORE_NAME + 1)
    }

    /// The ARN without version and alias.
    #[must_use]
    pub fn unqualified(&self) -> Self {
        let end = self
            .qualifier()
            .map(|qualifier| self.0.len().saturating_sub(qualifier.len() + 1));
        match end.and_then(|end| self.0.get(..end)) {
            Some(unqualified) => Self::from(unqualified),
            None => self.clone(),
        }
    }
}

impl<T: Into<Arc<str>>> From<T> for FunctionArn {
    fn from(arn: T) -> Self {
        Self(arn.into())
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a task calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A Lambda function, called with the task's input.
    Function(FunctionArn),
    /// An action of a service, called with its parameters.
    Service {
        /// Which of the two kinds of integrations is meant.
        integration: Integration,
        /// The service as it stands in the resource: `dynamodb`, `sns`, `sqs`, `sfn`, …
        service: Arc<str>,
        /// The action in camel case: `putItem`, `publish`, …
        action: Arc<str>,
        /// How the task's result comes.
        pattern: IntegrationPattern,
    },
}

impl Target {
    /// An action of an optimised integration, answered with its response.
    ///
    /// ```
    /// let target = ports::Target::optimised("dynamodb", "putItem");
    /// assert_eq!(target.to_string(), "arn:aws:states:::dynamodb:putItem");
    /// ```
    pub fn optimised(service: &str, action: &str) -> Self {
        Self::request_response(Integration::Optimised, service, action)
    }

    /// An action of the AWS SDK, answered with its response.
    ///
    /// ```
    /// let target = ports::Target::aws_sdk("sqs", "sendMessage");
    /// assert_eq!(target.to_string(), "arn:aws:states:::aws-sdk:sqs:sendMessage");
    /// ```
    pub fn aws_sdk(service: &str, action: &str) -> Self {
        Self::request_response(Integration::AwsSdk, service, action)
    }

    fn request_response(integration: Integration, service: &str, action: &str) -> Self {
        Self::Service {
            integration,
            service: service.into(),
            action: action.into(),
            pattern: IntegrationPattern::RequestResponse,
        }
    }
}

impl From<FunctionArn> for Target {
    fn from(arn: FunctionArn) -> Self {
        Self::Function(arn)
    }
}

impl fmt::Display for Target {
    /// The resource as a definition names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(arn) => arn.fmt(f),
            Self::Service {
                integration,
                service,
                action,
                pattern,
            } => write!(
                f,
                "arn:aws:states:::{}{service}:{action}{}",
                integration.prefix(),
                pattern.suffix()
            ),
        }
    }
}

/// The kinds of service integrations.
///
/// **Source**: integrate-services.html of the Step Functions developer guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Integration {
    /// One that Step Functions has shaped for state machines: `arn:aws:states:::sns:publish`.
    Optimised,
    /// An action of a service's API as the SDK has it: `arn:aws:states:::aws-sdk:sns:publish`.
    AwsSdk,
}

impl Integration {
    /// What stands before the service in a resource.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Optimised => "",
            Self::AwsSdk => "aws-sdk:",
        }
    }
}

/// How the result of a service's action comes.
///
/// **Source**: connect-to-resource.html of the Step Functions developer guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntegrationPattern {
    /// The service's response is the result.
    RequestResponse,
    /// The result comes when the job that was started is done.
    Sync,
    /// The result comes when the job that was started is done, its output as JSON instead of text.
    Sync2,
    /// The result comes with `SendTaskSuccess` or `SendTaskFailure`; the service's response is a receipt.
    WaitForTaskToken,
}

impl IntegrationPattern {
    /// What stands behind the action in a resource.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_a_name_with_and_without_a_version() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:echo";
        let qualified = format!("{arn}:$LATEST");
        for (text, name, qualifier) in [
            (arn, "echo", None),
            (&qualified, "echo", Some("$LATEST")),
            ("echo", "echo", None),
        ] {
            let function = FunctionArn::from(text);
            assert_eq!((function.name(), function.qualifier()), (name, qualifier), "{text}");
        }
        assert_eq!(FunctionArn::from(qualified).unqualified().as_str(), arn);
        assert_eq!(FunctionArn::from(arn).unqualified().as_str(), arn);
    }

    #[test]
    fn a_target_prints_as_a_definition_names_it() {
        let target = Target::Service {
            integration: Integration::AwsSdk,
            service: "sqs".into(),
            action: "sendMessage".into(),
            pattern: IntegrationPattern::WaitForTaskToken,
        };
        assert_eq!(
            target.to_string(),
            "arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken"
        );
        assert_eq!(IntegrationPattern::Sync2.suffix(), ".sync:2");
    }
}
