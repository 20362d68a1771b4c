//! What a processor is told once, when its process starts.

use std::ops::RangeInclusive;
use std::time::Duration;

use manifest::work::{Destination, NAME_TEMPLATE};
use ports::{ConfigError, Variables};

use crate::body::BodyLimits;
use crate::guard::{AllowPrivate, Guard};
use crate::limits;
use crate::name::Template;
use crate::retry::Retry;

/// The configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `STATE_BUCKET`: where outcomes and claims go.
    pub state_bucket: String,
    /// `IMAGES_BUCKET_NAME` and `IMAGES_PREFIX`: where the files of `image-download`'s tasks go; events of
    /// `manifest-map` say it themselves.
    pub task_destination: Option<Destination>,
    /// `NAME_TEMPLATE`: the names of those files, `{host}/{path}` by default; those of `image-download` are `{host}/{basename}`.
    pub task_name: String,
    /// `MAX_CONCURRENCY`: how many paths the batcher puts into one task (5, the name that `image-download`'s template has for it), which makes item
    /// numbers of task numbers.
    pub task_items: u64,
    /// `ALLOW_PRIVATE`: hosts that may have private addresses, separated by commas, or `*`; none by default.
    /// `ALLOWED_PORTS`: ports and ranges such as `80,443,8000-8999` (the default), or `*`.
    pub guard: Guard,
    /// `CONNECT_TIMEOUT_MS`: how long a connection may take to stand; for the HTTP client.
    pub connect_timeout: Duration,
    /// `HEAD_TIMEOUT_MS`, `IDLE_TIMEOUT_MS`, `REQUEST_TIMEOUT_MS`, `SPEED_GRACE_MS`, `BYTES_PER_SECOND_MIN`,
    /// `OBJECT_BYTES_MAX`, `DECOMPRESSION_RATIO_MAX`.
    pub body: BodyLimits,
    /// `ATTEMPTS`, `BACKOFF_BASE_MS`, `BACKOFF_MAX_MS`, `RETRY_AFTER_MAX_MS`.
    pub retry: Retry,
    /// `SHOWN_PARAMETERS`: query parameters whose values are shown in messages, separated by commas; none by default.
    pub shown_parameters: Vec<String>,
    /// `RESERVED_BUCKETS`: buckets that no item to copy may be in, separated by commas; none by default.
    pub reserved_buckets: Vec<String>,
    /// `DEADLINE_MARGIN_SECONDS`: what is kept of the time for writing the outcomes.
    pub deadline_margin: Duration,
}

impl Config {
    /// The configuration that the variables make. Only `STATE_BUCKET` must be there.
    ///
    /// # Errors
    /// With every variable that is missing or cannot be read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Variables::new(&lookup);
        let config = Self {
            state_bucket: read.required("STATE_BUCKET", "the bucket where outcomes and claims go"),
            task_destination: read.text("IMAGES_BUCKET_NAME").map(|bucket| Destination {
                bucket,
                prefix: read.text("IMAGES_PREFIX").unwrap_or_default(),
            }),
            task_name: template(&mut read, "NAME_TEMPLATE"),
            task_items: read.number("MAX_CONCURRENCY", limits::TASK_ITEMS),
            guard: Guard {
                allow_private: allow_private(read.text("ALLOW_PRIVATE").as_deref()),
                ports: port_ranges(&mut read, "ALLOWED_PORTS"),
            },
            connect_timeout: duration(&mut read, "CONNECT_TIMEOUT_MS", limits::CONNECT_TIMEOUT),
            body: body(&mut read),
            retry: retry(&mut read),
            shown_parameters: read.list("SHOWN_PARAMETERS"),
            reserved_buckets: read.list("RESERVED_BUCKETS"),
            deadline_margin: Duration::from_secs(
                read.number("DEADLINE_MARGIN_SECONDS", limits::DEADLINE_MARGIN.as_secs()),
            ),
        };
        read.finish(config)
    }
}

fn duration(read: &mut Variables<'_>, name: &str, default: Duration) -> Duration {
    let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(read.number(name, default))
}

fn template(read: &mut Variables<'_>, name: &str) -> String {
    let text = read.text(name).unwrap_or_else(|| NAME_TEMPLATE.to_owned());
    if let Err(problem) = Template::parse(&text) {
        read.add_problem(format!("{name}: {problem}"));
    }
    text
}

fn port_ranges(read: &mut Variables<'_>, name: &str) -> Vec<RangeInclusive<u16>> {
    let Some(text) = read.text(name) else {
        return vec![80..=80, 443..=443, 8000..=8999];
    };
    if text.trim() == "*" {
        return vec![0..=u16::MAX];
    }
    let ranges = text.split(',').map(|range| port_range(range.trim()));
    ranges.collect::<Option<_>>().unwrap_or_else(|| {
        read.add_problem(format!(
            "{name} is `{text}`, expected ports and ranges such as `80,8000-8999`"
        ));
        Vec::new()
    })
}

fn body(read: &mut Variables<'_>) -> BodyLimits {
    BodyLimits {
        head_timeout: duration(read, "HEAD_TIMEOUT_MS", limits::HEAD_TIMEOUT),
        idle_timeout: duration(read, "IDLE_TIMEOUT_MS", limits::IDLE_TIMEOUT),
        request_timeout: duration(read, "REQUEST_TIMEOUT_MS", limits::REQUEST_TIMEOUT),
        bytes_per_second_min: read.number("BYTES_PER_SECOND_MIN", limits::BYTES_PER_SECOND_MIN),
        speed_grace: duration(read, "SPEED_GRACE_MS", limits::SPEED_GRACE),
        object_bytes_max: read.number("OBJECT_BYTES_MAX", limits::OBJECT_BYTES_MAX),
        decompression_ratio_max: read.number("DECOMPRESSION_RATIO_MAX", limits::DECOMPRESSION_RATIO_MAX),
    }
}

fn retry(read: &mut Variables<'_>) -> Retry {
    Retry {
        attempts: read.number("ATTEMPTS", limits::ATTEMPTS).clamp(1, limits::ATTEMPTS_MAX),
        base: duration(read, "BACKOFF_BASE_MS", limits::BACKOFF_BASE),
        backoff_max: duration(read, "BACKOFF_MAX_MS", limits::BACKOFF_MAX),
        retry_after_max: duration(read, "RETRY_AFTER_MAX_MS", limits::RETRY_AFTER_MAX),
    }
}

fn allow_private(text: Option<&str>) -> AllowPrivate {
    match text.map(str::trim) {
        None | Some("") => AllowPrivate::Nothing,
        Some("*") => AllowPrivate::Everything,
        Some(hosts) => AllowPrivate::Hosts(hosts.split(',').map(|host| host.trim().to_ascii_lowercase()).collect()),
    }
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Config::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn defaults_are_those_of_the_limits() {
        let config = from(&[("STATE_BUCKET", "s")]).unwrap();
        assert_eq!((config.task_name.as_str(), config.retry.attempts), ("{host}/{path}", 4));
        assert_eq!(config.guard.allow_private, AllowPrivate::Nothing);
        assert_eq!(config.body.head_timeout, Duration::from_secs(10));
        assert_eq!(config.task_destination, None);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let problems = from(&[("ATTEMPTS", "many"), ("ALLOWED_PORTS", "80-"), ("NAME_TEMPLATE", "{x}")]);
        let problems = problems.unwrap_err().to_string();
        for part in [
            "STATE_BUCKET is not set",
            "ATTEMPTS is `many`",
            "ALLOWED_PORTS",
            "`{x}`",
        ] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
    }

    #[test]
    fn hosts_and_ports_are_lists() {
        let config = from(&[
            ("STATE_BUCKET", "s"),
            ("ALLOW_PRIVATE", "Intra.Net, 10.0.0.1"),
            ("ALLOWED_PORTS", "80, 90-99"),
        ]);
        let guard = config.unwrap().guard;
        let hosts = vec!["intra.net".to_owned(), "10.0.0.1".to_owned()];
        assert_eq!(
            (guard.allow_private, guard.ports),
            (AllowPrivate::Hosts(hosts), vec![80..=80, 90..=99])
        );
    }
}
