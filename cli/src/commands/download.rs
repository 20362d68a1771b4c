//! `gantry download`: a manifest of URLs to files.

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
    let destination = input::destination(&args.to, 0, &mut composition)?;
    let digest = manifest.digest().to_owned();
    let (machine, input) = match manifest {
        Manifest::Body { .. } if args.hash_urls => {
            let text =
                "`--hash-urls` is not for a body of `resourcePaths`: its state machine writes the URLs to the table";
            return Err(Failure::usage(text));
        }
        Manifest::Body { body, .. } => {
            composition.task_destination = Some(TaskDestination {
                bucket: text(&destination, "bucket"),
                prefix: text(&destination, "prefix"),
                name: args.name.clone(),
            });
            (Machine::ImageDownload, body)
        }
        Manifest::Object { place, .. } => (Machine::ManifestMap, large_input(args, &place, &destination)),
    };
    Ok(NewRun {
        machine,
        digest,
        input,
        composition,
        redrives: None,
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
        uses_s3: false,
        processor: std::collections::BTreeMap::new(),
        consolidator: std::collections::BTreeMap::new(),
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn large_input(args: &DownloadArgs, place: &Value, destination: &Value) -> Value {
    let mut manifest = input::manifest_members(place, &args.manifest);
    set(&mut manifest, "column", json!(args.column));
    set(&mut manifest, "baseUrl", json!(args.base_url));
    let mut work = json!({
        "action": Action::Download.name(),
        "destination": destination,
        "lambdaConcur": args.run.concurrency,
        "name": args.name,
    });
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
