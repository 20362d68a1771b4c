//! One recorded case, and what of an answer must be equal to it.

use std::path::Path;

use serde_json::Value;

/// A case: what was sent and what came back.
pub(crate) struct Case {
    pub(crate) json: Value,
}

/// Every case of a kind; none without the folder of recordings.
pub(crate) fn cases(kind: &str) -> Vec<Case> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one way to tell the tests where the cases lie"
    )]
    let folder = std::env::var("GANTRY_GOLDEN");
    let Ok(folder) = folder else {
        println!("GANTRY_GOLDEN is not set: no recorded cases of {kind}");
        return Vec::new();
    };
    let mut found = Vec::new();
    for category in std::fs::read_dir(&folder).unwrap() {
        let category = category.unwrap().path();
        if category.is_dir() {
            found.extend(read(&category).into_iter().filter(|case| case.json["kind"] == kind));
        }
    }
    assert!(!found.is_empty(), "no recorded case of {kind} in {folder}");
    found
}

fn read(category: &Path) -> Vec<Case> {
    let files = std::fs::read_dir(category).unwrap().map(|file| file.unwrap().path());
    let json = |file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    files.map(|file| Case { json: json(file) }).collect()
}

impl Case {
    fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    /// Paths that hold anything, and tokens that stand for any text.
    fn rules(&self) -> impl Iterator<Item = &str> {
        self.json["normalise"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// Whether an execution ended as recorded: status, error, and the output by value.
    pub(crate) fn has_outcome(&self, described: &Value) -> bool {
        let recorded = &self.json["expect"]["final"];
        let output = described["output"]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok());
        let same_end = recorded["status"] == described["status"] && recorded["error"] == described["error"];
        let output = output.unwrap_or(Value::Null);
        let compared = std::panic::catch_unwind(|| {
            if recorded.get("output").is_some() {
                self.compare(&recorded["output"], &output, "$.final.output");
            }
        });
        same_end && compared.is_ok()
    }

    /// Panics unless the actual value is what was recorded.
    pub(crate) fn compare(&self, expected: &Value, actual: &Value, path: &str) {
        if self.rules().any(|rule| is_path(rule, path)) {
            return;
        }
        match (expected, actual) {
            (Value::Object(_) | Value::Array(_), Value::String(text))
                if serde_json::from_str::<Value>(text).is_ok() =>
            {
                self.compare(expected, &serde_json::from_str(text).unwrap(), path);
            }
            (Value::Object(expected), Value::Object(actual)) => {
                let names =
                    |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<std::collections::BTreeSet<_>>();
                assert_eq!(names(expected), names(actual), "{} at {path}", self.id());
                for (name, expected) in expected {
                    self.compare(expected, &actual[name], &format!("{path}.{name}"));
                }
            }
            (Value::Array(expected), Value::Array(actual)) => {
                assert_eq!(expected.len(), actual.len(), "{} at {path}", self.id());
                for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                    self.compare(expected, actual, &format!("{path}[{at}]"));
                }
            }
            (Value::String(expected), Value::String(actual)) if expected.starts_with('[') && is_json(expected) => {
                let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
                self.compare(&parse(expected), &parse(actual), path);
            }
            (Value::String(expected), Value::String(actual)) => {
                let tokens: Vec<&str> = self.rules().filter(|rule| !rule.starts_with('$')).collect();
                assert!(
                    fits(expected, actual, &tokens),
                    "{} at {path}:\n{expected}\n{actual}",
                    self.id()
                );
            }
            (Value::Number(expected), Value::Number(actual)) => {
                assert_eq!(expected.as_f64(), actual.as_f64(), "{} at {path}", self.id());
            }
            _ => assert_eq!(expected, actual, "{} at {path}", self.id()),
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn is_path(rule: &str, path: &str) -> bool {
    let mut parts = rule.split("[*]");
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    for part in parts {
        let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let Some(after) = index.and_then(|(_, after)| after.strip_prefix(part)) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

/// Whether a text is the expected one with something in place of each token; moments were recorded as `date`.
fn fits(expected: &str, actual: &str, tokens: &[&str]) -> bool {
    let mut pattern = regex::escape(expected);
    for token in tokens {
        pattern = pattern.replace(&regex::escape(token), "(?s:.*)");
    }
    let pattern = pattern.replace("date", r"(?:date|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\s\x22]*)");
    regex::Regex::new(&format!("^(?s:{pattern})$"))
        .unwrap()
        .is_match(actual)
}
