//! How a consolidator is set up: read once, from names and values, all problems at once.

use std::time::Duration;

use ports::TableSchema;

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
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let state_bucket = text("STATE_BUCKET").unwrap_or_else(|| {
            problems.push("`STATE_BUCKET` is not set: the bucket where runs keep their objects".to_owned());
            String::new()
        });
        let report_succeeded = match text("REPORT").as_deref() {
            None | Some("all") => true,
            Some("failed") => false,
            Some(other) => {
                problems.push(format!("`REPORT` is `{other}`, expected `all` or `failed`"));
                true
            }
        };
        let table_url = match text("TABLE_URL").as_deref() {
            None | Some("full") => TableUrl::Full,
            Some("hash") => TableUrl::Hash,
            Some(other) => {
                problems.push(format!("`TABLE_URL` is `{other}`, expected `full` or `hash`"));
                TableUrl::Full
            }
        };
        let seconds = text("DEADLINE_MARGIN_SECONDS").unwrap_or_else(|| "20".to_owned());
        let margin = seconds.parse().unwrap_or_else(|_not_a_number| {
            problems.push(format!(
                "`DEADLINE_MARGIN_SECONDS` is `{seconds}`, expected a whole number"
            ));
            20
        });
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let table = text("TABLE_NAME").map(|name| TableSchema {
            name,
            hash: text("TABLE_HASH").unwrap_or_else(|| "url".to_owned()),
            range: text("TABLE_RANGE"),
        });
        Ok(Self {
            state_bucket,
            table,
            table_url,
            topic: text("TOPIC_ARN"),
            report_succeeded,
            margin: Duration::from_secs(margin),
        })
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
