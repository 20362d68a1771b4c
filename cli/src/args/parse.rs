//! The texts of options, read or refused.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use manifest::request::FormatName;
use manifest::{Checksum, CopyTemplate, Delimiter, Layout, Quote};
use runs::{ItemFilter, Tolerance, is_own};
use url::Url;

/// The layouts of a manifest, as they are typed.
pub(super) const LAYOUTS: &[(&str, FormatName)] = &[
    ("auto", FormatName::Auto),
    ("url-list", FormatName::Records(Layout::UrlList)),
    ("csv", FormatName::Records(Layout::Csv)),
    ("json-lines", FormatName::Records(Layout::JsonLines)),
    ("json-array", FormatName::Records(Layout::JsonArray)),
];

/// The delimiters of a CSV, as they are typed.
pub(super) const DELIMITERS: &[(&str, Delimiter)] = &[
    ("comma", Delimiter::Comma),
    ("pipe", Delimiter::Pipe),
    ("semicolon", Delimiter::Semicolon),
    ("space", Delimiter::Space),
    ("tab", Delimiter::Tab),
];

/// What a quote may mean, as it is typed.
pub(super) const QUOTES: &[(&str, Quote)] = &[("double", Quote::Double), ("none", Quote::None)];

/// The checksums, as they are typed.
pub(super) const CHECKSUMS: &[(&str, Checksum)] = &[("md5", Checksum::Md5), ("sha256", Checksum::Sha256)];

/// Takes one of these names.
pub(super) fn one_of<T: Clone + Copy + Send + Sync>(
    names: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let known = PossibleValuesParser::new(names.iter().map(|(name, _)| *name));
    known.try_map(move |typed| {
        let found = names.iter().find(|(name, _)| *name == typed);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("there is no `{typed}`"))
    })
}

pub(super) fn parse_filter(text: &str) -> Result<ItemFilter, String> {
    match text.split_once('=') {
        None if text == "failed" => Ok(ItemFilter::Failed),
        None if text == "pending" => Ok(ItemFilter::Pending),
        Some(("status", code)) => {
            let code = code.parse();
            code.map(ItemFilter::StatusCode)
                .map_err(|_not_a_number| format!("`{text}`: expected status=NUMBER"))
        }
        Some(("error", name)) if !name.is_empty() => Ok(ItemFilter::Error(name.to_owned())),
        Some(("host", host)) if !host.is_empty() => Ok(ItemFilter::Host(host.to_owned())),
        _ => Err("expected failed, pending, status=NUMBER, error=NAME or host=HOST".to_owned()),
    }
}

/// A base without the slash that joining puts between.
pub(super) fn parse_base_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("expected http or https, found `{}`", url.scheme()));
    }
    Ok(text.strip_suffix('/').unwrap_or(text).to_owned())
}

/// A template of the names of copies, as it was typed.
pub(super) fn parse_copy_name(text: &str) -> Result<String, String> {
    CopyTemplate::parse(text).map(|_template| text.to_owned())
}

/// A template of file names, as it was typed.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    runs::check_name(text).map(|()| text.to_owned())
}

pub(super) fn parse_tolerance(text: &str) -> Result<Tolerance, String> {
    let fault = || format!("expected a number of items or a percentage from 0% to 100%, found `{text}`");
    if let Some(percentage) = text.strip_suffix('%') {
        let percentage: f64 = percentage.trim().parse().map_err(|_not_a_number| fault())?;
        return (0.0..=100.0)
            .contains(&percentage)
            .then_some(Tolerance::Percentage(percentage))
            .ok_or_else(fault);
    }
    text.parse().map(Tolerance::Items).map_err(|_not_a_number| fault())
}

pub(super) fn parse_mount(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, _)) if is_own(name) => Err(format!("the bucket name `{name}` is gantry's own: give another one")),
        Some((name, _)) if name.contains('/') => Err(format!("bucket name `{name}` contains a slash")),
        Some((name, dir)) if !name.is_empty() && !dir.is_empty() => Ok((name.to_owned(), PathBuf::from(dir))),
        _ => Err("expected NAME=DIR".to_owned()),
    }
}

/// A size of at least one byte.
pub(super) fn parse_positive_bytes(text: &str) -> Result<u64, String> {
    match parse_bytes(text)? {
        0 => Err("expected at least 1 byte: a limit of 0 would fail every item".to_owned()),
        bytes => Ok(bytes),
    }
}

/// `500ms`, `30s`, `5m`, `12h`, `30d`; seconds without a unit.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let fault = || format!("expected a time such as 500ms, 30s, 5m, 12h or 30d, found `{text}`");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_not_a_number| fault())?;
    let millis: u64 = match text.strip_prefix(digits).unwrap_or_default() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(fault()),
    };
    match number.checked_mul(millis) {
        None | Some(0) => Err(fault()),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

/// `500`, `500MB`, `2GiB`: decimal units by 1,000, binary ones by 1,024.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let fault = || format!("expected a size such as 500000, 500MB or 2GiB, found `{text}`");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(fault()),
    };
    let number: u64 = digits.trim().parse().map_err(|_not_a_number| fault())?;
    number.checked_mul(factor).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("500"), Ok(500));
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("2GiB"), Ok(2 << 30));
        assert!(parse_bytes("2 apples").is_err() && parse_bytes("").is_err() && parse_bytes("-1").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_hours(30 * 24)));
        assert!(parse_duration("0s").is_err() && parse_duration("soon").is_err() && parse_duration("1w").is_err());
    }

    #[test]
    fn tolerances_and_filters_are_read_or_refused() {
        assert_eq!(parse_tolerance("5%"), Ok(Tolerance::Percentage(5.0)));
        assert_eq!(parse_tolerance("12"), Ok(Tolerance::Items(12)));
        assert!(parse_tolerance("101%").is_err() && parse_tolerance("some").is_err());
        assert_eq!(parse_filter("status=429"), Ok(ItemFilter::StatusCode(429)));
        assert_eq!(parse_filter("host=a.b"), Ok(ItemFilter::Host("a.b".to_owned())));
        assert!(parse_filter("status=many").is_err() && parse_filter("all").is_err());
    }
}
