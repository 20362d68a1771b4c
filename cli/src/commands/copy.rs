//! `gantry copy`: a manifest of objects to copies of them.

use serde_json::{Value, json};

use crate::args::CopyArgs;
use crate::composition::{Action, Composition, Machine};
use crate::exit_code::{Exit, Failure};
use crate::input::{self, Manifest, set};
use crate::state::{Opened, State};

use super::run::{self, NewRun};

pub(crate) async fn execute(opened: Opened, args: &CopyArgs) -> Result<Exit, Failure> {
    let state = opened.exclusive()?;
    let run = new_run(&state, args)?;
    run::execute(state, run).await
}

fn new_run(state: &State, args: &CopyArgs) -> Result<NewRun, Failure> {
    let mut composition = Composition {
        action: Action::Copy,
        mounts: std::collections::BTreeMap::new(),
        manifest: args.manifest.manifest.clone(),
        task_destination: None,
        task_items: 0,
        connections: run::connections(&args.run),
        processor: std::collections::BTreeMap::new(),
        consolidator: std::collections::BTreeMap::new(),
        only: None,
    };
    composition.mount_all(&args.run.buckets)?;
    let manifest = input::find(&args.manifest.manifest, &state.dir.spool(), &mut composition)?;
    let Manifest::Object { place, digest } = manifest else {
        return Err(Failure::usage(
            "the manifest of a copy lists objects, found a body of resourcePaths",
        ));
    };
    let destinations: Result<Vec<Value>, Failure> = args
        .to
        .iter()
        .map(|to| input::destination(to, &mut composition))
        .collect();
    let mut manifest = input::manifest_members(&place, &args.manifest);
    if args.url_encoded_keys {
        set(&mut manifest, "urlEncodedKeys", json!(true));
    }
    if let Some(names) = &args.columns {
        set(&mut manifest, "columns", columns(names)?);
    }
    let mut request = input::request(&args.manifest, &args.run);
    set(&mut request, "manifest", manifest);
    set(
        &mut request,
        "work",
        json!({
            "action": Action::Copy.name(),
            "destinations": destinations?,
            "lambdaConcur": args.run.requests(),
        }),
    );
    Ok(NewRun {
        machine: Machine::ManifestMap,
        digest,
        input: request,
        composition,
        rerun_of: None,
        new: args.run.new,
    })
}

fn columns(names: &[String]) -> Result<Value, Failure> {
    match names {
        [bucket, key] => Ok(json!({"bucket": bucket, "key": key})),
        [bucket, key, version] => Ok(json!({"bucket": bucket, "key": key, "versionId": version})),
        _ => Err(Failure::usage(format!(
            "--columns takes two or three names, such as bucket,key,versionId; found {}",
            names.len()
        ))),
    }
}
