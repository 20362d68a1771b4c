//! One file per verb.

pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod download;
pub(crate) mod explain;
pub(crate) mod failures;
pub(crate) mod prune;
pub(crate) mod redrive;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod show;
pub(crate) mod validate;
