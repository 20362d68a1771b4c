//! What a user types and what comes back: bad input, good input, resuming, redriving.
#![cfg(test)]

mod kill;
mod support;
mod texts;
mod truth;
mod validate;

use std::time::Duration;

use serde_json::Value;
use support::{Place, serve};

const NONE: Duration = Duration::ZERO;

#[test]
fn a_missing_manifest_is_a_usage_error_on_one_line_with_a_hint() {
    let place = Place::new();
    let said = place.run("download nowhere.csv --to out").expect(2);
    assert!(
        said.stderr
            .starts_with("gantry: failed to read the manifest `nowhere.csv`"),
        "{said:?}"
    );
    assert!(said.stderr.contains("check the path"), "{said:?}");
    assert_eq!(said.stdout, "");
}

#[test]
fn a_folder_is_no_manifest() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    let said = place.run("download folder --to out").expect(2);
    assert!(said.stderr.contains("`folder`"), "{said:?}");
}

#[test]
fn an_empty_manifest_has_no_items_and_that_is_no_error() {
    for (name, content) in [
        ("empty.txt", ""),
        ("header.csv", "id,url\n"),
        ("blank.txt", "\n\n# nothing\n"),
    ] {
        let place = Place::new();
        place.write(name, content);
        let said = place.run(&format!("download {name} --to out")).expect(0);
        assert!(said.stderr.contains("no items"), "{name}: {said:?}");
    }
}

#[test]
fn a_wrong_column_is_told_with_the_columns_there_are() {
    let place = Place::new();
    place.write("urls.csv", "id,link\n1,https://example.com/a\n");
    let said = place.run("download urls.csv --to out --column url").expect(2);
    assert!(said.stderr.contains("`url`"), "{said:?}");
    assert!(said.stderr.contains("id") && said.stderr.contains("link"), "{said:?}");
}

#[test]
fn an_unclosed_quote_stops_before_anything_starts_unless_it_is_skipped() {
    let served = serve(2, NONE);
    let place = Place::new();
    let (first, second) = (served.origin.url("/images/0.gif"), served.origin.url("/images/1.gif"));
    place.write("urls.csv", format!("id,url\n1,{first}\n2,\"{second}\n"));
    let said = place.run("download urls.csv --to out --allow-private").expect(2);
    assert!(
        said.stderr.contains("record 2") && said.stderr.contains("line 3"),
        "{said:?}"
    );
    assert!(said.stderr.contains("byte"), "{said:?}");
    assert_eq!(served.origin.requests_in_all(), 0);

    let said = place
        .run("download urls.csv --to out --allow-private --skip-malformed --json")
        .expect(1);
    assert_eq!(said.json()["errors"]["UnclosedQuote"]["count"], 1);
    assert_eq!(place.files("out"), [served.file("/images/0.gif")]);
}

#[test]
fn invalid_utf_8_is_told_with_its_place() {
    let place = Place::new();
    place.write(
        "urls.csv",
        b"id,url\n1,https://example.com/a\n2,https://example.com/\xff\n",
    );
    let said = place.run("download urls.csv --to out").expect(2);
    assert!(said.stderr.contains("line 3"), "{said:?}");
}

#[test]
fn bad_records_fail_alone_or_all_before_with_strict() {
    let served = serve(1, NONE);
    let place = Place::new();
    let good = served.origin.url("/images/0.gif");
    place.write("urls.csv", format!("id,url\n1,{good}\n2\n3,\n4,a\"b\n"));
    let said = place
        .run("download urls.csv --to out --allow-private --strict")
        .expect(2);
    assert!(said.stderr.contains("record 2"), "{said:?}");
    assert_eq!(served.origin.requests_in_all(), 0);

    let said = place.run("download urls.csv --to out --allow-private --json").expect(1);
    let json = said.json();
    assert_eq!((&json["items"], &json["succeeded"]), (&Value::from(4), &Value::from(1)));
    for name in ["WrongFieldCount", "EmptyCell", "BareQuote"] {
        assert_eq!(json["errors"][name]["count"], 1, "{name}: {json}");
    }
}

#[test]
fn private_addresses_are_refused_and_nobody_is_asked() {
    let served = serve(1, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(1));
    let said = place.run("download urls.txt --to out --json").expect(1);
    assert_eq!(said.json()["failed"], 1);
    assert_eq!(served.origin.connections(), 0);
}

#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let served = serve(1, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(1));
    std::fs::create_dir(place.path("outside")).unwrap();
    std::fs::create_dir(place.path("out")).unwrap();
    let host = served.file("");
    std::os::unix::fs::symlink(place.path("outside"), place.path("out").join(host)).unwrap();
    let said = place.run("download urls.txt --to out --allow-private");
    assert_ne!(said.code, 0, "{said:?}");
    assert_eq!(place.files("outside"), Vec::<String>::new());
}

#[test]
fn an_output_that_is_no_folder_is_refused_at_once() {
    let place = Place::new();
    place.write("urls.txt", "https://example.com/a\n");
    place.write("out", "a file");
    let said = place.run("download urls.txt --to out").expect(2);
    assert!(said.stderr.contains("out"), "{said:?}");
}

#[test]
fn a_state_directory_of_another_version_is_refused() {
    let place = Place::new();
    place.write("urls.txt", "");
    place.run("download urls.txt --to out").expect(0);
    place.write(".gantry/VERSION", "7");
    let said = place.run("runs").expect(2);
    assert!(said.stderr.contains("layout `7`"), "{said:?}");
}

#[test]
fn a_disk_that_is_full_stops_the_run_and_it_can_be_resumed() {
    let served = serve(3, NONE);
    let place = Place::new();
    let huge = served.origin.url("/bad/endless/1.gif");
    place.write("urls.txt", format!("{huge}\n"));
    // A limit on the size of files stands for a disk without room: writing beyond it fails in the same way.
    let words = "download urls.txt --to out --allow-private --max-object-bytes 64MiB";
    let stderr = place
        .run_limited("trap '' XFSZ; ulimit -f 4096", words)
        .expect(3)
        .stderr;
    assert!(stderr.contains("resumes"), "{stderr}");
    assert_eq!(place.files("out"), Vec::<String>::new(), "nothing half-written");

    let said = place.run(words).expect(1);
    assert!(
        said.stderr.contains("resuming") && said.stderr.contains("TooLarge"),
        "{said:?}"
    );
}

#[test]
fn more_connections_than_descriptors_are_refused_before_the_run() {
    let place = Place::new();
    place.write("urls.txt", "https://example.com/a.gif\n");
    let words = "download urls.txt --to out --concurrency 100 --max-concurrency 10";
    let stderr = place.run_limited("ulimit -n 600", words).expect(2).stderr;
    assert!(
        stderr.contains("1000 requests") && stderr.contains("the system gives 600"),
        "{stderr}"
    );
    assert!(stderr.contains("--max-concurrency"), "{stderr}");
}

#[test]
fn a_second_gantry_on_one_state_directory_is_refused() {
    let served = serve(0, NONE);
    let place = Place::new();
    place.write("urls.txt", served.origin.url("/bad/silent/1.gif") + "\n");
    let words = "download urls.txt --to out --allow-private";
    let mut first = place
        .command(words)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It says that it starts once it has the lock.
    let mut line = String::new();
    let stderr = first.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    let second = place.run(words);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, 2, "{second:?}");
    assert!(second.stderr.contains("another gantry"), "{second:?}");
    assert!(place.run("runs").expect(0).stdout.contains("interrupted"));
}

#[test]
fn image_download_succeeds_with_21_batches_102_outcomes_101_files_and_rows() {
    let served = serve(0, NONE);
    let place = Place::new();
    let body = fixtures::image_download::success(&served.origin.url(""));
    place.write("body.json", body.to_string());
    let said = place
        .run("download body.json --to out --allow-private --json")
        .expect(0);
    assert_eq!(
        (&said.json()["items"], &said.json()["succeeded"]),
        (&Value::from(102), &Value::from(102))
    );
    assert_eq!(place.files("out").len(), 101);
    let outcomes: Vec<String> = place
        .files(".gantry/objects")
        .into_iter()
        .filter(|file| file.contains("outcomes"))
        .collect();
    assert_eq!(outcomes.len(), 21, "{outcomes:?}");
    let table = adapters::local::Table::open(&place.path(".gantry/table.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let rows = runtime.block_on(ports::Table::count(&table, "urlToName")).unwrap();
    assert_eq!(rows, 101);
}

#[test]
fn image_download_fails_with_4_files_and_one_message() {
    let served = serve(0, NONE);
    let place = Place::new();
    let body = fixtures::image_download::failure(&served.origin.url(""));
    place.write("body.json", body.to_string());
    let said = place
        .run("download body.json --to out --allow-private --json")
        .expect(1);
    assert_eq!(said.json()["cause"], "One or more resources failed to download");
    assert_eq!(place.files("out").len(), 4);
    let records = adapters::local::Records::open(&place.path(".gantry/state.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let notifications = runtime.block_on(records.notifications()).unwrap();
    let messages: Vec<&str> = notifications
        .iter()
        .map(|notification| notification.message.as_str())
        .collect();
    let url = served.origin.url("/data/flags/zz/zz.gif");
    assert_eq!(messages, [format!("[\"Could not find: {url}\"]")]);
}

#[test]
fn a_body_comes_through_stdin_as_well() {
    let served = serve(0, NONE);
    let place = Place::new();
    place.write(
        "body.json",
        fixtures::image_download::failure(&served.origin.url("")).to_string(),
    );
    let stdin = std::fs::File::open(place.path("body.json")).unwrap();
    let output = place
        .command("download - --to out --allow-private")
        .stdin(stdin)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.files("out").len(), 4);
}

#[test]
fn a_redrive_runs_just_what_failed_and_explain_shows_both() {
    let served = serve(3, NONE);
    let place = Place::new();
    let failing = served.origin.url("/bad/not-found/1.gif");
    place.write("urls.txt", format!("{}{failing}\n", served.list(3)));
    place.run("download urls.txt --to out --allow-private").expect(1);
    let before = served.origin.requests_in_all();
    let said = place.run("redrive --json").expect(1);
    assert_eq!(said.json()["items"], 1);
    assert_eq!(served.origin.requests_in_all(), before + 1);
    let first = place
        .run("runs --json")
        .expect(0)
        .stdout
        .lines()
        .last()
        .unwrap()
        .to_owned();
    let first: Value = serde_json::from_str(&first).unwrap();
    let told = place
        .run(&format!("explain {} {failing} --json", first["run"].as_str().unwrap()))
        .expect(0);
    assert_eq!(told.stdout.lines().count(), 2, "{told:?}");
    place.run("redrive --only status=500").expect(0);
    let shown = place
        .run(&format!("show {} --json", first["run"].as_str().unwrap()))
        .expect(0);
    let map_run = &shown.json()["mapRuns"][0];
    assert_eq!(map_run["status"], "SUCCEEDED", "items fail, children do not: {map_run}");
    assert_eq!(map_run["executionCounts"]["succeeded"], 1);
    assert_eq!(map_run["executionCounts"]["total"], 1);
    assert!(place.run("show").expect(0).stdout.contains("children 1 succeeded"));
}

#[test]
fn a_second_redrive_leaves_alone_what_the_first_has_brought() {
    let served = serve(3, NONE);
    let place = Place::new();
    let gone = served.origin.url("/bad/not-found/1.gif");
    let blocked = served.origin.url("/bytes/10/a");
    place.write("urls.txt", format!("{}{gone}\n{blocked}\n", served.list(3)));
    let in_the_way = place.path("out").join(served.file("/bytes"));
    std::fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere", &in_the_way).unwrap();
    place.run("download urls.txt --to out --allow-private").expect(1);
    let runs = place.run("runs --json").expect(0).stdout;
    let first: Value = serde_json::from_str(runs.trim()).unwrap();
    let first = first["run"].as_str().unwrap();
    std::fs::remove_file(in_the_way).unwrap();
    assert_eq!(place.run("redrive --json").expect(1).json()["items"], 2);
    let left = place.run(&format!("failures {first}")).expect(0).stdout;
    assert_eq!((left.lines().count(), left.contains(&gone)), (1, true), "{left}");
    let again = place.run(&format!("redrive {first} --json")).expect(1);
    assert_eq!(again.json()["items"], 1);
    let shown = place.run(&format!("show {first}")).expect(0).stdout;
    assert!(shown.contains("1 of 2 items succeeded"), "{shown}");
}

#[test]
fn the_runs_own_folders_are_no_buckets_to_copy_from() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/a", "a");
    place.write("secret", "s");
    let folder = place.path("");
    let folder = folder.display();
    place.write(
        "objects.csv",
        format!("bucket,key\nin,a\n{folder},secret\ngantry-state,a\n"),
    );
    let said = place.run("copy objects.csv --to out --bucket in=in --json").expect(1);
    assert_eq!(said.json()["errors"]["AddressRefused"]["count"], 2, "{said:?}");
    assert_eq!(place.files("out"), ["a"]);
    for name in ["gantry-state", "a/b"] {
        place
            .run(&format!("copy objects.csv --to out --bucket {name}=in"))
            .expect(2);
    }
}

#[test]
fn a_bucket_that_is_only_read_need_not_be_writable_but_must_be_there() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/a", "a");
    place.write("objects.csv", "bucket,key\nin,a\n");
    let said = place.run("copy objects.csv --to out --bucket in=inn").expect(2);
    assert!(said.stderr.contains("inn") && !place.path("inn").exists(), "{said:?}");
    place.run("copy objects.csv --to out/ --bucket in=in").expect(0);
    place
        .run("copy objects.csv --to s3://in/copies --bucket in=in")
        .expect(0);
    assert_eq!(place.files("in"), ["a", "copies/a"]);
    place
        .run("copy objects.csv --to file:///tmp/x --bucket in=in")
        .expect(2);
    place
        .run("copy objects.csv --to out --bucket in=in --bucket in=out")
        .expect(2);
}

/// Nobody has credentials here: looking for them must not leave this machine.
#[test]
fn a_bucket_that_nobody_knows_fails_its_item_alone() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/a", "a");
    place.write("objects.csv", "bucket,key\nin,a\nout-there,b\n");
    let mut copy = place.command("copy objects.csv --to out --bucket in=in --json");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"] {
        copy.env_remove(name);
    }
    copy.env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", place.path(""));
    let output = copy.output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (said["succeeded"].as_u64(), &said["errors"]["NotFound"]["count"]),
        (Some(1), &Value::from(1))
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn of_two_destinations_each_failure_is_told_and_redriven() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("objects.csv", "bucket,key\nin,../a\nin,gone\n");
    let said = place
        .run("copy objects.csv --to one --to two --bucket in=in --json")
        .expect(1);
    assert_eq!(said.json()["failed"], 4, "{said:?}");
    let failures = place.run("failures").expect(0).stdout;
    let told: std::collections::BTreeSet<&str> = failures.lines().collect();
    assert_eq!(told.len(), 4, "each says which: {failures}");
    assert_eq!(place.run("redrive --json").expect(1).json()["failed"], 4);
}

#[test]
fn versions_and_encoded_keys_in_a_manifest_of_copies_are_heeded() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/a", "a");
    place.write("in/b c+d", "a");
    place.write("inventory.csv", "\"in\",\"b+c%2Bd\"\n\"in\",\"%ff\"\n");
    let inventory = "copy inventory.csv --header bucket,key --url-encoded-keys --to out --bucket in=in --json";
    let said = place.run(inventory).expect(1).json();
    assert_eq!(
        (said["succeeded"].as_u64(), &said["errors"]["InvalidUtf8"]["count"]),
        (Some(1), &Value::from(1))
    );
    assert_eq!(place.files("out"), ["b c+d"]);
    place.write("objects.csv", "bucket,key,versionId\nin,a,null\nin,a,v1\n");
    let said = place.run("copy objects.csv --to out --bucket in=in --json").expect(1);
    assert_eq!(
        said.json()["errors"]["NotFound"]["count"],
        1,
        "folders keep no versions: {said:?}"
    );
}

#[test]
fn what_a_body_cannot_ask_for_is_done_by_the_large_machine() {
    let served = serve(2, NONE);
    let place = Place::new();
    let base = served.origin.url("");
    let body = |paths: &str| format!(r#"{{"baseUrl":"{base}","resourcePaths":{paths},"lambdaConcur":"2"}}"#);
    place.write(
        "body.json",
        body(r#"["images/0.gif","images/1.gif","bad/not-found/1.gif"]"#),
    );
    place.run("download body.json --to out --allow-private").expect(1);
    place
        .run("download body.json --to out --allow-private --tolerate 1")
        .expect(0);
    let bounded = "download body.json --to out --allow-private --max-object-bytes 10 --json";
    assert_eq!(place.run(bounded).expect(1).json()["failed"], 3);
    for (wrong, word) in [
        (r#"{"baseUrl":5,"resourcePaths":["a"]}"#.to_owned(), "baseUrl"),
        (body("[1]"), "resourcePaths"),
        (body(r#"["a"]"#).replace("\"2\"", "\"two\""), "lambdaConcur"),
    ] {
        place.write("body.json", wrong);
        let said = place.run("download body.json --to out --allow-private").expect(2);
        assert!(
            said.stderr.contains("body.json") && !said.stderr.contains("starting"),
            "{word}: {said:?}"
        );
    }
}

#[test]
fn a_manifest_may_come_through_a_named_pipe() {
    let served = serve(3, NONE);
    let place = Place::new();
    place.write("urls.txt", served.list(3));
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let (from, to) = (place.path("urls.txt"), place.path("pipe"));
    let writer = std::thread::spawn(move || std::fs::copy(from, to).unwrap());
    place.run("download pipe --to out --allow-private").expect(0);
    writer.join().unwrap();
    assert_eq!(place.files("out").len(), 3);
    let said = place.run("download /dev/null --to out --allow-private").expect(0);
    assert!(said.stderr.contains("no items"), "{said:?}");
}

#[test]
fn a_wrong_name_template_is_told_before_anything_starts() {
    let place = Place::new();
    place.write("urls.txt", "https://example.com/a\n");
    let said = place.run("download urls.txt --to out --name {hots}").expect(2);
    assert!(
        said.stderr.contains("{hots}") && said.stderr.contains("basename"),
        "{said:?}"
    );
}

#[test]
fn secrets_in_urls_are_shown_to_nobody() {
    let served = serve(1, NONE);
    let place = Place::new();
    let url = |path: &str| {
        let url = served.origin.url(path).replace("//", "//me:PASSWORD@");
        format!("{url}?sig=SIGNATURE&x=1")
    };
    let (good, bad) = (url("/images/0.gif"), url("/bad/not-found/1.gif"));
    // What the URL standard takes, too.
    let quoted = bad.replace("PASSWORD", "'PASSWORD)");
    let bare = bad.replace("//", "");
    place.write("urls.csv", format!("url\n{good}\n{bad}\n{quoted}\n{bare}\n"));
    let ran = place
        .run("download urls.csv --to out --allow-private --hash-urls")
        .expect(1);
    let explained = place.run(&format!("explain latest {bad}")).expect(0);
    for said in [
        ran,
        explained,
        place.run("failures").expect(0),
        place.run("show").expect(0),
    ] {
        assert!(!holds_secrets(said.stdout.as_bytes()), "{said:?}");
        assert!(!holds_secrets(said.stderr.as_bytes()), "{said:?}");
    }
    let state = place.path(".gantry");
    let mut kept = place.files(".gantry/objects/gantry-state");
    kept.retain(|name| name.starts_with("job-"));
    assert!(kept.iter().any(|name| name.contains("failed-")), "{kept:?}");
    for name in kept {
        let bytes = std::fs::read(state.join("objects/gantry-state").join(&name)).unwrap();
        assert!(!holds_secrets(&bytes), "{name}");
    }
    assert!(!holds_secrets(&std::fs::read(state.join("table.db")).unwrap()));
}

fn holds_secrets(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("PASSWORD") || text.contains("SIGNATURE")
}

#[test]
fn within_the_tolerance_the_run_succeeds() {
    let served = serve(3, NONE);
    let place = Place::new();
    place.write(
        "urls.txt",
        format!("{}{}\n", served.list(3), served.origin.url("/bad/gone/1.gif")),
    );
    place
        .run("download urls.txt --to out --allow-private --tolerate 25%")
        .expect(0);
    place
        .run("download urls.txt --to out --allow-private --tolerate 1")
        .expect(0);
    place
        .run("download urls.txt --to out --allow-private --tolerate 24%")
        .expect(1);
}

#[test]
fn objects_are_copied_to_every_destination() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("source/deep")).unwrap();
    place.write("source/a.txt", "a");
    place.write("source/deep/b.txt", "bb");
    place.write(
        "objects.csv",
        "bucket,key\nphotos,a.txt\nphotos,deep/b.txt\nphotos,missing.txt\n",
    );
    let said = place
        .run("copy objects.csv --to one --to two --bucket photos=source --json")
        .expect(1);
    assert_eq!(
        (&said.json()["succeeded"], &said.json()["failed"]),
        (&Value::from(4), &Value::from(2))
    );
    for folder in ["one", "two"] {
        assert_eq!(place.files(folder), ["a.txt", "deep/b.txt"]);
    }
    assert_eq!(std::fs::read(place.path("two/deep/b.txt")).unwrap(), b"bb");
}

#[test]
fn usage_errors_exit_with_2_and_help_with_0() {
    let place = Place::new();
    place.run("download").expect(2);
    place.run("upload").expect(2);
    let said = place.run("--help").expect(0);
    assert!(said.stdout.contains("download") && said.stderr.is_empty());
}
