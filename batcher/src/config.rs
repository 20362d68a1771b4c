//! How a batcher is set up: read once, from names and values, all problems at once.

use std::time::Duration;

use ports::{ConfigError, Variables};

/// How a batcher is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `STATE_BUCKET`: where runs keep their objects.
    pub state_bucket: String,
    /// `MAX_CONCURRENCY` (default 5): paths in a task of `image-download`.
    pub task_items: usize,
    /// `BATCH_ITEMS` (default 100): items in a batch, when the request does not say.
    pub batch_items: u64,
    /// `DEADLINE_MARGIN_SECONDS` (default 5): how long before its deadline a call gives up.
    pub margin: Duration,
}

impl Config {
    /// Reads the settings by their names.
    ///
    /// # Errors
    /// With every setting that is missing or cannot be read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(&lookup);
        let config = Self {
            state_bucket: variables.required("STATE_BUCKET", "the bucket where runs keep their objects"),
            task_items: variables.positive("MAX_CONCURRENCY", 5),
            batch_items: variables.positive("BATCH_ITEMS", 100),
            margin: Duration::from_secs(variables.positive("DEADLINE_MARGIN_SECONDS", 5)),
        };
        variables.finish(config)
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
