//! `kill -9` from outside, at random moments, fifty times over one run: every item ends with exactly one outcome.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Place, serve};
use fastrand::Rng;
use serde_json::Value;

const ITEMS: u64 = 20_000;
const KILLS: u64 = 50;
const LATENCY: Duration = Duration::from_millis(50);
const WORDS: &str = "download urls.txt --to out --allow-private --batch-items 50 --json";

#[test]
fn a_run_that_is_killed_fifty_times_ends_with_one_outcome_for_each_item() {
    let served = serve(ITEMS, LATENCY);
    let place = Place::new();
    place.write("urls.txt", served.list(ITEMS));
    let mut random = Rng::with_seed(1);
    for kill in 0..KILLS {
        let life = Duration::from_millis(random.u64(150..500));
        assert!(killed_after(&place, life), "kill {kill} came after the run had ended");
    }
    let said = place.run(WORDS).expect(0);
    assert!(said.stderr.contains("resuming"), "{}", said.stderr);
    let json = said.json();
    assert_eq!(
        (&json["items"], &json["succeeded"]),
        (&Value::from(ITEMS), &Value::from(ITEMS))
    );

    let results = settled(&place);
    assert_eq!(results.len() as u64, ITEMS);
    assert!(results.values().all(|times| *times == 1), "one outcome for each item");
    let files = place.files("out");
    assert_eq!(files.len() as u64, ITEMS, "no file is missing or half-written");
    let whole = |file: &String| {
        let number = file
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".gif"))
            .unwrap();
        std::fs::read(place.path("out").join(file)).unwrap() == demo::image::gif(number.parse().unwrap())
    };
    assert!(files.iter().all(whole), "every file has the image's bytes");
    let runs = place.run("runs --json").expect(0).stdout;
    assert_eq!(runs.lines().count(), 1, "it was one run all the time");
}

/// Lets the command live so long once it works, then kills it. False when it had ended by then.
fn killed_after(place: &Place, life: Duration) -> bool {
    let mut child = place
        .command(WORDS)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert!(
        first.starts_with("starting") || first.starts_with("resuming"),
        "{first}"
    );
    #[expect(clippy::disallowed_methods, reason = "a random moment is the subject")]
    std::thread::sleep(life);
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

/// How often each item stands in the flat results.
fn settled(place: &Place) -> BTreeMap<u64, u64> {
    let mut indexes = BTreeMap::new();
    for file in place.files(".gantry/objects") {
        if !file.contains("/results/") || file.contains("/job-") {
            continue;
        }
        let text = std::fs::read_to_string(place.path(".gantry/objects").join(file)).unwrap();
        for line in text.lines() {
            let outcome: Value = serde_json::from_str(line).unwrap();
            *indexes.entry(outcome["index"].as_u64().unwrap()).or_default() += 1;
        }
    }
    indexes
}

#[test]
fn a_redrive_that_is_killed_goes_on_by_the_same_command() {
    const FEW: u64 = 200;
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    place.write("urls.txt", served.list(FEW));
    let in_the_way = place.path("out").join(served.file("/images"));
    std::fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere", &in_the_way).unwrap();
    // Four at a time: seconds are left when it is killed, also on a busy machine.
    let words = "download urls.txt --to out --allow-private --batch-items 5 --concurrency 4 --max-concurrency 1";
    place.run(words).expect(1);
    std::fs::remove_file(in_the_way).unwrap();

    let before = served.origin.requests_in_all();
    let mut redrive = place.command("redrive").stderr(Stdio::null()).spawn().unwrap();
    while served.origin.requests_in_all() < before + FEW / 10 {
        std::thread::yield_now();
    }
    redrive.kill().unwrap();
    assert!(!redrive.wait().unwrap().success(), "it was killed before its end");
    let said = place.run("redrive --json").expect(0);
    assert!(said.stderr.contains("resuming redrive-"), "{}", said.stderr);
    assert_eq!(said.json()["succeeded"], FEW);
    assert_eq!(place.files("out").len() as u64, FEW);
    let said = place.run("redrive").expect(0);
    assert!(said.stderr.contains("no item of"), "{}", said.stderr);
}

#[test]
fn a_manifest_that_is_gone_stops_the_run_until_it_is_back() {
    const FEW: u64 = 200;
    let served = serve(FEW, LATENCY);
    let place = Place::new();
    place.write("urls.txt", served.list(FEW));
    let words = "download urls.txt --to out --allow-private --batch-items 5 --concurrency 4 --max-concurrency 1 --json";
    let run = place.command(words).stderr(Stdio::piped()).spawn().unwrap();
    while served.origin.requests_in_all() < FEW / 10 {
        std::thread::yield_now();
    }
    std::fs::rename(place.path("urls.txt"), place.path("away")).unwrap();
    let ended = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("urls.txt") && stderr.contains("resumes the run"),
        "{stderr}"
    );
    place.run("resume").expect(2);
    let said = place.run("redrive").expect(2);
    assert!(said.stderr.contains("gantry resume download-"), "{said:?}");
    // Another file with the same content, which the file system tells from the first.
    std::fs::copy(place.path("away"), place.path("urls.txt")).unwrap();
    let said = place.run("resume --json").expect(0);
    assert!(said.stderr.contains("resuming"), "{}", said.stderr);
    assert_eq!(said.json()["succeeded"], FEW);
    let said = place.run("resume").expect(2);
    assert!(said.stderr.contains("has ended"), "{said:?}");
}

/// A service that does not answer is asked again and again.
#[test]
fn a_manifest_that_is_waited_for_is_given_up_at_once() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let place = Place::new();
    let mut child = place
        .command("download s3://bucket/m.csv --to out")
        .env("AWS_ENDPOINT_URL", format!("http://{}", silent.local_addr().unwrap()))
        .envs([
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", "us-east-1"),
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _asked = silent.accept().unwrap();
    let sent = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(15), "it waited for an answer");
}

/// Copies within a file system never wait for anything.
#[test]
fn an_interrupt_is_heard_in_the_middle_of_copies() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/a", "a");
    place.write("objects.csv", format!("bucket,key\n{}", "in,a\n".repeat(10_000)));
    let words = "copy objects.csv --to out --bucket in=in --json";
    let mut child = place.command(words).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("starting"));
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert!(lines.any(|line| line.unwrap().starts_with("stopped")));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.run(words).expect(0).json()["succeeded"], 10_000);
}

#[test]
fn the_same_content_in_another_file_resumes_the_run() {
    let served = serve(400, 6 * LATENCY);
    let place = Place::new();
    place.write("real.txt", served.list(400));
    std::os::unix::fs::symlink("real.txt", place.path("urls.txt")).unwrap();
    assert!(killed_after(&place, Duration::from_millis(150)), "it was under way");

    // Another inode, another time, through the same link.
    std::fs::copy(place.path("real.txt"), place.path("copy.txt")).unwrap();
    std::fs::rename(place.path("copy.txt"), place.path("real.txt")).unwrap();
    let said = place.run(WORDS).expect(0);
    assert!(said.stderr.contains("resuming"), "{}", said.stderr);
    assert_eq!(said.json()["succeeded"], 400);
    assert_eq!(place.files("out").len(), 400);
}
