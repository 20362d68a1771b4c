//! `gantry download`: a manifest of URLs to files.

use batcher::InlineBody;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::args::DownloadArgs;
use crate::composition::{Action, Composition, Machine, TaskDestination};
use crate::exit_code::{Exit, Failure};
use crate::input::{self, Manifest, set};
use crate::state::{Opened, State};

use super::run::{self, NewRun};

/// Paths in a task of the small machine, when nothing is said.
const TASK_ITEMS: u64 = 5;

pub(crate) async fn execute(opened: Opened, args: &DownloadArgs) -> Result<Exit, Failure> {
    let state = opened.exclusive()?;
    let run = new_run(&state, args)?;
    run::execute(state, run).await
}

fn new_run(state: &State, args: &DownloadArgs) -> Result<NewRun, Failure> {
    let mut composition = composition(args);
    if args.allow_private {
        composition.allow_private();
    }
    if args.hash_urls {
        composition.hash_urls();
    }
    composition.mount_all(&args.run.buckets)?;
    let manifest = input::find(&args.manifest.manifest, &state.dir.spool(), &mut composition)?;
    let destination = input::destination(&args.to, &mut composition)?;
    let digest = manifest.digest().to_owned();
    let (machine, input) = match manifest {
        Manifest::Body { body, .. } if args.is_particular() => {
            let concurrency = checked(&body, args)?.lambda_concur;
            let input = large_input(args, body, &destination, args.run.concurrency.or(concurrency));
            (Machine::ManifestMap, input)
        }
        Manifest::Body { body, .. } => {
            checked(&body, args)?;
            composition.task_destination = Some(TaskDestination {
                bucket: text(&destination, "bucket"),
                prefix: text(&destination, "prefix"),
                name: args.name.clone(),
            });
            (Machine::ImageDownload, body)
        }
        Manifest::Object { place, .. } => {
            let mut manifest = input::manifest_members(&place, &args.manifest);
            set(&mut manifest, "column", json!(args.column));
            set(&mut manifest, "baseUrl", json!(args.base_url));
            let input = large_input(args, manifest, &destination, Some(args.run.requests()));
            (Machine::ManifestMap, input)
        }
    };
    Ok(NewRun {
        machine,
        digest,
        input,
        composition,
        rerun_of: None,
        new: args.run.new,
    })
}

fn composition(args: &DownloadArgs) -> Composition {
    Composition {
        action: Action::Download,
        mounts: std::collections::BTreeMap::new(),
        manifest: args.manifest.manifest.clone(),
        task_destination: None,
        task_items: args.manifest.batch_items.unwrap_or(TASK_ITEMS),
        connections: run::connections(&args.run),
        processor: std::collections::BTreeMap::new(),
        consolidator: std::collections::BTreeMap::new(),
        only: None,
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A body that the batcher will take.
fn checked(body: &Value, args: &DownloadArgs) -> Result<InlineBody, Failure> {
    if args.base_url.is_some() {
        return Err(Failure::usage(
            "`--base-url` is given, and the body has a `baseUrl` of its own",
        ));
    }
    let read = InlineBody::deserialize(body);
    read.map_err(|error| Failure::usage(format!("the body in `{}`: {error}", args.manifest.manifest)))
}

fn large_input(args: &DownloadArgs, manifest: Value, destination: &Value, concurrency: Option<u32>) -> Value {
    let mut work = json!({
        "action": Action::Download.name(),
        "destination": destination,
        "name": args.name,
    });
    if let Some(concurrency) = concurrency {
        set(&mut work, "lambdaConcur", json!(concurrency));
    }
    if let Some(checksum) = args.checksum {
        set(&mut work, "checksum", json!(checksum.wire_name()));
    }
    if let Some(bytes) = args.max_object_bytes {
        set(&mut work, "maxObjectBytes", json!(bytes));
    }
    let mut request = input::request(&args.manifest, &args.run);
    set(&mut request, "manifest", manifest);
    set(&mut request, "work", work);
    request
}
