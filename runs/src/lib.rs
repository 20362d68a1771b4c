//! A run on this machine, without a terminal.
//!
//! A run is one execution of `manifest-map` or `image-download` with its stages in this process, the engine over this
//! machine's disk, and S3 where the run names it. [`State`] is the directory that runs are kept in. [`Download`], [`Copy`](struct@Copy) and
//! [`Redrive`] say what is to be run; [`Run`] runs it, and its [`Progress`] can be read meanwhile. [`RunSummary`],
//! [`RunObjects`] and [`LatestOutcomes`] tell what became of a run's items.
//!
//! The crate prints nothing, reads no arguments and ends no process: the command line, a server and a benchmark stand on it.
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! use runs::{Copy, Run, RunEnd, State, Stop};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::create_dir(folder.path().join("photos"))?;
//! std::fs::write(folder.path().join("photos/a.txt"), "a")?;
//! let manifest = folder.path().join("objects.csv");
//! std::fs::write(&manifest, "bucket,key\nphotos,a.txt\n")?;
//!
//! let state = State::open_exclusive(folder.path().join("state"))?;
//! let to = folder.path().join("copies").display().to_string();
//! let mut copy = Copy::new(manifest.display().to_string(), vec![to]);
//! copy.run.buckets = vec![("photos".to_owned(), folder.path().join("photos"))];
//!
//! let run = Run::start_or_resume(&state, copy.prepare(&state)?).await?;
//! let RunEnd::Ended(ended) = run.run(&Stop::default()).await? else {
//!     unreachable!("nobody has asked it to stop");
//! };
//! assert_eq!((ended.summary.items, ended.summary.counts.succeeded), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compose;
mod copy;
mod download;
mod error;
mod input;
mod latest_outcomes;
mod machine;
mod options;
mod outcomes;
pub mod process;
mod progress;
mod prune;
mod redrive;
mod resumed;
mod run;
mod spec;
mod state;
mod status;
mod summary;
mod verify;

pub use copy::Copy;
pub use download::{Download, check_name};
pub use engine::Stop;
pub use error::{Error, ErrorKind, Result, cause_of};
pub use input::Input;
pub use latest_outcomes::LatestOutcomes;
pub use machine::Machine;
pub use options::{FetchOptions, ManifestOptions, RunOptions, Tolerance};
pub use outcomes::{Outcomes, RunObjects};
pub use progress::{Progress, ProgressReading};
pub use prune::{Prune, PrunePlan};
pub use redrive::{ItemFilter, PreparedRedrive, Redrive, RedriveOptions, failures_left};
pub use run::{Ended, NewRun, Run, RunEnd, short_name};
pub use spec::{ACCOUNT, Limits, Mount, Pin, REGION, RunSpec, STATE_BUCKET, TaskDestination, is_own};
pub use state::State;
pub use status::RunStatus;
pub use summary::RunSummary;
pub use verify::{Verification, verify};
