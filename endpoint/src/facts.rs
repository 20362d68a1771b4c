//! What the service model says of each operation and shape: a dated data file, read once.
//!
//! The file is made by `data/make_facts.py` from botocore's model and holds facts alone.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use crate::error::ApiError;

const FILE: &str = include_str!("../data/stepfunctions-2026-11.json");

/// The service model's facts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    /// What `X-Amz-Target` begins with.
    pub(crate) target_prefix: String,
    operations: BTreeMap<String, OperationFacts>,
    shapes: BTreeMap<String, Shape>,
    #[serde(skip)]
    patterns: BTreeMap<String, Pattern>,
}

/// An operation's shapes.
#[derive(Debug, Deserialize)]
pub(crate) struct OperationFacts {
    pub(crate) input: String,
}

/// A shape and its constraints.
#[derive(Debug, Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    #[serde(rename = "enum", default)]
    pub(crate) values: Vec<String>,
    #[serde(default)]
    pub(crate) sensitive: bool,
    /// Members of a structure and their shapes.
    #[serde(default)]
    members: serde_json::Map<String, serde_json::Value>,
    /// The shape of a list's elements.
    pub(crate) member: Option<String>,
    pattern: Option<String>,
}

/// The types of the service's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Float,
    Boolean,
    Timestamp,
}

/// A pattern of the model. A text satisfies it when it matches every part as a whole.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// As the model has it.
    pub(crate) text: String,
    parts: Vec<Regex>,
}

impl Pattern {
    /// One lookahead at the beginning becomes a part of its own: the regex crate has none.
    fn new(text: &str) -> Result<Self, regex::Error> {
        let plain = text.replace(r"\p{ASCII}", r"[\x00-\x7F]");
        let split = plain.strip_prefix("^(?=").and_then(|rest| rest.split_once(')'));
        let parts = match split {
            Some((ahead, rest)) => vec![format!("^{ahead}"), format!("^{rest}")],
            None => vec![format!("^(?:{plain})$")],
        };
        Ok(Self {
            text: text.to_owned(),
            parts: parts.iter().map(|part| Regex::new(part)).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.parts.iter().all(|part| part.is_match(text))
    }
}

impl Facts {
    /// Reads the data file.
    ///
    /// # Errors
    /// When the data file of this build is not what this build expects.
    pub(crate) fn load() -> Result<Self, ApiError> {
        let fault =
            |error: &dyn std::error::Error| ApiError::Internal(format!("failed to read the service model: {error}"));
        let mut facts: Self = serde_json::from_str(FILE).map_err(|error| fault(&error))?;
        for (name, shape) in &facts.shapes {
            if let Some(pattern) = &shape.pattern {
                let pattern = Pattern::new(pattern).map_err(|error| fault(&error))?;
                facts.patterns.insert(name.clone(), pattern);
            }
        }
        Ok(facts)
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&OperationFacts> {
        self.operations.get(name)
    }

    #[cfg(test)]
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    pub(crate) fn pattern(&self, shape: &str) -> Option<&Pattern> {
        self.patterns.get(shape)
    }
}

impl Shape {
    /// Members of a structure and their shapes, in the model's order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.members.iter();
        members.filter_map(|(name, shape)| Some((name.as_str(), shape.as_str()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_of_november_2026_has_37_operations() {
        let facts = Facts::load().unwrap();
        assert_eq!(facts.operations().count(), 37);
        assert_eq!(facts.target_prefix, "AWSStepFunctions");
        let name = facts.shape("Name").unwrap();
        assert_eq!((name.kind, name.min, name.max), (Kind::String, Some(1), Some(80)));
    }

    #[test]
    fn patterns_match_whole_texts() {
        let facts = Facts::load().unwrap();
        let alias = facts.pattern("CharacterRestrictedName").unwrap();
        assert!(alias.matches("live") && alias.matches("v-1") && alias.matches("1.0"));
        // Texts that the service refused in recordings.
        for refused in ["123", "INVALID ALIAS", "!INVALID", "ALIAS@"] {
            assert!(!alias.matches(refused), "{refused}");
        }
        let token = facts.pattern("ClientToken").unwrap();
        assert!(token.matches("a~b") && !token.matches("a b") && !token.matches(""));
        assert!(!facts.pattern("TraceHeader").unwrap().matches("é"));
    }
}
