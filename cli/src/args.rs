//! What can be typed: every command and option, with its help.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use manifest::request::FormatName;
use manifest::{Checksum, Delimiter, Layout};
use runs::{ItemFilter, ManifestOptions, RunOptions, Tolerance, is_own};

/// Puts large manifests through AWS Step Functions' Distributed Map, on this machine.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, about, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where runs are kept: journal, outcomes, reports, the table.
    #[arg(long, global = true, value_name = "DIR", default_value = ".gantry")]
    pub(crate) state_dir: PathBuf,

    /// Prints JSON to stdout, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Downloads what a manifest of URLs lists.
    ///
    /// The same command again resumes a run that was interrupted; once it has ended it is a new run.
    /// Exit codes: 0 all succeeded (or within --tolerate), 1 some items failed, 2 usage or manifest error,
    /// 3 internal error, 130 interrupted.
    Download(Box<DownloadArgs>),
    /// Copies the objects that a manifest of bucket,key lists to one or more destinations.
    Copy(Box<CopyArgs>),
    /// Lists the runs, the newest first.
    Runs,
    /// Shows a run: where it stands, its counts, its errors, where its files are.
    Show(RunArg),
    /// Lists the items of a run that failed and that no redrive of it has brought since.
    Failures(RunArg),
    /// Goes on with a run that was interrupted, as repeating its command does.
    Resume(RunArg),
    /// Runs the failed items of a run again, in a new run that refers to it.
    Redrive(RedriveArgs),
    /// Tells everything that is known of one item of a run: every attempt, in every round and redrive.
    Explain(ExplainArgs),
    /// Shows the whole thing without a network: an origin on loopback with every misbehaviour, and a run over it.
    Demo(DemoArgs),
    /// Tells what is wrong with definitions of state machines: what AWS would refuse, and what it takes but nobody means.
    ///
    /// Prints `FILE:LINE:COLUMN: SEVERITY CODE MESSAGE (POINTER)` for each finding. Exit codes: 0 no errors, 2 errors or a file
    /// that cannot be read.
    Validate(ValidateArgs),
}

/// A run, by name.
#[derive(Debug, Args)]
pub(crate) struct RunArg {
    /// Its name, the beginning of its name, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct ManifestArgs {
    /// A file, `s3://bucket/key`, or `-` for stdin: a list of URLs, CSV, JSON Lines or a JSON array, also as gzip or
    /// zstd; or a JSON body {"baseUrl","resourcePaths","lambdaConcur"}.
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: String,

    /// The manifest's layout.
    #[arg(long, value_parser = one_of(LAYOUTS), default_value = "auto")]
    pub(crate) format: FormatName,

    /// What separates the fields of a CSV.
    #[arg(long, value_parser = one_of(DELIMITERS))]
    pub(crate) delimiter: Option<Delimiter>,

    /// The column names of a CSV without a header row, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) header: Option<Vec<String>>,

    /// Makes a record that cannot be read a failed item where it would stop the run: an unclosed quote, invalid UTF-8.
    #[arg(long, conflicts_with = "strict")]
    pub(crate) skip_malformed: bool,

    /// Checks every record before anything starts.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Items in a batch [default: 100, or 5 paths of a JSON body].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) batch_items: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Requests in flight in each processor [default: 16, or a JSON body's lambdaConcur].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) concurrency: Option<u32>,

    /// Processors at once [default: 4, or 5 for a JSON body].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_concurrency: Option<u32>,

    /// Failures with which the run still succeeds: a number of items, or a percentage such as 5%.
    #[arg(long, value_name = "N|P%", value_parser = parse_tolerance)]
    pub(crate) tolerate: Option<Tolerance>,

    /// Rounds at most: items that were not reached before a deadline go round again [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) max_rounds: Option<u32>,

    /// Treats the bucket NAME as the directory DIR.
    #[arg(long = "bucket", value_name = "NAME=DIR", value_parser = parse_mount)]
    pub(crate) buckets: Vec<(String, PathBuf)>,

    /// Starts a new run even if one with the same manifest and options was interrupted.
    #[arg(long)]
    pub(crate) new: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,

    /// A directory or `s3://bucket/prefix`.
    #[arg(long, value_name = "DIR|s3://…")]
    pub(crate) to: String,

    /// The column of a CSV, or the member of a JSON object, that holds the URL.
    #[arg(long, value_name = "NAME", default_value = "url")]
    pub(crate) column: String,

    /// Joined with `/` before every URL that is not absolute.
    #[arg(long, value_name = "URL", value_parser = parse_base_url)]
    pub(crate) base_url: Option<String>,

    /// How files are called: {host} {path} {basename} {stem} {ext} {hash} {index}.
    #[arg(long, value_name = "TEMPLATE", default_value = "{host}/{path}", value_parser = parse_name)]
    pub(crate) name: String,

    /// Computes a checksum of every file.
    #[arg(long, value_parser = one_of(CHECKSUMS))]
    pub(crate) checksum: Option<Checksum>,

    /// Fails items that are larger, such as 500MB or 2GiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_object_bytes: Option<u64>,

    /// Keeps the SHA-256 of each URL in the table, not the URL: for URLs that hold secrets.
    #[arg(long)]
    pub(crate) hash_urls: bool,

    /// Allows private, loopback and link-local addresses.
    #[arg(long)]
    pub(crate) allow_private: bool,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,

    /// A directory or `s3://bucket/prefix`; may be given several times.
    #[arg(long, value_name = "DIR|s3://…", required = true)]
    pub(crate) to: Vec<String>,

    /// The columns with the bucket, the key and, if wanted, the version [default: bucket,key and, if there is one, versionId].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,

    /// The keys of a CSV are URL-encoded, as S3's inventories and S3 Batch Operations write them.
    #[arg(long)]
    pub(crate) url_encoded_keys: bool,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    pub(crate) run: RunArg,

    /// Which items: failed, pending, status=429, error=NAME, host=H.
    #[arg(long, value_name = "FILTER", default_value = "failed", value_parser = parse_filter)]
    pub(crate) only: ItemFilter,

    /// Starts a new redrive even if the same one was interrupted.
    #[arg(long)]
    pub(crate) new: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The run: its name, the beginning of its name, or `latest`.
    pub(crate) run: String,
    /// The item: its URL, `s3://bucket/key`, or its position in the manifest, from 0.
    pub(crate) item: String,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the demo's files go [default: a new folder in the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Definitions in the States Language, JSON; `-` for stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,

    /// Which kind of machine they are for: an EXPRESS one may not wait for jobs, tokens or activities.
    #[arg(long = "type", value_enum, value_name = "TYPE", ignore_case = true, default_value_t = MachineType::Standard)]
    pub(crate) machine_type: MachineType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MachineType {
    Standard,
    Express,
}

/// The layouts of a manifest, as they are typed.
const LAYOUTS: &[(&str, FormatName)] = &[
    ("auto", FormatName::Auto),
    ("url-list", FormatName::Records(Layout::UrlList)),
    ("csv", FormatName::Records(Layout::Csv)),
    ("json-lines", FormatName::Records(Layout::JsonLines)),
    ("json-array", FormatName::Records(Layout::JsonArray)),
];

/// The delimiters of a CSV, as they are typed.
const DELIMITERS: &[(&str, Delimiter)] = &[
    ("comma", Delimiter::Comma),
    ("pipe", Delimiter::Pipe),
    ("semicolon", Delimiter::Semicolon),
    ("space", Delimiter::Space),
    ("tab", Delimiter::Tab),
];

/// The checksums, as they are typed.
const CHECKSUMS: &[(&str, Checksum)] = &[("md5", Checksum::Md5), ("sha256", Checksum::Sha256)];

/// Takes one of these names.
fn one_of<T: Clone + Copy + Send + Sync>(names: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T> {
    let known = PossibleValuesParser::new(names.iter().map(|(name, _)| *name));
    known.try_map(move |typed| {
        let found = names.iter().find(|(name, _)| *name == typed);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("there is no `{typed}`"))
    })
}

fn parse_filter(text: &str) -> Result<ItemFilter, String> {
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

impl ManifestArgs {
    fn options(&self) -> ManifestOptions {
        ManifestOptions {
            manifest: self.manifest.clone(),
            format: self.format,
            delimiter: self.delimiter,
            header: self.header.clone(),
            skip_malformed: self.skip_malformed,
            strict: self.strict,
            batch_items: self.batch_items,
        }
    }
}

impl RunArgs {
    fn options(&self) -> RunOptions {
        RunOptions {
            concurrency: self.concurrency,
            max_concurrency: self.max_concurrency,
            tolerate: self.tolerate,
            max_rounds: self.max_rounds,
            buckets: self.buckets.clone(),
            new: self.new,
        }
    }
}

impl DownloadArgs {
    /// What the library is asked for.
    pub(crate) fn download(&self) -> runs::Download {
        runs::Download {
            manifest: self.manifest.options(),
            column: self.column.clone(),
            base_url: self.base_url.clone(),
            name: self.name.clone(),
            checksum: self.checksum,
            max_object_bytes: self.max_object_bytes,
            hash_urls: self.hash_urls,
            allow_private: self.allow_private,
            run: self.run.options(),
            ..runs::Download::new("", &self.to)
        }
    }
}

impl CopyArgs {
    /// What the library is asked for.
    pub(crate) fn copy(&self) -> runs::Copy {
        runs::Copy {
            manifest: self.manifest.options(),
            to: self.to.clone(),
            columns: self.columns.clone(),
            url_encoded_keys: self.url_encoded_keys,
            run: self.run.options(),
        }
    }
}

/// A base without the slash that joining puts between.
fn parse_base_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("expected http or https, found `{}`", url.scheme()));
    }
    Ok(text.strip_suffix('/').unwrap_or(text).to_owned())
}

/// A template of file names, as it was typed.
fn parse_name(text: &str) -> Result<String, String> {
    processor::Template::parse(text).map(|_template| text.to_owned())
}

fn parse_tolerance(text: &str) -> Result<Tolerance, String> {
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

fn parse_mount(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, _)) if is_own(name) => Err(format!("`{name}` is one of gantry's own buckets")),
        Some((name, _)) if name.contains('/') => Err(format!("no bucket is called `{name}`, with a slash")),
        Some((name, dir)) if !name.is_empty() && !dir.is_empty() => Ok((name.to_owned(), PathBuf::from(dir))),
        _ => Err("expected NAME=DIR".to_owned()),
    }
}

/// `500`, `500MB`, `2GiB`: decimal units by 1,000, binary ones by 1,024.
fn parse_bytes(text: &str) -> Result<u64, String> {
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("500"), Ok(500));
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("2GiB"), Ok(2 << 30));
        assert!(parse_bytes("2 apples").is_err() && parse_bytes("").is_err() && parse_bytes("-1").is_err());
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
