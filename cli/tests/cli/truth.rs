//! What is said of runs is true: of those that go on, that were killed, whose files are gone; options do what they say.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Place, Served, serve};

const NONE: Duration = Duration::ZERO;
const LATENCY: Duration = Duration::from_millis(50);
const FEW: u64 = 200;
/// Four requests at a time: seconds are left when it is killed, on a busy machine too.
const SLOWLY: &str =
    "download urls.txt --to out --allow-private --batch-items 5 --concurrency 4 --max-concurrency 1 --json";

/// A run that has made some requests and has more to make.
fn under_way(place: &Place, served: &Served, words: &str) -> Child {
    place.write("urls.txt", served.list(FEW));
    let before = served.origin.requests_in_all();
    let child = place
        .command(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while served.origin.requests_in_all() < before + FEW / 10 {
        std::thread::yield_now();
    }
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_run_is_running_while_a_process_runs_it_and_interrupted_after_a_kill() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    let child = under_way(&place, &served, SLOWLY);
    let shown = place.run("show --json").expect(0).json();
    let text = place.run("show").expect(0).stdout;
    kill(child);
    assert_eq!(
        (&shown["status"], &shown["resume"]),
        (&Value::from("RUNNING"), &Value::Null)
    );
    assert!(
        text.contains("running, in another process") && !text.contains("gantry resume"),
        "{text}"
    );

    let shown = place.run("show --json").expect(0).json();
    assert_eq!(shown["status"], "INTERRUPTED");
    let command = format!("gantry resume {}", shown["run"].as_str().unwrap());
    assert_eq!(shown["resume"], command);
    assert!(place.run("show").expect(0).stdout.contains(&command));
    let listed = place.run("runs --json").expect(0).json();
    assert_eq!(listed["status"], "INTERRUPTED");
    assert!(listed["bytes"].as_u64().unwrap() > 0, "{listed}");
}

#[test]
fn a_resumed_run_counts_from_where_it_was() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    kill(under_way(&place, &served, SLOWLY));
    let said = place.run(SLOWLY).expect(0);
    let told = said.stderr.lines().nth(1).unwrap();
    let (done, rest) = told.split_once(' ').unwrap();
    assert_eq!(rest, "of 200 items are done already", "{said:?}");
    let done: u64 = done.parse().unwrap();
    assert!(done > 0 && done < FEW && done.is_multiple_of(5), "{told}");
}

#[test]
fn a_resumed_run_heeds_the_concurrency_that_is_asked_for() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    let many = "download urls.txt --to out --allow-private --batch-items 5 --json";
    kill(under_way(&place, &served, many));
    let before = served.origin.requests_in_all();
    let said = place
        .run(&format!("{many} --concurrency 1 --max-concurrency 1"))
        .expect(0);
    assert!(said.stderr.contains("resuming"), "{said:?}");
    // One request at a time, each of which takes 50 ms.
    let requests = served.origin.requests_in_all() - before;
    let seconds = said.json()["seconds"].as_f64().unwrap();
    assert!(
        Duration::from_secs_f64(seconds) >= LATENCY * u32::try_from(requests).unwrap(),
        "{requests} in {seconds} s"
    );
}

#[test]
fn outcomes_that_are_gone_are_an_error_and_not_no_failures() {
    let served = serve(2, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(2));
    place.run("download urls.txt --to out --allow-private").expect(0);
    place.run("failures").expect(0);
    std::fs::remove_dir_all(place.path(".gantry/objects")).unwrap();
    for words in ["failures", "show", "redrive", "explain latest 0"] {
        let said = place.run(words).expect(3);
        assert!(said.stderr.contains("the outcomes of download-"), "{words}: {said:?}");
    }
}

#[test]
fn a_command_that_is_refused_leaves_no_run() {
    let place = Place::new();
    place.write("urls.csv", "id,link\n1,https://example.com/a\n");
    place.run("download urls.csv --to out --column url").expect(2);
    let said = place.run("runs").expect(0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", "no runs yet\n"));
}

#[test]
fn the_sentences_are_true_after_the_state_directory_or_the_manifest_has_gone() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    let child = under_way(&place, &served, SLOWLY);
    std::fs::remove_dir_all(place.path(".gantry")).unwrap();
    signal(&child, "-TERM");
    let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(
        stderr.contains("is gone") && !stderr.contains("nothing is lost: "),
        "{stderr}"
    );
    assert!(!stderr.contains("resumes"), "{stderr}");

    let place = Place::new();
    kill(under_way(&place, &served, SLOWLY));
    place.write("urls.txt", served.list(FEW - 1));
    let said = place.run("resume").expect(3);
    assert!(said.stderr.contains("put the manifest back as it was"), "{said:?}");
}

#[test]
fn a_hangup_lets_the_batches_under_way_finish() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    let child = under_way(&place, &served, SLOWLY);
    signal(&child, "-HUP");
    let mut child = child;
    let lines: Vec<String> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(lines.iter().any(|line| line.starts_with("stopped")), "{lines:?}");
}

#[test]
fn what_cannot_be_written_to_stdout_is_an_error() {
    let place = Place::new();
    place.write("urls.txt", "");
    place.run("download urls.txt --to out").expect(0);
    for words in ["runs", "show", "--help", "runs --json"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{words}: {output:?}");
    }
}

#[test]
fn few_descriptors_are_enough_for_few_requests() {
    let served = serve(20, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(20));
    let words = "download urls.txt --to out --allow-private --batch-items 2 --concurrency 2 --max-concurrency 1";
    place.run_limited("ulimit -n 64", words).expect(0);
    assert_eq!(place.files("out").len(), 20);
}

#[test]
fn names_and_limits_that_cannot_be_meant_are_refused_before_the_run() {
    let place = Place::new();
    place.write("urls.txt", "https://example.com/a\n");
    for (option, told) in [
        ("--name ../x", "below the destination"),
        ("--name /x", "relative to the destination"),
        ("--max-object-bytes 0", "at least 1 byte"),
        ("--head-timeout 0", "expected a time"),
    ] {
        let said = place.run(&format!("download urls.txt --to out {option}")).expect(2);
        assert!(said.stderr.contains(told), "{option}: {said:?}");
    }
    assert!(!place.path(".gantry").exists());
}

#[test]
fn a_redrive_takes_the_options_that_repair_what_was_refused() {
    let served = serve(3, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(3));
    let said = place.run("download urls.txt --to out").expect(1);
    assert!(said.stderr.contains(" --allow-private"), "{said:?}");
    assert_eq!(served.origin.connections(), 0);
    let said = place
        .run("redrive --allow-private --max-object-bytes 10 --json")
        .expect(1);
    assert_eq!(said.json()["errors"]["TooLarge"]["count"], 3);
    let first = place.run("runs --json").expect(0).stdout;
    let first: Value = serde_json::from_str(first.lines().last().unwrap()).unwrap();
    let words = format!("redrive {} --allow-private --json", first["run"].as_str().unwrap());
    assert_eq!(place.run(&words).expect(0).json()["succeeded"], 3);
    assert_eq!(place.files("out").len(), 3);
}

#[test]
fn a_redrive_of_some_is_no_success_while_others_are_failed() {
    let served = serve(1, NONE);
    let place = Place::new();
    let (gone, blocked) = (
        served.origin.url("/bad/not-found/1.gif"),
        served.origin.url("/images/0.gif"),
    );
    place.write("urls.txt", format!("{gone}\n{blocked}\n"));
    let in_the_way = place.path("out").join(served.file("/images"));
    std::fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere", &in_the_way).unwrap();
    let failures = place
        .run("download urls.txt --to out --allow-private --json")
        .expect(1)
        .json();
    let names: Vec<&String> = failures["errors"].as_object().unwrap().keys().collect();
    let other = names.into_iter().find(|name| *name != "NotFound").unwrap();
    std::fs::remove_file(in_the_way).unwrap();
    let said = place.run(&format!("redrive --only error={other}")).expect(1);
    assert!(said.stderr.contains("failed items that are left: 1;"), "{said:?}");
}

#[test]
fn a_dry_run_says_what_would_be_run_and_runs_nothing() {
    let served = serve(2, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(2));
    let said = place
        .run("download urls.txt --to out --allow-private --dry-run")
        .expect(0);
    assert!(
        said.stdout.starts_with("would start a new download of `urls.txt`\n"),
        "{said:?}"
    );
    assert_eq!(served.origin.connections(), 0);
    assert_eq!(place.run("runs").expect(0).stdout, "");
}

#[test]
fn a_quiet_run_says_nothing() {
    let served = serve(1, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(1));
    let said = place.run("download urls.txt --to out --allow-private -q").expect(0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}

#[test]
fn pruning_keeps_what_a_redrive_needs_unless_forced() {
    let served = serve(1, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(1));
    place.run("download urls.txt --to out --allow-private").expect(0);
    place.write("bad.txt", served.origin.url("/bad/not-found/1.gif") + "\n");
    place.run("download bad.txt --to out --allow-private").expect(1);
    place.run("prune").expect(2);
    place.run("prune --keep 0 --dry-run").expect(0);
    assert_eq!(place.run("runs --json").expect(0).stdout.lines().count(), 2);
    let said = place.run("prune --keep 0").expect(0);
    assert!(
        said.stderr.contains("removed 1 run") && said.stderr.contains("--force"),
        "{said:?}"
    );
    place.run("failures").expect(0);
    place.run("redrive").expect(1);
    place.run("prune --keep 0 --force").expect(0);
    assert_eq!(place.run("runs").expect(0).stderr, "no runs yet\n");
    assert_eq!(place.files(".gantry/objects"), Vec::<String>::new());
}

#[test]
fn files_that_are_gone_at_the_end_are_told() {
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    let child = under_way(&place, &served, SLOWLY);
    std::fs::rename(place.path("out"), place.path("away")).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("are missing"), "{stderr}");

    let place = Place::new();
    place.write("urls.txt", served.list(3));
    let said = place
        .run("download urls.txt --to out --allow-private --verify --json")
        .expect(0)
        .json();
    assert_eq!(
        (&said["filesChecked"], &said["filesMissing"]),
        (&Value::from(3), &Value::from(0))
    );
}
