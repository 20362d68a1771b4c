//! Reading an object in windows, all of one version of it.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use ports::{ErrorKind, GetOptions, ObjectKey, ObjectStore};

use crate::error::{Error, while_doing};
use crate::limits::{WINDOW_BYTES, WINDOWS_AHEAD};

/// An object as it was when its reading began.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    /// Where it is.
    pub(crate) at: ObjectKey,
    /// The manifest that it is, or was unpacked from: what errors name.
    pub(crate) manifest: ObjectKey,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) version: Option<String>,
}

/// Pieces of an object that follow one another.
pub(crate) type Window = Vec<Bytes>;

impl Pinned {
    /// Finds an object, in this version or the newest.
    pub(crate) async fn find(store: &dyn ObjectStore, at: ObjectKey, version: Option<String>) -> Result<Self, Error> {
        let found = if version.is_some() {
            let version = version.clone();
            let options = GetOptions {
                version,
                ..GetOptions::default()
            };
            store.get(&at, options).await.map(|(info, _body)| info)
        } else {
            store.head(&at).await
        };
        match found {
            Ok(info) => Ok(Self {
                manifest: at.clone(),
                at,
                size: info.size,
                etag: info.etag,
                version: version.or(info.version),
            }),
            Err(source) if source.kind() == ErrorKind::NotFound => Err(Error::NotFound {
                manifest: at,
                source: Box::new(source),
            }),
            Err(source) => Err(while_doing(format!("look at `{at}`"))(source)),
        }
    }

    /// The object's bytes, some windows ahead of whoever takes them.
    pub(crate) fn windows<'a>(&'a self, store: &'a dyn ObjectStore) -> BoxStream<'a, Result<Window, Error>> {
        let count = self.size.div_ceil(WINDOW_BYTES);
        let range = |number: u64| {
            let start = number * WINDOW_BYTES;
            start..self.size.min(start + WINDOW_BYTES)
        };
        stream::iter((0..count).map(range))
            .map(|range| self.read(store, range))
            .buffered(WINDOWS_AHEAD)
            .boxed()
    }

    async fn read(&self, store: &dyn ObjectStore, range: Range<u64>) -> Result<Window, Error> {
        let wanted = range.end - range.start;
        let options = GetOptions {
            range: Some(range),
            if_match: Some(self.etag.clone()),
            version: self.version.clone(),
        };
        let pieces = async {
            let (_info, body) = store.get(&self.at, options).await?;
            body.try_collect::<Window>().await
        };
        let pieces = pieces.await.map_err(|source| self.failed(source))?;
        let read: usize = pieces.iter().map(Bytes::len).sum();
        if read as u64 == wanted {
            Ok(pieces)
        } else {
            Err(Error::Changed {
                manifest: self.manifest.clone(),
                source: None,
            })
        }
    }

    fn failed(&self, source: ports::Error) -> Error {
        let manifest = self.manifest.clone();
        match source.kind() {
            ErrorKind::Conflict | ErrorKind::NotFound => Error::Changed {
                manifest,
                source: Some(Box::new(source)),
            },
            ErrorKind::Throttled
            | ErrorKind::Denied
            | ErrorKind::Malformed
            | ErrorKind::Full
            | ErrorKind::Unavailable
            | ErrorKind::Cancelled => while_doing(format!("read `{manifest}`"))(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use ports::memory;

    use super::*;

    fn read(store: &memory::ObjectStore, pinned: &Pinned) -> Result<usize, Error> {
        let windows: Vec<_> = block_on(pinned.windows(store).try_collect())?;
        Ok(windows.concat().iter().map(Bytes::len).sum())
    }

    fn find(store: &memory::ObjectStore, version: Option<String>) -> Pinned {
        block_on(Pinned::find(store, ObjectKey::new("m", "k"), version)).unwrap()
    }

    #[test]
    fn an_object_that_changes_while_it_is_read_is_an_error() {
        let store = memory::ObjectStore::default();
        store.insert("m", "k", "one");
        let pinned = find(&store, None);
        assert_eq!(read(&store, &pinned).unwrap(), 3);
        store.insert("m", "k", "two");
        let error = read(&store, &pinned).unwrap_err();
        assert_eq!(error.name(), "Gantry.ManifestChanged");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_version_stays_what_it_is() {
        let store = memory::ObjectStore::with_versions();
        store.insert("m", "k", "one");
        let newest = find(&store, None);
        store.insert("m", "k", "three");
        assert_eq!(read(&store, &newest).unwrap(), 3);
        let named = find(&store, newest.version.clone());
        assert_eq!((named.size, read(&store, &named).unwrap()), (3, 3));
    }
}
