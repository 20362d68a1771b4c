//! Compares our answer with a recording, whose volatile parts are wildcards and tokens.

use crate::case::Case;
use crate::normal::dated;
use crate::paths::{Step, fits, parse};
use serde_json::Value;

/// What in a recording stands for anything.
#[derive(Debug)]
pub(crate) struct Rules {
    wildcards: Vec<Vec<Step>>,
    tokens: Vec<String>,
    /// Whether `1` and `1.0` differ.
    pub(crate) number_form: bool,
    /// Whether arrays in strings are compared as values.
    pub(crate) arrays_by_value: bool,
}

/// The first difference, as text.
pub(crate) type Compared = Result<(), String>;

/// The placeholders `<Etag-…>` in a recording: entity tags differ from run to run.
fn etags(expect: &Value) -> Vec<String> {
    let text = expect.to_string();
    let placeholders = text.split("<Etag-").skip(1).filter_map(|rest| rest.split_once('>'));
    placeholders.map(|(number, _)| format!("<Etag-{number}>")).collect()
}

impl Rules {
    pub(crate) fn of(case: &Case) -> Self {
        let bound = case.list("bound");
        let (mut wildcards, mut tokens) = (Vec::new(), Vec::new());
        for entry in case.list("normalise") {
            match parse(entry) {
                Some(steps) => wildcards.push(steps),
                None if !bound.contains(&entry) => tokens.push(entry.to_owned()),
                None => {}
            }
        }
        tokens.extend(etags(case.expect()));
        tokens.push("<date>".to_owned());
        tokens.sort_by_key(|token| std::cmp::Reverse(token.len()));
        Self {
            wildcards,
            tokens,
            number_form: false,
            arrays_by_value: true,
        }
    }

    pub(crate) fn strict(mut self) -> Self {
        (self.number_form, self.arrays_by_value) = (true, false);
        self
    }

    /// Compares what stands at `place` of `expect`.
    pub(crate) fn compare(&self, expected: &Value, actual: &Value, place: &mut Vec<Step>) -> Compared {
        if self.wildcards.iter().any(|pattern| fits(pattern, place)) {
            return Ok(());
        }
        match (expected, actual) {
            (Value::Object(_) | Value::Array(_), Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(parsed @ (Value::Object(_) | Value::Array(_))) => self.compare(expected, &dated(&parsed), place),
                Ok(_) | Err(_) => Err(difference(expected, actual, place)),
            },
            (Value::Object(expected), Value::Object(actual)) => self.compare_members(expected, actual, place),
            (Value::Array(expected_all), Value::Array(actual_all)) => {
                if expected_all.len() != actual_all.len() {
                    return Err(difference(expected, actual, place));
                }
                for (at, (expected, actual)) in expected_all.iter().zip(actual_all).enumerate() {
                    place.push(Step::Index(at));
                    self.compare(expected, actual, place)?;
                    place.pop();
                }
                Ok(())
            }
            (Value::String(wanted), Value::String(found)) => {
                if self.text_fits(wanted, found, place) {
                    Ok(())
                } else {
                    Err(difference(expected, actual, place))
                }
            }
            (Value::Number(wanted), Value::Number(found)) if !self.number_form => {
                if wanted.as_f64() == found.as_f64() {
                    Ok(())
                } else {
                    Err(difference(expected, actual, place))
                }
            }
            (expected, actual) if expected == actual => Ok(()),
            (expected, actual) => {
                let text = expected.as_str();
                let stands_for_anything = text.is_some_and(|text| self.tokens.iter().any(|token| token == text));
                if stands_for_anything {
                    Ok(())
                } else {
                    Err(difference(expected, actual, place))
                }
            }
        }
    }

    fn compare_members(
        &self,
        expected: &serde_json::Map<String, Value>,
        actual: &serde_json::Map<String, Value>,
        place: &mut Vec<Step>,
    ) -> Compared {
        for (name, wanted) in expected {
            let found = actual.get(name).or_else(|| {
                actual
                    .iter()
                    .find(|(other, _)| self.fits_tokens(name, other))
                    .map(|(_, value)| value)
            });
            let Some(found) = found else {
                return Err(format!("{}: `{name}` is missing", show(place)));
            };
            place.push(Step::Name(name.clone()));
            self.compare(wanted, found, place)?;
            place.pop();
        }
        match actual.keys().find(|name| {
            !expected
                .keys()
                .any(|wanted| wanted == *name || self.fits_tokens(wanted, name))
        }) {
            Some(name) => Err(format!("{}: `{name}` is too much: {}", show(place), actual[name])),
            None => Ok(()),
        }
    }

    fn text_fits(&self, wanted: &str, found: &str, place: &mut Vec<Step>) -> bool {
        if wanted == found || self.fits_tokens(wanted, found) {
            return true;
        }
        if !self.arrays_by_value || !(wanted.starts_with('[') || wanted.starts_with('"')) {
            return false;
        }
        match (
            serde_json::from_str::<Value>(wanted),
            serde_json::from_str::<Value>(found),
        ) {
            (Ok(wanted @ (Value::Array(_) | Value::String(_))), Ok(found)) => {
                self.compare(&wanted, &dated(&found), place).is_ok()
            }
            (_, _) => false,
        }
    }

    /// Whether `found` is `wanted` with any text for each token.
    fn fits_tokens(&self, wanted: &str, found: &str) -> bool {
        let parts = self.literals(wanted);
        let Some((first, rest)) = parts.split_first() else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return wanted == found;
        };
        let Some(mut found) = found.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(at) = found.find(part.as_str()) else {
                return false;
            };
            found = found.split_at(at + part.len()).1;
        }
        found.ends_with(last.as_str())
    }

    /// The text between tokens.
    fn literals(&self, text: &str) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let token = self.tokens.iter().find(|token| rest.starts_with(token.as_str()));
            if token.is_some() {
                parts.push(String::new());
            } else {
                parts.last_mut().unwrap().push(character);
            }
            rest = rest.split_at(token.map_or(character.len_utf8(), String::len)).1;
        }
        parts
    }
}

pub(crate) fn show(place: &[Step]) -> String {
    place.iter().fold("$".to_owned(), |text, step| match step {
        Step::Name(name) => format!("{text}.{name}"),
        Step::Index(at) => format!("{text}[{at}]"),
        Step::AnyIndex => format!("{text}[*]"),
    })
}

fn difference(expected: &Value, actual: &Value, place: &[Step]) -> String {
    format!(
        "{}: expected {} but found {}",
        show(place),
        short(expected),
        short(actual)
    )
}

pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 600 {
        format!("{}…", text.chars().take(600).collect::<String>())
    } else {
        text
    }
}
