//! Every text that people read, as snapshots: help, refusals with their hints, summaries, lists. Moments, sizes and places
//! that differ from run to run are masked.

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::{Place, Said, Served, serve};

const COMMANDS: [&str; 11] = [
    "download", "copy", "runs", "show", "failures", "resume", "redrive", "prune", "explain", "demo", "validate",
];

/// What a command has printed, stream by stream.
fn told(words: &str, said: &Said) -> String {
    let mut text = format!("$ gantry {words}\n");
    for (name, stream) in [("stdout", &said.stdout), ("stderr", &said.stderr)] {
        if !stream.is_empty() {
            write!(text, "--- {name}\n{stream}").unwrap();
        }
    }
    write!(text, "--- exit code {}\n\n", said.code).unwrap();
    text
}

fn all(place: &Place, commands: &[&str]) -> String {
    commands.iter().map(|words| told(words, &place.run(words))).collect()
}

/// Masks what is not the same in every run.
fn masked(place: &Place, served: Option<&Served>, text: &str) -> String {
    let folder = place.path("");
    let folder = folder.display().to_string();
    let real = std::fs::canonicalize(place.path("")).unwrap().display().to_string();
    let mut text = text.replace(folder.trim_end_matches('/'), "DIR").replace(&real, "DIR");
    if let Some(served) = served {
        let host = served.origin.url("");
        text = text
            .replace(&host, "http://HOST")
            .replace(host.trim_start_matches("http://"), "HOST");
        text = text.replace(&served.file(""), "HOST");
    }
    let masks = [
        (
            r"\b(download|copy|redrive)-\d{8}-\d{6}-[0-9a-f]{4}\b",
            "$1-DAY-TIME-MARK",
        ),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z?)?", "MOMENT"),
        (r"\b\d+ ms\b|\b\d+\.\d s\b|\b\d+ min \d+ s\b", "TIME"),
        (r#""seconds":[0-9.e-]+"#, r#""seconds":SECONDS"#),
        (r#""(p\d+|milliseconds)":\d+"#, r#""$1":MILLISECONDS"#),
        (r#""bytes":\d{3,}"#, r#""bytes":BYTES"#),
        (r"\b\d+(\.\d+)? [KM]iB\b", "SIZE"),
        (r"map run    [0-9a-f-]+", "map run    ID"),
        (r"(mapRun:[A-Za-z/-]+):[0-9a-f-]+", "$1:ID"),
        (r"gantry-demo-\d+", "gantry-demo-PROCESS"),
        (r"port \d+", "port PORT"),
        (r" {2,}", "  "),
        (r"-{4,}", "----"),
    ];
    for (pattern, mask) in masks {
        text = regex::Regex::new(pattern)
            .unwrap()
            .replace_all(&text, mask)
            .into_owned();
    }
    text
}

#[test]
fn help_tells_examples_and_defaults() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.run("--help").expect(0).stdout);
    for command in COMMANDS {
        let said = place.run(&format!("{command} --help")).expect(0);
        assert!(said.stdout.contains("Examples:\n"), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), said.stdout);
    }
}

#[test]
fn what_is_wrong_with_a_command_is_told_with_what_to_do() {
    let place = Place::new();
    place.write("urls.txt", "https://example.com/a\n");
    place.write("urls.csv", "id,link\n1,https://example.com/a\n");
    place.write("quote.csv", "id,url\n1,\"https://example.com/a\n");
    place.write("body.json", r#"{"baseUrl":5,"resourcePaths":["a"]}"#);
    place.write("objects.csv", "bucket,key\nin,a\n");
    place.write("file", "");
    let commands = [
        "runs",
        "upload",
        "download urls.txt",
        "download nowhere.txt --to out",
        "download urls.csv --to out",
        "download quote.csv --to out",
        "download body.json --to out",
        "download urls.txt --to file",
        "download urls.txt --to ftp://host/x",
        "download s3://bucket --to out",
        "download urls.txt --to out --name {hots}",
        "download urls.txt --to out --name ../x",
        "download urls.txt --to out --max-object-bytes 0",
        "download urls.txt --to out --tolerate many",
        "download urls.txt --to out --head-timeout soon",
        "download urls.txt --to out --format xml",
        "download urls.txt --to out --bucket a/b=in",
        "download urls.txt --to out --concurrency 0",
        "copy objects.csv --to out --bucket in=nowhere",
        "copy body.json --to out",
        "copy objects.csv --to out --columns bucket",
        "redrive --only some",
        "show nothing",
        "resume",
        "prune",
        "explain latest 7",
    ];
    insta::assert_snapshot!("usage_errors", masked(&place, None, &all(&place, &commands)));
}

#[test]
fn what_became_of_a_run_is_told_alike_by_every_command() {
    let served = serve(3, Duration::ZERO);
    let place = Place::new();
    let gone = served.origin.url("/bad/not-found/1.gif");
    place.write(
        "urls.txt",
        format!("{}{gone}\nhttp://127.0.0.1:8999/\n", served.list(3)),
    );
    let commands = [
        "download urls.txt --to out --allow-private --batch-items 10 --dry-run",
        "download urls.txt --to out --batch-items 10",
        "download urls.txt --to out --allow-private --tolerate 60% --batch-items 10 --attempts 1 --head-timeout 500ms",
        "show",
        "failures",
        "explain latest 3",
        "redrive --only status=404",
        "redrive --only status=500",
        "runs",
        "resume",
        "prune --keep 0 --dry-run",
    ];
    insta::assert_snapshot!("a_run", masked(&place, Some(&served), &all(&place, &commands)));
    let commands = [
        "runs --json",
        "show --json",
        "failures --json",
        "redrive --only status=404 --json",
    ];
    insta::assert_snapshot!("a_run_as_json", masked(&place, Some(&served), &all(&place, &commands)));
}

#[test]
fn findings_in_definitions_are_told_line_by_line() {
    let place = Place::new();
    place.write(
        "m.json",
        "{\"StartAt\": \"A\", \"States\": {\n \"A\": {\"Type\": \"Odd\"},\n \"B\": {\"Type\": \"Succeed\"}}}",
    );
    let text = all(
        &place,
        &["validate m.json", "validate m.json --json", "validate nowhere.json"],
    );
    insta::assert_snapshot!("validate", masked(&place, None, &text));
}
