//! How a batcher is set up: read once, from names and values, all problems at once.

use std::str::FromStr;
use std::time::Duration;

/// How a batcher is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `STATE_BUCKET`: where runs keep their objects.
    pub state_bucket: String,
    /// `MAX_CONCURRENCY` (default 5): paths in a task of the small machine.
    pub task_items: usize,
    /// `BATCH_ITEMS` (default 100): items in a batch, when the request does not say.
    pub batch_items: u64,
    /// `DEADLINE_MARGIN_SECONDS` (default 5): how long before its deadline a call gives up.
    pub margin: Duration,
}

/// What is wrong with a configuration: all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s): {}", .problems.len(), .problems.join("; "))]
pub struct ConfigError {
    /// One sentence each.
    pub problems: Vec<String>,
}

impl Config {
    /// Reads the settings by their names.
    ///
    /// # Errors
    /// With every setting that is missing or cannot be read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let state_bucket = lookup("STATE_BUCKET").filter(|bucket| !bucket.is_empty());
        if state_bucket.is_none() {
            problems.push("`STATE_BUCKET` is not set: the bucket where runs keep their objects".to_owned());
        }
        let task_items = positive(&lookup, "MAX_CONCURRENCY", 5, &mut problems);
        let batch_items = positive(&lookup, "BATCH_ITEMS", 100, &mut problems);
        let seconds = positive(&lookup, "DEADLINE_MARGIN_SECONDS", 5, &mut problems);
        match state_bucket {
            Some(state_bucket) if problems.is_empty() => Ok(Self {
                state_bucket,
                task_items,
                batch_items,
                margin: Duration::from_secs(seconds),
            }),
            Some(_) | None => Err(ConfigError { problems }),
        }
    }
}

fn positive<N: FromStr + PartialEq + Default>(
    lookup: impl Fn(&str) -> Option<String>,
    name: &str,
    default: N,
    problems: &mut Vec<String>,
) -> N {
    let Some(text) = lookup(name).filter(|text| !text.is_empty()) else {
        return default;
    };
    match text.parse() {
        Ok(number) if number != N::default() => number,
        Ok(_) | Err(_) => {
            problems.push(format!("`{name}` is `{text}`, expected a whole number from 1 on"));
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let error = Config::from_lookup(|name| match name {
            "MAX_CONCURRENCY" => Some("many".to_owned()),
            "BATCH_ITEMS" => Some("0".to_owned()),
            _ => None,
        });
        assert_eq!(error.unwrap_err().problems.len(), 3);
    }

    #[test]
    fn the_state_bucket_is_enough() {
        let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
        assert_eq!((config.task_items, config.batch_items), (5, 100));
    }
}
