//! How a consolidator is set up: read once, from names and values, all problems at once.

use std::time::Duration;

use ports::{ConfigError, TableSchema, Variables};

/// How a consolidator is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `STATE_BUCKET`: where runs keep their objects.
    pub state_bucket: String,
    /// `TABLE_NAME`: the table of successes; none are written without it. `TABLE_HASH` (default `url`) and
    /// `TABLE_RANGE` (default none) name its key attributes.
    pub table: Option<TableSchema>,
    /// `TABLE_URL` (default `full`): how a URL stands in the table.
    pub table_url: TableUrl,
    /// `TOPIC_ARN`: told about failures; nobody is without it.
    pub topic: Option<String>,
    /// `REPORT` (`all`, `failed`): which items stand in the report's CSV files. The results hold all of them.
    pub report_succeeded: bool,
    /// `DEADLINE_MARGIN_SECONDS` (default 20): how long before its deadline a call leaves off.
    pub margin: Duration,
}

/// How a URL stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableUrl {
    /// `full`: as it stood in the manifest, with the secrets that it may hold.
    #[default]
    Full,
    /// `hash`: its SHA-256 in hexadecimal digits.
    Hash,
}

impl Config {
    /// Reads the settings by their names.
    ///
    /// # Errors
    /// With every setting that is missing or cannot be read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(&lookup);
        let words = [("full", TableUrl::Full), ("hash", TableUrl::Hash)];
        let config = Self {
            state_bucket: variables.required("STATE_BUCKET", "the bucket where runs keep their objects"),
            table: variables.text("TABLE_NAME").map(|name| TableSchema {
                name,
                hash: variables.text("TABLE_HASH").unwrap_or_else(|| "url".to_owned()),
                range: variables.text("TABLE_RANGE"),
            }),
            table_url: variables.one_of("TABLE_URL", words, TableUrl::Full),
            topic: variables.text("TOPIC_ARN"),
            report_succeeded: variables.one_of("REPORT", [("all", true), ("failed", false)], true),
            margin: Duration::from_secs(variables.number("DEADLINE_MARGIN_SECONDS", 20)),
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
            "REPORT" => Some("some".to_owned()),
            "DEADLINE_MARGIN_SECONDS" => Some("soon".to_owned()),
            "TABLE_URL" => Some("short".to_owned()),
            _ => None,
        });
        assert_eq!(error.unwrap_err().problems.len(), 4);
    }

    #[test]
    fn the_state_bucket_is_enough() {
        let config = Config::from_lookup(|name| (name == "STATE_BUCKET").then(|| "state".to_owned())).unwrap();
        assert_eq!(config.state_bucket, "state");
        assert_eq!(config.table, None);
        assert!(config.report_succeeded);
    }
}
