//! The gantry binary: built beside this harness.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The release binary; built if it is not there or older than its sources.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("gantry");
    eprintln!("building gantry");
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "-p", "cli"])
        .status();
    if !built.context("failed to start cargo")?.success() {
        bail!("gantry does not build");
    }
    if !beside.exists() {
        bail!("there is no `{}`: run the harness with --release", beside.display());
    }
    Ok(beside)
}

/// How a download is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) batch_items: u64,
    pub(crate) concurrency: u64,
    pub(crate) max_concurrency: u64,
}

impl Shape {
    /// 64 connections: two processors, so that one batch's end is another's middle.
    pub(crate) const SIXTY_FOUR: Self = Self {
        batch_items: 1_000,
        concurrency: 32,
        max_concurrency: 2,
    };
}

/// The arguments of a download below `dir`.
pub(crate) fn arguments(manifest: &Path, dir: &Path, shape: Shape) -> Vec<String> {
    let text = |path: PathBuf| path.display().to_string();
    [
        "download".to_owned(),
        text(manifest.to_owned()),
        "--to".to_owned(),
        text(dir.join("gantry")),
        "--state-dir".to_owned(),
        text(dir.join("state")),
        "--allow-private".to_owned(),
        "--new".to_owned(),
        "--json".to_owned(),
        "--batch-items".to_owned(),
        shape.batch_items.to_string(),
        "--concurrency".to_owned(),
        shape.concurrency.to_string(),
        "--max-concurrency".to_owned(),
        shape.max_concurrency.to_string(),
    ]
    .into()
}
