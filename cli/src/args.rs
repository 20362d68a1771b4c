//! What can be typed: every command and option, with its help.

mod options;
mod parse;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use manifest::request::FormatName;
use manifest::{Checksum, Delimiter, Quote};
use runs::{ItemFilter, Tolerance};

use crate::help;
use parse::{
    CHECKSUMS, DELIMITERS, LAYOUTS, QUOTES, one_of, parse_base_url, parse_bytes, parse_copy_name, parse_duration,
    parse_filter, parse_mount, parse_name, parse_positive_bytes, parse_tolerance,
};

/// Puts large manifests through AWS Step Functions' Distributed Map, on this machine.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, about, propagate_version = true, max_term_width = 100, after_help = help::GANTRY)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The state directory, where runs are kept: journal, outcomes, reports, the table of successes.
    #[arg(long, global = true, value_name = "DIR", default_value = ".gantry")]
    pub(crate) state_dir: PathBuf,

    /// Prints JSON to stdout, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Says nothing but errors; data still goes to stdout.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Says how a run is set up as well.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Downloads the files that a manifest of URLs lists.
    ///
    /// The same command again resumes a run that was interrupted; a run that has ended is run anew. Exit codes: 0 all items
    /// succeeded (or enough of them for --tolerate), 1 some items failed, 2 usage or manifest error, 3 internal error,
    /// 130 interrupted.
    #[command(after_help = help::DOWNLOAD)]
    Download(Box<DownloadArgs>),
    /// Copies the objects that a manifest of buckets and keys lists to one or more destinations.
    ///
    /// The same command again resumes a run that was interrupted. Exit codes are those of `gantry download`.
    #[command(after_help = help::COPY)]
    Copy(Box<CopyArgs>),
    /// Lists the runs with their sizes, the newest first.
    #[command(after_help = help::RUNS)]
    Runs,
    /// Shows one run: its status, counts, errors and files.
    #[command(after_help = help::SHOW)]
    Show(RunArg),
    /// Lists the items of a run that failed and that no redrive of the run has brought since.
    ///
    /// Prints INDEX, ERROR, ITEM and MESSAGE, separated by tabs.
    #[command(after_help = help::FAILURES)]
    Failures(RunArg),
    /// Resumes a run that was interrupted, as repeating its command does.
    #[command(after_help = help::RESUME)]
    Resume(ResumeArgs),
    /// Runs the failed items of a run again, in a new run that refers to the first.
    ///
    /// Options that are left out are those of the first run. Exit code 1 while items of the run are still failed.
    #[command(after_help = help::REDRIVE)]
    Redrive(Box<RedriveArgs>),
    /// Removes runs that are old, many or large, and that neither resume nor redrive needs.
    #[command(after_help = help::PRUNE)]
    Prune(PruneArgs),
    /// Shows every attempt at one item of a run, in every round and redrive.
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Shows a whole run without a network, against a server on loopback that misbehaves in every way.
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// Checks definitions of state machines: what AWS would refuse, and what AWS accepts but is probably a mistake.
    ///
    /// Prints `FILE:LINE:COLUMN: SEVERITY CODE MESSAGE (POINTER)` for each finding. Exit codes: 0 no errors, 2 errors or a
    /// file that cannot be read.
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArgs),
}

/// A run, by name.
#[derive(Debug, Args)]
pub(crate) struct RunArg {
    /// The run's name, the beginning of its name, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
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

    /// What separates the fields of a CSV [default: tab for .tsv and .tab, comma otherwise].
    #[arg(long, value_parser = one_of(DELIMITERS))]
    pub(crate) delimiter: Option<Delimiter>,

    /// What a quote means in a CSV [default: none where a tab separates the fields, double otherwise].
    #[arg(long, value_parser = one_of(QUOTES))]
    pub(crate) quote: Option<Quote>,

    /// The column names of a CSV without a header row, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) header: Option<Vec<String>>,

    /// Lets an unclosed quote or invalid UTF-8 fail its item and not the whole run.
    #[arg(long, conflicts_with = "strict")]
    pub(crate) skip_malformed: bool,

    /// Checks every record before anything starts, and refuses a manifest with a bad one.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Items in a batch [default: 100, or 5 for a JSON body].
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

    /// Failures with which the run still succeeds: a number of items, or a percentage such as 5% [default: 0].
    #[arg(long, value_name = "N|P%", value_parser = parse_tolerance)]
    pub(crate) tolerate: Option<Tolerance>,

    /// Rounds at most: items that were not reached before a deadline are tried in the next [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) max_rounds: Option<u32>,

    /// Treats the bucket NAME as the directory DIR.
    #[arg(long = "bucket", value_name = "NAME=DIR", value_parser = parse_mount)]
    pub(crate) buckets: Vec<(String, PathBuf)>,

    /// Starts a new run even if one with the same manifest and options was interrupted.
    #[arg(long)]
    pub(crate) new: bool,

    /// Checks at the end that every file that was written is there with its size; otherwise the first 1,000 are checked.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Checks manifest, options and directories, and says what would be run, without running it.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How files are fetched.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Fails items that are larger, such as 500MB or 2GiB [default: 5GiB].
    #[arg(long, value_name = "SIZE", value_parser = parse_positive_bytes)]
    pub(crate) max_object_bytes: Option<u64>,

    /// Requests for one item at most [default: 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) attempts: Option<u32>,

    /// How long a server may take until the head of its answer has come, such as 500ms or 30s [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) head_timeout: Option<Duration>,

    /// How long a server may be silent in the middle of a body [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) idle_timeout: Option<Duration>,

    /// How long one request may take as a whole [default: 280s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) request_timeout: Option<Duration>,

    /// Allows private, loopback and link-local addresses, and ports other than 80, 443 and 8000 to 8999.
    #[arg(long)]
    pub(crate) allow_private: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,

    /// Where the files go: a directory or `s3://bucket/prefix`.
    #[arg(long, value_name = "DIR|s3://…")]
    pub(crate) to: String,

    /// The column of a CSV, or the member of a JSON object, that holds the URL.
    #[arg(long, value_name = "NAME", default_value = "url")]
    pub(crate) column: String,

    /// Joined with `/` before every URL that is not absolute.
    #[arg(long, value_name = "URL", value_parser = parse_base_url)]
    pub(crate) base_url: Option<String>,

    /// The names of the files: {host} {path} {basename} {stem} {ext} {hash} {index}.
    #[arg(long, value_name = "TEMPLATE", default_value = "{host}/{path}", value_parser = parse_name)]
    pub(crate) name: String,

    /// Computes a checksum of every file.
    #[arg(long, value_parser = one_of(CHECKSUMS))]
    pub(crate) checksum: Option<Checksum>,

    /// Keeps the SHA-256 of each URL in the table of successes, not the URL: for URLs that hold secrets.
    #[arg(long)]
    pub(crate) hash_urls: bool,

    #[command(flatten)]
    pub(crate) fetch: FetchArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,

    /// Where the copies go: a directory or `s3://bucket/prefix`; may be given several times.
    #[arg(long, value_name = "DIR|s3://…", required = true)]
    pub(crate) to: Vec<String>,

    /// The columns with the bucket, the key and, if wanted, the version [default: bucket,key and, if there is one, versionId].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,

    /// How copies are called: {bucket} {key} {version} {basename} {stem} {ext} {hash} {index}. Where two objects would get
    /// one name, the second one fails with `NameTaken`.
    #[arg(long, value_name = "TEMPLATE", default_value = "{key}", value_parser = parse_copy_name)]
    pub(crate) name: String,

    /// Decodes the keys of a CSV, which S3's inventories and S3 Batch Operations write URL-encoded.
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

    #[command(flatten)]
    pub(crate) fetch: FetchArgs,

    /// Requests in flight in each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) concurrency: Option<u32>,

    /// Processors at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_concurrency: Option<u32>,

    /// Failures with which the redrive still succeeds: a number of items, or a percentage such as 5%.
    #[arg(long, value_name = "N|P%", value_parser = parse_tolerance)]
    pub(crate) tolerate: Option<Tolerance>,

    /// Rounds at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) max_rounds: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) run: RunArg,

    /// Requests in flight in each processor [default: as the run began].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) concurrency: Option<u32>,

    /// Processors at once [default: as the run began].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_concurrency: Option<u32>,
}

/// At least one of the rules is given.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("rules").required(true).multiple(true))]
pub(crate) struct PruneArgs {
    /// Removes runs that ended longer ago than this, such as 12h or 30d.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, group = "rules")]
    pub(crate) older_than: Option<Duration>,

    /// Removes all but so many of the newest runs.
    #[arg(long, value_name = "N", group = "rules")]
    pub(crate) keep: Option<usize>,

    /// Removes the oldest runs until the others take no more than this, such as 500MB or 2GiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, group = "rules")]
    pub(crate) max_size: Option<u64>,

    /// Removes runs that can be resumed and runs with failed items as well.
    #[arg(long)]
    pub(crate) force: bool,

    /// Lists what would be removed, without removing it.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The run's name, the beginning of its name, or `latest`.
    pub(crate) run: String,
    /// The item's URL, `s3://bucket/key`, or zero-based position in the manifest.
    pub(crate) item: String,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The directory for the demo's files [default: a new folder in the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Definitions in the Amazon States Language, as JSON; `-` for stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,

    /// The type of the state machines: an EXPRESS one may not wait for jobs, tokens or activities.
    #[arg(long = "type", value_enum, value_name = "TYPE", ignore_case = true, default_value_t = MachineType::Standard)]
    pub(crate) machine_type: MachineType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MachineType {
    Standard,
    Express,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
