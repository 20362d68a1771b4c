//! From what was typed to what an execution is given: the manifest found, its bucket mounted, its digest taken.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use adapters::local::Access;
use manifest::request::{self, HeaderSource, InlineBody, ManifestObject, Request};
use manifest::work::{Destination, Work};
use ports::ExecutionRow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::options::{ManifestOptions, RunOptions, Tolerance};
use crate::spec::{Pin, RunSpec, STATE_BUCKET, is_own};

/// **Bytes** of a body that travels in the execution's input: Step Functions takes 256 KiB.
const BODY_BYTES_MAX: usize = 200 << 10;
/// What the names of files end with that are still being spooled.
const SPOOLING: &str = ".part";
/// **Bytes** that are read at once.
const PIECE: usize = 1 << 20;

/// Where a run's items come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Manifest {
    /// An object, and what changes when its content does.
    Object { object: ManifestObject, digest: String },
    /// A body of `baseUrl`, `resourcePaths` and `lambdaConcur` that fits an execution's input.
    Body { body: InlineBody, digest: String },
}

impl Manifest {
    pub(crate) fn digest(&self) -> &str {
        match self {
            Self::Object { digest, .. } | Self::Body { digest, .. } => digest,
        }
    }
}

/// `s3://bucket/key`, taken apart.
pub(crate) fn s3_parts(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("s3://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// Finds the manifest. What can be read only once, stdin or a pipe, is spooled below `spool`.
pub(crate) fn find(typed: &str, spool: &Path, spec: &mut RunSpec) -> Result<Manifest> {
    if let Some((bucket, key)) = s3_parts(typed) {
        if bucket.is_empty() || key.is_empty() {
            return Err(Error::invalid(format!(
                "the manifest `{typed}` names no object: expected s3://bucket/key"
            )));
        }
        // Its ETag is part of what is found out before the run, see `crate::run`.
        return Ok(Manifest::Object {
            object: ManifestObject::new(bucket, key),
            digest: typed.to_owned(),
        });
    }
    let path = PathBuf::from(typed);
    let path = if typed == "-" {
        spool_all(&mut std::io::stdin().lock(), spool)?
    } else if is_stream(&path)? {
        let mut stream = std::fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
        spool_all(&mut stream, spool)?
    } else {
        path
    };
    let pin = pin_of(&path)?;
    let digest = pin.digest.clone();
    if let Some(body) = small_body(&path, typed)? {
        return Ok(Manifest::Body { body, digest });
    }
    let (folder, name) = folder_and_name(&path)?;
    let bucket = spec.mount_dir(&folder, Access::ReadOnly)?;
    spec.pin(&bucket, pin);
    Ok(Manifest::Object {
        object: ManifestObject::new(bucket, name),
        digest,
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let hints = [
        (
            std::io::ErrorKind::NotFound,
            "check the path, or give `-` to read from stdin",
        ),
        (std::io::ErrorKind::PermissionDenied, "check the file's permissions"),
    ];
    let known = hints.into_iter().find(|(kind, _)| *kind == error.kind());
    let hint = known.map_or("give a file, s3://bucket/key or `-` for stdin", |(_, hint)| hint);
    Error::invalid(format!("failed to read the manifest `{}`: {error}", path.display())).with_hint(hint)
}

fn folder_and_name(path: &Path) -> Result<(PathBuf, String)> {
    let whole = path.canonicalize().map_err(|error| unreadable(path, &error))?;
    let name = whole.file_name().and_then(|name| name.to_str());
    match (whole.parent(), name) {
        (Some(folder), Some(name)) => Ok((folder.to_owned(), name.to_owned())),
        _ => Err(Error::invalid(format!(
            "the manifest's name `{}` is not UTF-8",
            path.display()
        ))),
    }
}

/// What names the content: the same bytes have the same digest wherever they lie. 128 bits of XXH3 at memory speed;
/// it guards against mistakes, not against forgery.
pub(crate) fn pin_of(path: &Path) -> Result<Pin> {
    let mut file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let stamp = adapters::local::stamp(&file).map_err(|error| unreadable(path, &error))?;
    let mut digest = Xxh3::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(|error| unreadable(path, &error))?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            let digest = format!("{:032x}", digest.digest128());
            return Ok(Pin { stamp, digest });
        };
        digest.update(bytes);
    }
}

/// The body of `resourcePaths`, if that is what the file holds and it fits an execution's input.
fn small_body(path: &Path, typed: &str) -> Result<Option<InlineBody>> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > BODY_BYTES_MAX as u64 {
        return Ok(None);
    }
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(&text) else {
        return Ok(None);
    };
    if !["baseUrl", "resourcePaths"]
        .iter()
        .all(|name| members.contains_key(*name))
    {
        return Ok(None);
    }
    let body = InlineBody::deserialize(Value::Object(members));
    body.map(Some)
        .map_err(|error| Error::invalid(format!("the body in `{typed}`: {error}")))
}

/// Whether it is a pipe or a device.
fn is_stream(path: &Path) -> Result<bool> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok(!metadata.is_file() && !metadata.is_dir())
}

/// Removes what killed processes have left: nobody else has this state directory.
fn sweep(spool: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(spool)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.ends_with(SPOOLING)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn spool_all(stream: &mut impl Read, spool: &Path) -> Result<PathBuf> {
    let fault = |error: std::io::Error| {
        Error::internal(format!(
            "failed to keep the manifest below `{}`: {error}",
            spool.display()
        ))
    };
    sweep(spool).map_err(fault)?;
    let part = spool.join(format!("stdin-{}{SPOOLING}", std::process::id()));
    let mut file = adapters::local::create_private(&part).map_err(fault)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = stream.read(&mut piece).map_err(fault)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        file.write_all(bytes).map_err(fault)?;
    }
    // Its name says that it is whole, after a loss of power too.
    file.sync_all().map_err(fault)?;
    // By its content: the same input again resumes the same run, and is kept once.
    let whole = spool.join(format!("stdin-{}", pin_of(&part)?.digest));
    if whole.exists() {
        std::fs::remove_file(&part).map_err(fault)?;
    } else {
        std::fs::rename(&part, &whole).map_err(fault)?;
    }
    Ok(whole)
}

/// A destination: a bucket and a prefix; a directory becomes a bucket of its own.
pub(crate) fn destination(typed: &str, spec: &mut RunSpec) -> Result<Destination> {
    if let Some((bucket, prefix)) = s3_parts(typed) {
        if bucket.is_empty() {
            return Err(Error::invalid(format!(
                "the destination `{typed}` names no bucket: expected s3://bucket/prefix"
            )));
        }
        spec.write_to(bucket);
        return Ok(Destination {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        });
    }
    if typed.contains("://") {
        return Err(Error::invalid(format!(
            "the destination `{typed}` is neither a directory nor s3://bucket/prefix"
        )));
    }
    let bucket = spec.mount_dir(Path::new(typed), Access::ReadWrite)?;
    Ok(Destination {
        bucket,
        prefix: String::new(),
    })
}

/// The manifest, read as the options say.
pub(crate) fn manifest_object(object: ManifestObject, options: &ManifestOptions) -> ManifestObject {
    ManifestObject {
        format: options.format,
        delimiter: options.delimiter,
        quote: options.quote,
        header: options
            .header
            .clone()
            .map_or_else(HeaderSource::default, HeaderSource::Names),
        ..object
    }
}

/// The execution's input.
pub(crate) fn request(manifest: request::Manifest, work: Work, options: &ManifestOptions, run: &RunOptions) -> Request {
    let tolerate = run.tolerate.map(Tolerance::to_request).unwrap_or_default();
    Request {
        batch_items: options.batch_items,
        max_concurrency: Some(run.processors()),
        max_rounds: Some(run.rounds()),
        tolerate,
        skip_malformed: options.skip_malformed,
        strict: options.strict,
        ..Request::new(manifest, work)
    }
}

/// The input of an execution of either machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// Of `manifest-map`.
    Request(Box<Request>),
    /// Of `image-download`.
    Body(InlineBody),
}

impl Input {
    /// The input that was written into a run's record.
    pub(crate) fn from_row(row: &ExecutionRow) -> Result<Self> {
        serde_json::from_str(&row.input)
            .map_err(|error| Error::internal(format!("failed to read the input of `{}`: {error}", row.name)))
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }

    /// The object that lists the items; `None` when the input lists them itself.
    pub(crate) fn manifest(&self) -> Option<&ManifestObject> {
        match self {
            Self::Request(request) => match &request.manifest {
                request::Manifest::Object(object) => Some(object),
                request::Manifest::Inline(_) => None,
            },
            Self::Body(_) => None,
        }
    }

    /// How many places each item goes to.
    pub(crate) fn destinations(&self) -> u64 {
        match self {
            Self::Request(request) => match &request.work {
                Work::Copy(copy) => copy.destinations.len() as u64,
                Work::Download(_) => 1,
            },
            Self::Body(_) => 1,
        }
    }

    /// The input without what changes how fast the run is and nothing else.
    fn without_concurrency(mut self) -> Self {
        match &mut self {
            Self::Request(request) => {
                request.max_concurrency = None;
                *request.work.lambda_concur_mut() = 0;
                if let request::Manifest::Inline(body) = &mut request.manifest {
                    body.lambda_concur = None;
                }
            }
            Self::Body(body) => body.lambda_concur = None,
        }
        self
    }
}

/// What makes the same run again: the manifest's content and every option that changes what comes out.
pub(crate) fn identity(digest: &str, input: &Input, spec: &RunSpec) -> String {
    let mounts = spec.mounts.iter();
    let outputs: Vec<_> = mounts
        .filter(|(bucket, mount)| mount.writable || !is_own(bucket))
        .collect();
    let whole = json!({
        "digest": digest, "input": input.clone().without_concurrency(), "outputs": outputs, "action": spec.action,
        "processor": spec.processor, "task": spec.task_destination,
        "consolidator": spec.consolidator, "state": STATE_BUCKET,
    });
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(whole.to_string().as_bytes()))
}
