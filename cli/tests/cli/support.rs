//! The built binary in a folder of its own, and an origin beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use demo::Origin;
use demo::origin::Options;
use serde_json::Value;

/// A folder with a manifest, its output and its state.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

/// What a command has printed.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The one JSON document of stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails with all that was said unless the code is this.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The command, to be run in the folder.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command
            .args(words.split(' '))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Said {
        Said::of(&self.command(words).output().unwrap())
    }

    /// The same under limits that the shell sets.
    pub(crate) fn run_limited(&self, limits: &str, words: &str) -> Said {
        let script = format!("{limits}; exec {} {words}", env!("CARGO_BIN_EXE_gantry"));
        let mut shell = Command::new("sh");
        Said::of(
            &shell
                .args(["-c", &script])
                .current_dir(self.dir.path())
                .output()
                .unwrap(),
        )
    }

    /// Files below a folder, by their paths in it.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let root = self.path(folder);
        let mut found = Vec::new();
        collect(&root, &root, &mut found);
        found.sort();
        found
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            let path = entry.path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// An origin that runs until it is dropped.
pub(crate) struct Served {
    pub(crate) origin: Origin,
    _runtime: tokio::runtime::Runtime,
}

pub(crate) fn serve(images: u64, latency: Duration) -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let options = Options {
        images,
        latency,
        more: fixtures::image_download::flags(),
    };
    let origin = runtime.block_on(Origin::start(options)).unwrap();
    Served {
        origin,
        _runtime: runtime,
    }
}

impl Served {
    /// A list of the images' URLs.
    pub(crate) fn list(&self, images: u64) -> String {
        let lines: Vec<String> = (0..images)
            .map(|n| self.origin.url(&format!("/images/{n}.gif")))
            .collect();
        lines.join("\n") + "\n"
    }

    /// Where an image is written.
    pub(crate) fn file(&self, path: &str) -> String {
        let host = self.origin.url("").replace("http://", "").replace(':', "+");
        format!("{host}{path}")
    }
}
