//! The state machines that ship with the project, and how the places in their texts are filled in.
//!
//! A place is written `${Name}`, as `DefinitionSubstitutions` of a `CloudFormation` template has it. The texts themselves are
//! `asl/machines/*.asl.json`, the only description of the flows.

use std::collections::BTreeSet;

/// Puts a whole manifest through a Distributed Map: batcher, processors, consolidator, rounds, report.
pub const MANIFEST_MAP: &str = include_str!("../machines/manifest-map.asl.json");

/// Downloads the few resources that an execution's input names, in an inline Map.
pub const IMAGE_DOWNLOAD: &str = include_str!("../machines/image-download.asl.json");

/// The places of a text and the values for them do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to fill in the definition: {}", self.complaints())]
pub struct SubstituteError {
    /// Names of places in the text that no value was given for, each once, in alphabetical order.
    pub without_value: Vec<String>,
    /// Names of values that the text has no place for, each once, in alphabetical order.
    pub without_place: Vec<String>,
}

impl SubstituteError {
    fn complaints(&self) -> String {
        let list = |names: &[String], what: &str| {
            (!names.is_empty()).then(|| {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("{what} {}", names.join(", "))
            })
        };
        let complaints = [
            list(&self.without_value, "no value is given for"),
            list(&self.without_place, "the text has no place for"),
        ];
        complaints.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// Fills in every `${Name}` of a definition's text. Values are written as they are: they must fit inside a JSON string.
///
/// ```
/// let text = r#"{"Resource": "${ProcessorFunctionArn}"}"#;
/// let filled = asl::substitute(text, &[("ProcessorFunctionArn", "arn:aws:lambda:us-east-1:111111111111:function:p")]);
/// assert_eq!(
///     filled.as_deref(),
///     Ok(r#"{"Resource": "arn:aws:lambda:us-east-1:111111111111:function:p"}"#)
/// );
///
/// let error = asl::substitute(text, &[("Topic", "t")]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "failed to fill in the definition: no value is given for `ProcessorFunctionArn`; the text has no place for `Topic`"
/// );
/// ```
///
/// # Errors
/// When a place has no value, or a value has no place: one of the two names is misspelt.
pub fn substitute(text: &str, values: &[(&str, &str)]) -> Result<String, SubstituteError> {
    let mut filled = String::with_capacity(text.len());
    let (mut used, mut without_value) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = text;
    while let Some((before, name, after)) = next_place(rest) {
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => {
                used.insert(name);
                filled.push_str(value);
            }
            None => {
                without_value.insert(name.to_owned());
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    let unused = values.iter().map(|(name, _)| *name).filter(|name| !used.contains(name));
    let without_place: BTreeSet<String> = unused.map(str::to_owned).collect();
    if without_value.is_empty() && without_place.is_empty() {
        return Ok(filled);
    }
    Err(SubstituteError {
        without_value: without_value.into_iter().collect(),
        without_place: without_place.into_iter().collect(),
    })
}

/// The text before the next place, the place's name, and the text after it. `${` without a name and `}` is no place.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices("${").find_map(|(at, opening)| {
        let (before, from) = text.split_at_checked(at)?;
        let (name, after) = from.strip_prefix(opening)?.split_once('}')?;
        is_name(name).then_some((before, name, after))
    })
}

/// Letters, digits and underscores, at least one.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_wherever_they_stand() {
        let filled = substitute("${A}-${B}${A}", &[("A", "1"), ("B", "${A}")]);
        assert_eq!(filled.as_deref(), Ok("1-${A}1"), "values are not read again");
        assert_eq!(substitute("$.a ${} ${a b} ${", &[]).as_deref(), Ok("$.a ${} ${a b} ${"));
    }

    #[test]
    fn names_that_do_not_agree_are_all_told() {
        let error = substitute("${B} ${A} ${B}", &[("C", ""), ("A", "")]).unwrap_err();
        assert_eq!(
            (error.without_value, error.without_place),
            (vec!["B".to_owned()], vec!["C".to_owned()])
        );
    }
}
