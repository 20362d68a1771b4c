//! Objects in folders.
//!
//! A bucket is a folder: either one of our own below a root, in which every key that S3 allows has a file, or a
//! *mount*, a folder that a person looks at, in which the key is the relative path. Nothing outside the folder is read
//! or written, also not through a symbolic link. An object is written to a file beside its place and renamed, so that
//! it is there whole or not at all; that survives the death of the process, not the loss of power.
//!
//! Small bodies are read and written on the calling task, which costs a few microseconds where handing the work to
//! another thread costs more than the work; larger ones go in pieces through `spawn_blocking`.

mod body;
mod failure;
mod listing;
mod naming;
mod object_writer;
mod tree;

pub use tree::Access;

pub(crate) use failure::on_path;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ports::{
    BodyStream, CopyOptions, Error, ErrorKind, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore,
    PutOptions, PutResult, Result,
};
use rustix::fs::{AtFlags, Stat, fstat, statat, unlinkat};
use rustix::io::Errno;

use super::private;
use failure::on_object;
use listing::Wanted;
use naming::{Naming, ObjectPath};
use object_writer::{ObjectWriter, Replace};
use tree::{Missing, Tree, regular, size};

/// Objects in folders.
#[derive(Debug, Default)]
pub struct Directory {
    root: Option<PathBuf>,
    trees: Mutex<BTreeMap<String, Arc<Tree>>>,
}

impl Directory {
    /// Every bucket is a folder below `root`, made when it is written to.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: Some(root.into()),
            trees: Mutex::default(),
        }
    }

    /// Makes a bucket of any folder. A folder that may be written to is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or opened, or cannot be written to although it should be.
    pub fn mount(&self, bucket: &str, folder: &Path, access: Access) -> Result<()> {
        if access == Access::ReadWrite {
            std::fs::create_dir_all(folder).map_err(|error| on_path(error, "make the folder", folder))?;
        }
        let wanted = match access {
            Access::ReadWrite => rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
            Access::ReadOnly => rustix::fs::Access::EXEC_OK,
        };
        let open = || {
            let tree = Tree::open(folder, Naming::Plain, access)?;
            rustix::fs::access(folder, wanted)?;
            Ok::<_, Errno>(tree)
        };
        let tree = open().map_err(|errno| on_path(errno.into(), "use the folder", folder))?;
        self.trees().insert(bucket.to_owned(), Arc::new(tree));
        Ok(())
    }

    /// Gives the file with this [`stamp`] in a mounted folder an `ETag` that tells of its content, so that the same
    /// content is the same object after it was touched, copied or moved. One file a folder; a file that has changed
    /// since keeps its own.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when no folder is mounted as this bucket.
    pub fn pin(&self, bucket: &str, stamp: String, etag: String) -> Result<()> {
        let tree = self.tree(bucket, Missing::Fail)?;
        let tree = tree.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no folder for bucket `{bucket}`")))?;
        tree.pin(stamp, etag);
        Ok(())
    }

    /// Removes what dead processes left unfinished in one bucket, and returns how many files that were. It reads all
    /// folders of the bucket.
    ///
    /// # Errors
    /// When a folder cannot be read, or a file not be removed.
    pub async fn sweep(&self, bucket: &str) -> Result<u64> {
        let Some(tree) = self.tree(bucket, Missing::Fail)? else {
            return Ok(0);
        };
        blocking(move || {
            let swept = listing::sweep(&tree, "");
            swept.map_err(|errno| on_path(errno.into(), "sweep unfinished files from", &tree.path))
        })
        .await
    }

    fn trees(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Tree>>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of a bucket; nothing when it is below the root and was never written to.
    fn tree(&self, bucket: &str, missing: Missing) -> Result<Option<Arc<Tree>>> {
        if let Some(known) = self.trees().get(bucket) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(root) = &self.root else {
            let text = format!("no folder is mounted as bucket `{bucket}`");
            return Err(Error::new(ErrorKind::NotFound, text).with_code("NoSuchBucket", None));
        };
        if bucket.is_empty() || bucket.starts_with('.') || bucket.contains(['/', '\0']) {
            let text = format!("`{bucket}` is not a bucket's name");
            return Err(Error::new(ErrorKind::Malformed, text));
        }
        let path = root.join(bucket);
        if missing == Missing::Make {
            private::make_folder(&path).map_err(|error| on_path(error, "make the folder", &path))?;
        }
        match Tree::open(&path, Naming::Escaped, Access::ReadWrite) {
            Ok(tree) => {
                let tree = Arc::new(tree);
                self.trees().insert(bucket.to_owned(), Arc::clone(&tree));
                Ok(Some(tree))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(on_path(errno.into(), "open the folder", &path)),
        }
    }

    /// Where an object that is to be read would be.
    fn find(&self, at: &ObjectKey) -> Result<(Arc<Tree>, ObjectPath)> {
        let tree = self.tree(&at.bucket, Missing::Fail)?;
        let tree = tree.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no object `{at}`")))?;
        let path = path_of(&tree, at)?;
        Ok((tree, path))
    }

    /// Where an object is to be written.
    fn writable(&self, at: &ObjectKey) -> Result<(Arc<Tree>, ObjectPath)> {
        let tree = self.tree(&at.bucket, Missing::Make)?;
        let tree = tree.ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("no folder for `{at}`")))?;
        if tree.access == Access::ReadOnly {
            let text = format!("write `{at}`: the folder `{}` is only read", tree.path.display());
            return Err(Error::new(ErrorKind::Denied, text));
        }
        let path = path_of(&tree, at)?;
        Ok((tree, path))
    }

    fn open(&self, at: &ObjectKey, if_match: Option<&str>) -> Result<(Arc<Tree>, File, Stat)> {
        let (tree, path) = self.find(at)?;
        let opened = tree.open_file(&path.folder, &path.name);
        let (file, stat) = opened.map_err(|errno| on_object(when_read(errno), "read", &tree, at))?;
        let etag = tree.etag(&stat);
        match if_match {
            Some(expected) if expected != etag => Err(Error::new(
                ErrorKind::Conflict,
                format!("`{at}` has ETag {etag}, expected {expected}"),
            )),
            Some(_) | None => Ok((tree, file, stat)),
        }
    }
}

/// Removes what dead processes left unfinished in all buckets below a root.
///
/// # Errors
/// When a folder cannot be read, or a file not be removed.
pub(crate) fn sweep_below(root: &Path) -> Result<()> {
    let failed = |errno: Errno, path: &Path| on_path(errno.into(), "sweep unfinished files from", path);
    let tree = Tree::open(root, Naming::Escaped, Access::ReadWrite).map_err(|errno| failed(errno, root))?;
    listing::sweep(&tree, "").map_err(|errno| failed(errno, root))?;
    Ok(())
}

/// What the file system tells of a file's content: it changes when the content does, and sometimes when it does not.
///
/// # Errors
/// When the file system does not answer.
pub fn stamp(file: &File) -> std::io::Result<String> {
    Ok(tree::etag(&fstat(file)?))
}

fn path_of(tree: &Tree, at: &ObjectKey) -> Result<ObjectPath> {
    let path = tree.naming.path(&at.key);
    path.map_err(|why| Error::new(ErrorKind::Malformed, format!("the key of `{at}` has no file: {why}")))
}

/// Below a file there is no object.
const fn when_read(errno: Errno) -> Errno {
    match errno {
        Errno::NOTDIR => Errno::NOENT,
        other => other,
    }
}

fn no_version(at: &ObjectKey, version: Option<&str>) -> Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(version) => Err(Error::new(
            ErrorKind::NotFound,
            format!("`{at}` has no version `{version}`: folders keep none"),
        )),
    }
}

/// Runs work that may wait for a disk on a thread for it.
pub(in crate::local) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined
        .unwrap_or_else(|error| Err(Error::new(ErrorKind::Cancelled, "the work on a disk was given up").because(error)))
}

#[async_trait]
impl ObjectStore for Directory {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        let (tree, path) = self.find(at)?;
        let found = tree.in_folder(&path.folder, Missing::Fail, |folder| {
            regular(statat(&**folder, &path.name, AtFlags::SYMLINK_NOFOLLOW)?)
        });
        let stat = found.map_err(|errno| on_object(when_read(errno), "read", &tree, at))?;
        Ok(tree.info(&at.key, &stat))
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        no_version(at, options.version.as_deref())?;
        let (tree, file, stat) = self.open(at, options.if_match.as_deref())?;
        let body = body::read(file, size(&stat), options.range, at)?;
        Ok((tree.info(&at.key, &stat), body))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        let (tree, path) = self.writable(at)?;
        let replace = if options.if_none_match {
            Replace::No
        } else {
            Replace::Yes
        };
        body::write(body, || ObjectWriter::begin(tree, path, at, replace)).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        no_version(from, options.version.as_deref())?;
        let (_, source, stat) = self.open(from, options.if_match.as_deref())?;
        let (tree, path) = self.writable(to)?;
        let (writing, target) = ObjectWriter::begin(tree, path, to, Replace::Yes)?;
        body::copy(source, target, size(&stat), writing).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        // A bucket comes with its first object; before that a listing of it is a mistake, not empty.
        let tree = self.tree(bucket, Missing::Fail)?.ok_or_else(|| {
            let text = format!("nothing was ever written to the bucket `{bucket}`");
            Error::new(ErrorKind::NotFound, text).with_code("NoSuchBucket", None)
        })?;
        let prefix = prefix.to_owned();
        blocking(move || {
            let wanted = Wanted {
                prefix: &prefix,
                after: continuation.as_deref(),
            };
            let page = listing::page(&tree, &wanted);
            page.map_err(|errno| on_path(errno.into(), "list", &tree.path))
        })
        .await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        let (tree, path) = self.writable(at)?;
        let removed = tree.in_folder(&path.folder, Missing::Fail, |folder| {
            unlinkat(&**folder, &path.name, AtFlags::empty())
        });
        match removed {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => Ok(()),
            Err(errno) => Err(on_object(errno, "delete", &tree, at)),
        }
    }
}

#[cfg(test)]
mod tests;
