//! Whether a mocked result has the shape of the service's response.
//!
//! The shapes are facts from AWS's published service models, in a dated data file; services that it does not hold are
//! not checked. Optimised integrations answer with the same shapes, except that binary members are JSON.

use super::shape::FieldValidationMode;
use crate::{Integration, Pattern, Resource};
use serde_json::Value;

/// One service a block; its head says how to read it.
const SHAPES: &str = include_str!("../../data/response-shapes-2026-11.txt");

/// The first field that does not fit, in AWS's words.
pub(crate) fn check(resource: &Resource, result: &Value, mode: FieldValidationMode) -> Result<(), String> {
    let Resource::Integration(integration) = resource else {
        return Ok(());
    };
    if mode == FieldValidationMode::None || integration.pattern != Pattern::RequestResponse {
        return Ok(());
    }
    match Service::of(integration) {
        Some((service, shape)) => service.check(shape, result, "", mode),
        None => Ok(()),
    }
}

/// The shapes of one service.
struct Service {
    lines: Vec<&'static str>,
    /// Members are written with a capital, as the States Language does.
    capitalised: bool,
    /// Binary members hold JSON.
    optimised: bool,
}

impl Service {
    /// The service of a call, and the number of its response's shape.
    fn of(integration: &Integration) -> Option<(Self, usize)> {
        let sdk_name = integration.service.strip_prefix("aws-sdk:");
        let name = match sdk_name.unwrap_or(&integration.service) {
            "states" => "sfn",
            "events" => "eventbridge",
            "elasticmapreduce" => "emr",
            "emr-containers" => "emrcontainers",
            "emr-serverless" => "emrserverless",
            "bedrock" if &*integration.action == "invokeModel" => "bedrockruntime",
            name => name,
        };
        let mut lines = SHAPES
            .lines()
            .skip_while(|line| line.strip_prefix('@').and_then(|line| line.split('\t').next()) != Some(name));
        let operations = lines.next()?.split('\t').nth(1)?;
        let shape = operations
            .split(',')
            .filter_map(|operation| operation.split_once(':'))
            .find(|(operation, _)| same_operation(operation, &integration.action))?
            .1;
        let lines = lines.take_while(|line| !line.starts_with('@')).collect();
        Some((
            Self {
                lines,
                capitalised: name == "sfn",
                optimised: sdk_name.is_none(),
            },
            shape.parse().ok()?,
        ))
    }

    fn check(&self, shape: usize, value: &Value, field: &str, mode: FieldValidationMode) -> Result<(), String> {
        let mut parts = self.lines.get(shape).copied().unwrap_or("d").split('\t');
        let kind = parts.next().unwrap_or("d");
        let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match kind {
            "x" if self.optimised => Ok(()),
            "s" | "x" => check_text(value, first, second, field),
            "t" => expect(value.is_string(), field, "a string"),
            "n" => check_number(value, first, field),
            "b" => expect(value.is_boolean(), field, "a boolean"),
            "l" => self.check_list(first, value, field, mode),
            "m" => self.check_map(first, value, field, mode),
            "o" => self.check_members(first, value, field, mode),
            _ => Ok(()),
        }
    }

    fn check_list(&self, element: &str, value: &Value, field: &str, mode: FieldValidationMode) -> Result<(), String> {
        let Some(elements) = value.as_array() else {
            return expect(false, field, "an array");
        };
        let shape = element.parse().unwrap_or(usize::MAX);
        elements
            .iter()
            .try_for_each(|element| self.check(shape, element, field, mode))
    }

    fn check_map(&self, member: &str, value: &Value, field: &str, mode: FieldValidationMode) -> Result<(), String> {
        let Some(members) = value.as_object() else {
            return expect(false, field, "an object");
        };
        let shape = member.parse().unwrap_or(usize::MAX);
        members
            .iter()
            .try_for_each(|(name, member)| self.check(shape, member, name, mode))
    }

    fn check_members(&self, shapes: &str, value: &Value, field: &str, mode: FieldValidationMode) -> Result<(), String> {
        let Some(members) = value.as_object() else {
            return expect(false, field, "an object");
        };
        for shape in shapes.split(',').filter(|shape| !shape.is_empty()) {
            let (required, shape) = shape.strip_prefix('!').map_or((false, shape), |shape| (true, shape));
            let Some((name, shape)) = shape.split_once(':') else {
                continue;
            };
            let name = self.written(name);
            match members.get(&name).filter(|member| !member.is_null()) {
                Some(member) => self.check(shape.parse().unwrap_or(usize::MAX), member, &name, mode)?,
                None if required && mode == FieldValidationMode::Strict => {
                    return Err(format!("Required field '{name}' is missing"));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn written(&self, name: &str) -> String {
        if self.capitalised {
            capitalised(name)
        } else {
            name.to_owned()
        }
    }
}

fn same_operation(operation: &str, action: &str) -> bool {
    operation == capitalised(action)
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn expect(fits: bool, field: &str, wanted: &str) -> Result<(), String> {
    if fits {
        Ok(())
    } else {
        Err(format!("Field '{field}' must be {wanted}"))
    }
}

fn check_text(value: &Value, least: &str, allowed: &str, field: &str) -> Result<(), String> {
    let Some(text) = value.as_str() else {
        return expect(false, field, "a string");
    };
    if !allowed.is_empty() && !allowed.split('|').any(|one| one == text) {
        return Err(format!("Field '{field}' is not an expected value"));
    }
    let least: usize = least.parse().unwrap_or(0);
    if text.chars().count() < least {
        Err(format!("Field '{field}' is smaller than the minimum length"))
    } else {
        Ok(())
    }
}

fn check_number(value: &Value, least: &str, field: &str) -> Result<(), String> {
    let Some(number) = value.as_f64() else {
        return expect(false, field, "a number");
    };
    let below = least.parse::<f64>().is_ok_and(|least| number < least);
    if below {
        Err(format!("Field '{field}' is less than the minimum value"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaint(arn: &str, result: &Value, mode: FieldValidationMode) -> Option<String> {
        check(&Resource::parse(arn).unwrap(), result, mode).err()
    }

    #[test]
    fn fields_are_checked_by_the_services_models() {
        let put = "arn:aws:states:::aws-sdk:s3:headObject";
        let strict = FieldValidationMode::Strict;
        assert_eq!(complaint(put, &json!({"ContentLength": 1}), strict), None);
        assert_eq!(
            complaint(put, &json!({"ContentLength": "1"}), strict).unwrap(),
            "Field 'ContentLength' must be a number"
        );
        let describe = "arn:aws:states:::aws-sdk:sfn:describeActivity";
        assert_eq!(
            complaint(describe, &json!({}), strict).unwrap(),
            "Required field 'ActivityArn' is missing"
        );
        assert_eq!(complaint(describe, &json!({}), FieldValidationMode::Present), None);
        let cluster = "arn:aws:states:::elasticmapreduce:createCluster";
        assert_eq!(
            complaint(cluster, &json!({"ClusterId": "j-1"}), strict),
            None,
            "the integration answers with members of its own"
        );
        let instances = "arn:aws:states:::aws-sdk:ec2:describeInstances";
        assert_eq!(
            complaint(instances, &json!({"Reservations": {}}), strict).unwrap(),
            "Field 'Reservations' must be an array"
        );
        assert_eq!(
            complaint("arn:aws:states:::aws-sdk:nosuch:thing", &json!(1), strict),
            None
        );
    }
}
