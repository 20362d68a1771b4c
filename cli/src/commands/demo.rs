//! `gantry demo`: the whole thing on loopback, against an origin with every misbehaviour, held against the model.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use demo::origin::Options;
use demo::{Behaviour, Origin};
use manifest::{Outcome, Status, Subject};
use runs::{Download, FetchOptions, ManifestOptions, RunOptions, State};

use crate::args::DemoArgs;
use crate::context::Context;
use crate::exit_code::{CliError, Exit};
use crate::output;

use super::run;

/// Images that behave.
const IMAGES: u64 = 300;

/// The image that stands in the manifest twice, in different batches.
const TWICE: &str = "/images/7.gif";

/// What the demo's processors are told besides the usual, so that it takes seconds: real runs wait longer.
const SETTINGS: [(&str, &str); 8] = [
    ("ALLOW_PRIVATE", "127.0.0.1,localhost"),
    ("ALLOWED_PORTS", "*"),
    ("HEAD_TIMEOUT_MS", "3000"),
    ("IDLE_TIMEOUT_MS", "2000"),
    ("SPEED_GRACE_MS", "2000"),
    ("REQUEST_TIMEOUT_MS", "10000"),
    ("OBJECT_BYTES_MAX", "2000000"),
    ("BACKOFF_BASE_MS", "50"),
];

/// A row of the demo's manifest that is not served, and what must become of it.
struct Row {
    what: &'static str,
    line: String,
    expected: &'static str,
}

pub(crate) async fn execute(context: &Context, args: &DemoArgs) -> Result<Exit, CliError> {
    let dir = folder(args)?;
    let context = Context {
        state_dir: dir.join("state"),
        ..context.clone()
    };
    let state = context.open_exclusive()?;
    let options = Options {
        images: IMAGES,
        ..Options::default()
    };
    let origin = Origin::start(options)
        .await
        .map_err(|error| CliError::internal(format!("failed to start an origin on loopback: {error}")))?;
    let rows = odd_rows(&origin);
    let manifest = dir.join("demo.csv");
    write_manifest(&manifest, &origin, &rows)?;
    context.output.say(format!(
        "an origin with {IMAGES} images and {} misbehaviours listens on {}",
        Behaviour::ALL.len(),
        origin.url("/")
    ));
    context.output.say(format!("its manifest is {}", manifest.display()));
    context.output.say("");

    let new = download(&manifest, &dir).prepare(&state)?;
    let exit = run::execute(&context, &state, new, run::CHECKED).await?;
    if exit == Exit::Interrupted || exit == Exit::Internal {
        return Ok(exit);
    }
    let deviations = tell(&context, &state, &origin, &rows).await?;
    say_where_to_look(&context, &dir);
    if deviations > 0 {
        return Err(CliError::internal(format!(
            "{deviations} outcome(s) are not what they should be"
        )));
    }
    Ok(Exit::Success)
}

fn folder(args: &DemoArgs) -> Result<PathBuf, CliError> {
    let fault = |dir: &Path, error: std::io::Error| {
        CliError::usage(format!("failed to use the folder `{}`: {error}", dir.display()))
    };
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("gantry-demo-{}", std::process::id())));
    std::fs::create_dir_all(&dir).map_err(|error| fault(&dir, error))?;
    dir.canonicalize().map_err(|error| fault(&dir, error))
}

/// Rows that no server is needed for.
fn odd_rows(origin: &Origin) -> Vec<Row> {
    let row = |what, line: &str, expected| Row {
        what,
        line: line.to_owned(),
        expected,
    };
    let long = origin.url(&format!("/{}", "a".repeat(2_000)));
    vec![
        row("one cell instead of two", "x", "WrongFieldCount"),
        row("an empty cell", "x,", "EmptyCell"),
        row("a bare quote", "x,http://a\"b/", "BareQuote"),
        row("no URL at all", "x,no URL at all", "InvalidUrl"),
        row("file:", "x,file:///etc/passwd", "SchemeNotAllowed"),
        row("ftp:", "x,ftp://127.0.0.1/a", "SchemeNotAllowed"),
        row(
            "the metadata address",
            "x,http://169.254.169.254/latest/meta-data/",
            "AddressRefused",
        ),
        row(
            "the same, in disguise",
            "x,http://[::ffff:169.254.169.254]/",
            "AddressRefused",
        ),
        row("a private address", "x,http://10.0.0.1/", "AddressRefused"),
        row("another, in octal", "x,http://0300.0250.1/", "AddressRefused"),
        row(
            "an escaped backslash: asked for",
            &format!("x,{}", origin.url("/%5C..%5Ca")),
            "NotFound",
        ),
        row("a name of 2,000 characters: cut", &format!("x,{long}"), "NotFound"),
    ]
}

fn write_manifest(path: &Path, origin: &Origin, rows: &[Row]) -> Result<(), CliError> {
    let mut text = "what,url\n".to_owned();
    for number in 0..IMAGES {
        line(
            &mut text,
            "\"an image\nas it should be\"",
            &origin.url(&format!("/images/{number}.gif")),
        );
    }
    line(&mut text, "an image again", &origin.url(TWICE));
    for behaviour in Behaviour::ALL {
        line(&mut text, behaviour.folder(), &origin.url(&behaviour.path("demo")));
    }
    line(&mut text, "wrong TLS name", &origin.wrong_name_url("/images/1.gif"));
    for row in rows {
        text.push_str(&row.line);
        text.push('\n');
    }
    std::fs::write(path, text)
        .map_err(|error| CliError::internal(format!("failed to write `{}`: {error}", path.display())))
}

fn line(text: &mut String, what: &str, url: &str) {
    writeln!(text, "{what},{url}").unwrap_or_default();
}

/// The download of the demo.
fn download(manifest: &Path, dir: &Path) -> Download {
    Download {
        manifest: ManifestOptions {
            batch_items: Some(50),
            ..ManifestOptions::new(manifest.display().to_string())
        },
        fetch: FetchOptions {
            attempts: Some(4),
            ..FetchOptions::default()
        },
        processor: SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        run: RunOptions {
            new: true,
            ..RunOptions::default()
        },
        ..Download::new("", dir.join("files").display().to_string())
    }
}

/// Prints every misbehaviour with what became of it; returns how many deviate from the model.
async fn tell(context: &Context, state: &State, origin: &Origin, rows: &[Row]) -> Result<usize, CliError> {
    let row = state.find_run("latest").await?;
    let objects = state.objects_of(&row).await?;
    let mut outcomes: BTreeMap<u64, Outcome> = BTreeMap::new();
    let mut read = objects.settled().await?;
    while let Some((_, outcome)) = read.next().await? {
        outcomes.insert(outcome.index, outcome);
    }
    let mut deviations = 0;
    let mut say = |what: &str, expected: &str, outcome: Option<&Outcome>| {
        let found = outcome.map_or_else(|| "no outcome".to_owned(), describe);
        let as_expected = found.split(' ').next() == Some(expected);
        deviations += usize::from(!as_expected);
        let mark = if as_expected { "" } else { "  <- expected " };
        let expected = if as_expected { "" } else { expected };
        context.output.say(format!("  {what:<32} {found}{mark}{expected}"));
    };
    let images = (0..=IMAGES).filter_map(|index| outcomes.get(&index));
    let good = images.filter(|outcome| outcome.status == Status::Succeeded).count();
    context.output.say("");
    context
        .output
        .say(format!("  {good} of {} images as they should be, and", IMAGES + 1));
    for (index, behaviour) in (IMAGES + 1..).zip(Behaviour::ALL) {
        let expected = behaviour.expected();
        let name = expected.error.map_or("succeeded", |(name, _)| name);
        say(behaviour.folder(), name, outcomes.get(&index));
    }
    let after = IMAGES + 1 + Behaviour::ALL.len() as u64;
    say("wrong TLS name", "TlsFailed", outcomes.get(&after));
    for (index, row) in (after + 1..).zip(rows) {
        say(row.what, row.expected, outcomes.get(&index));
    }
    deviations += usize::from(good as u64 != IMAGES + 1);
    context.output.say("");
    let requests = origin.requests(TWICE);
    context.output.say(format!(
        "  the image that stands in two batches was asked for {requests} times: once in each"
    ));
    Ok(deviations)
}

/// `succeeded after 3 requests`, `NotFound (404)`
fn describe(outcome: &Outcome) -> String {
    let requests = outcome.attempts;
    let after = if requests > 1 {
        format!(" after {requests} requests")
    } else {
        String::new()
    };
    let Some(error) = &outcome.error else {
        return format!("succeeded{after}");
    };
    let code = outcome.status_code.map(|code| format!(" ({code})")).unwrap_or_default();
    let place = outcome
        .position
        .map(|place| format!(" at line {}", place.line))
        .unwrap_or_default();
    let place = if matches!(outcome.subject, Subject::Record { .. }) {
        place
    } else {
        String::new()
    };
    format!("{}{code}{place}{after}", error.name)
}

fn say_where_to_look(context: &Context, dir: &Path) {
    let flag = context.flag();
    context.output.say("");
    context.output.say(format!(
        "files:     {}",
        output::printable(&dir.join("files").display().to_string())
    ));
    context.output.say(format!("the run:   gantry show{flag}"));
    context.output.say(format!("failures:  gantry failures{flag}"));
    context
        .output
        .say(format!("an item:   gantry explain latest {}{flag}", IMAGES + 4));
}
