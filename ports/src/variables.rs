//! Settings by their names: what a stage is told once, when its process starts.

use std::fmt::Display;
use std::str::FromStr;

/// Reads variables, and collects what is wrong with them, so that all problems are told at once.
///
/// ```
/// use ports::Variables;
///
/// let environment = |name: &str| (name == "ATTEMPTS").then(|| "many".to_owned());
/// let mut variables = Variables::new(&environment);
/// let bucket = variables.required("STATE_BUCKET", "the bucket where runs keep their objects");
/// let attempts: u32 = variables.number("ATTEMPTS", 4);
/// let error = variables.finish((bucket, attempts)).unwrap_err();
/// assert_eq!(
///     error.problems,
///     [
///         "STATE_BUCKET is not set: the bucket where runs keep their objects",
///         "ATTEMPTS is `many`: invalid digit found in string",
///     ]
/// );
/// ```
pub struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// Everything that is wrong with the variables of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s): {}", .problems.len(), .problems.join("; "))]
pub struct ConfigError {
    /// One sentence for each problem.
    pub problems: Vec<String>,
}

impl std::fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables")
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// Variables that are looked up by their names.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    /// The value of a variable; `None` when it is not set or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set. The problem says what the variable is for.
    pub fn required(&mut self, name: &str, meaning: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.add_problem(format!("{name} is not set: {meaning}"));
            String::new()
        })
    }

    /// A number, or another value that is written as text.
    pub fn number<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else {
            return default;
        };
        text.parse().unwrap_or_else(|error| {
            self.add_problem(format!("{name} is `{text}`: {error}"));
            default
        })
    }

    /// A whole number from 1 on.
    pub fn positive<T: FromStr + PartialEq + Default>(&mut self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if number != T::default() => number,
            Ok(_) | Err(_) => {
                self.add_problem(format!("{name} is `{text}`, expected a whole number from 1 on"));
                default
            }
        }
    }

    /// One of several words, each with its meaning.
    pub fn one_of<T: Copy, const N: usize>(&mut self, name: &str, words: [(&str, T); N], default: T) -> T {
        let Some(text) = self.text(name) else {
            return default;
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map_or_else(
            || {
                let expected = words.map(|(word, _)| format!("`{word}`")).join(" or ");
                self.add_problem(format!("{name} is `{text}`, expected {expected}"));
                default
            },
            |(_, meaning)| *meaning,
        )
    }

    /// Words that are separated by commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// Adds a problem that a caller has found.
    pub fn add_problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The configuration that was made of the variables.
    ///
    /// # Errors
    /// With all problems that were found.
    pub fn finish<C>(self, config: C) -> Result<C, ConfigError> {
        if self.problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError {
            problems: self.problems,
        })
    }
}
