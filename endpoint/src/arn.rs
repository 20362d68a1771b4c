//! ARNs of Step Functions, taken apart.

use ports::StateMachineArn;

use crate::error::ApiError;

/// `arn:aws:states:us-east-1:000000000000:stateMachine:orders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// The whole text.
    pub(crate) text: &'a str,
    /// `stateMachine`, `execution`, `express`, `activity` or `mapRun`.
    pub(crate) kind: &'a str,
    /// What stands behind the kind.
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN of any kind.
    ///
    /// # Errors
    /// [`ApiError::InvalidArn`] with AWS's texts.
    pub(crate) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let mut parts = text.splitn(7, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (prefix, _partition, service, _region, _account, kind, resource) =
            (part(), part(), part(), part(), part(), part(), part());
        if prefix != "arn" {
            return Err(ApiError::InvalidArn(format!("Invalid ARN prefix: {text}")));
        }
        if service != "states" || kind.is_empty() || resource.is_empty() {
            return Err(ApiError::InvalidArn(format!(
                "Resource type not valid in this context: {kind}"
            )));
        }
        Ok(Self { text, kind, resource })
    }

    /// Checks that a role is named by an ARN; no role is assumed here.
    ///
    /// # Errors
    /// [`ApiError::InvalidArn`] with AWS's texts.
    pub(crate) fn parse_role(text: &str) -> Result<(), ApiError> {
        if text.starts_with("arn:") {
            return Ok(());
        }
        Err(ApiError::InvalidArn(format!("Invalid ARN prefix: {text}")))
    }

    /// Reads an ARN of one of these kinds.
    ///
    /// # Errors
    /// [`ApiError::InvalidArn`] with AWS's texts.
    pub(crate) fn of_kind(text: &'a str, kinds: &[&str]) -> Result<Self, ApiError> {
        let arn = Self::parse(text)?;
        if kinds.contains(&arn.kind) {
            return Ok(arn);
        }
        let message = format!("Resource type not valid in this context: {}", arn.kind);
        Err(ApiError::InvalidArn(message))
    }
}

/// A state machine, one of its versions or one of its aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MachineArn {
    /// The machine without version or alias.
    pub(crate) machine: StateMachineArn,
    /// What stands behind the machine's name.
    pub(crate) qualifier: Option<Qualifier>,
}

/// What can stand behind a state machine's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Qualifier {
    /// `…:stateMachine:orders:7`
    Version(u64),
    /// `…:stateMachine:orders:live`
    Alias(String),
}

impl MachineArn {
    /// Reads the ARN of a state machine, a version or an alias.
    ///
    /// # Errors
    /// [`ApiError::InvalidArn`] with AWS's texts.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let arn = Arn::of_kind(text, &["stateMachine"])?;
        let Some((_name, qualifier)) = arn.resource.split_once(':') else {
            return Ok(Self {
                machine: StateMachineArn(text.to_owned()),
                qualifier: None,
            });
        };
        let machine = text.strip_suffix(qualifier).and_then(|text| text.strip_suffix(':'));
        let version = qualifier.parse().map(Qualifier::Version);
        Ok(Self {
            machine: StateMachineArn(machine.unwrap_or(text).to_owned()),
            qualifier: Some(version.unwrap_or_else(|_name| Qualifier::Alias(qualifier.to_owned()))),
        })
    }
}

/// The ARN of a version.
pub(crate) fn version(machine: &StateMachineArn, number: u64) -> String {
    format!("{machine}:{number}")
}

/// The ARN of an alias.
pub(crate) fn alias(machine: &StateMachineArn, name: &str) -> String {
    format!("{machine}:{name}")
}

/// Refuses a name as AWS does: white space, brackets, wildcards, special and control characters.
///
/// # Errors
/// [`ApiError::InvalidName`].
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let refused = |character: char| {
        character.is_whitespace() || character.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(character)
    };
    if name.is_empty() || name.chars().any(refused) {
        return Err(ApiError::InvalidName(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";

    #[test]
    fn versions_and_aliases_are_told_apart() {
        let qualified = format!("{MACHINE}:7");
        let version = MachineArn::parse(&qualified).unwrap();
        assert_eq!(
            (version.machine.0.as_str(), version.qualifier),
            (MACHINE, Some(Qualifier::Version(7)))
        );
        let qualified = format!("{MACHINE}:live");
        let alias = MachineArn::parse(&qualified).unwrap();
        assert_eq!(
            (alias.machine.0.as_str(), alias.qualifier),
            (MACHINE, Some(Qualifier::Alias("live".to_owned())))
        );
        assert_eq!(MachineArn::parse(MACHINE).unwrap().qualifier, None);
    }

    /// The first two texts are recordings of the service, 2024-03-08 and 2024-07-03.
    #[test]
    fn other_texts_are_refused_in_awss_words() {
        let told = |text, kinds: &[&str]| Arn::of_kind(text, kinds).unwrap_err().to_string();
        assert_eq!(
            told("not_a_valid_arn", &["stateMachine"]),
            "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"
        );
        let express = "arn:aws:states:us-east-1:123456789012:express:orders:a:b";
        assert_eq!(
            told(express, &["execution"]),
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
        assert!(Arn::parse("arn:aws:lambda:us-east-1:123456789012:function:f").is_err());
        assert!(Arn::parse("arn:aws:states").is_err());
    }

    #[test]
    fn names_with_special_characters_are_refused() {
        assert!(check_name("orders-1_2.3(a)+@!'=é").is_ok());
        for refused in ["", "a b", "a\u{7}", "TestActivity InvalidName$", "a/b", "a:b", "<a>"] {
            assert_eq!(check_name(refused), Err(ApiError::InvalidName(refused.to_owned())));
        }
    }
}
