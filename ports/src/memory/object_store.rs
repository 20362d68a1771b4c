//! Objects in a map.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};

use super::lock;
use crate::{
    BodyStream, Clock, CopyOptions, Error, ErrorKind, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey,
    PutOptions, PutResult, Result, Timestamp,
};

/// S3's limit of a key. **Source**: object-keys.html of the S3 user guide.
const KEY_BYTES_MAX: usize = 1_024;
/// S3's limit of a page of a listing.
const PAGE: usize = 1_000;
/// Bodies come in pieces of this size, so that readers meet piece boundaries in tests.
const PIECE_BYTES: usize = 256 * 1_024;

/// Objects in a map. A bucket exists from the first write to it on.
///
/// ```
/// use ports::memory;
///
/// let store = memory::ObjectStore::default();
/// store.insert("manifests", "urls.csv", "url\n");
/// assert_eq!(store.keys("manifests"), ["urls.csv"]);
/// assert_eq!(store.bytes("manifests", "urls.csv").unwrap(), "url\n");
/// ```
#[derive(Debug, Default)]
pub struct ObjectStore {
    objects: Mutex<BTreeMap<ObjectKey, Vec<Version>>>,
    clock: Option<Arc<dyn Clock>>,
    keeps_versions: bool,
}

/// What a write left: a body, or the mark of a delete.
#[derive(Debug, Clone)]
struct Version {
    body: Option<Bytes>,
    id: Option<String>,
    modified: Timestamp,
}

impl ObjectStore {
    /// A store that keeps all versions of a key, under the ids `v1`, `v2`, …
    pub fn with_versions() -> Self {
        Self {
            keeps_versions: true,
            ..Self::default()
        }
    }

    /// Takes modification times from a clock; without a clock all are 1970.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Writes an object at once and returns its `ETag`.
    pub fn insert(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> String {
        let body = body.into();
        let etag = etag_of(&body);
        self.store(&mut lock(&self.objects), &ObjectKey::new(bucket, key), Some(body));
        etag
    }

    /// An object's bytes.
    pub fn bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let objects = lock(&self.objects);
        objects.get(&ObjectKey::new(bucket, key))?.last()?.body.clone()
    }

    /// All keys of a bucket in byte order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let objects = lock(&self.objects);
        let there = objects
            .iter()
            .filter(|(at, versions)| at.bucket == bucket && is_there(versions));
        there.map(|(at, _)| at.key.clone()).collect()
    }

    fn store(&self, objects: &mut BTreeMap<ObjectKey, Vec<Version>>, at: &ObjectKey, body: Option<Bytes>) {
        let modified = self.clock.as_ref().map(|clock| clock.now()).unwrap_or_default();
        let versions = objects.entry(at.clone()).or_default();
        if !self.keeps_versions {
            versions.clear();
        }
        let id = self.keeps_versions.then(|| format!("v{}", versions.len() + 1));
        versions.push(Version { body, id, modified });
    }

    fn find(&self, at: &ObjectKey, version: Option<&str>) -> Result<(ObjectInfo, Bytes)> {
        let objects = lock(&self.objects);
        let versions = objects.get(at).map(Vec::as_slice).unwrap_or_default();
        let found = match version {
            None => versions.last(),
            Some(id) => versions.iter().find(|one| one.id.as_deref().unwrap_or("null") == id),
        };
        let body = found.and_then(|one| Some((one, one.body.clone()?)));
        let (found, body) = body.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no object `{at}`")))?;
        Ok((info(at, found, &body), body))
    }
}

fn info(at: &ObjectKey, version: &Version, body: &Bytes) -> ObjectInfo {
    ObjectInfo {
        key: at.key.clone(),
        size: body.len() as u64,
        etag: etag_of(body),
        version: version.id.clone(),
        modified: version.modified,
    }
}

fn is_there(versions: &[Version]) -> bool {
    versions.last().is_some_and(|newest| newest.body.is_some())
}

fn etag_of(body: &Bytes) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn check_key(at: &ObjectKey) -> Result<()> {
    match at.key.len() {
        0 => Err(Error::new(ErrorKind::Malformed, format!("the key of `{at}` is empty"))),
        length if length > KEY_BYTES_MAX => Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "the key in bucket `{}` has {length} bytes, over {KEY_BYTES_MAX}",
                at.bucket
            ),
        )),
        _ => Ok(()),
    }
}

fn check_etag(at: &ObjectKey, info: &ObjectInfo, if_match: Option<&str>) -> Result<()> {
    match if_match {
        Some(expected) if expected != info.etag => Err(Error::new(
            ErrorKind::Conflict,
            format!("`{at}` has ETag {}, expected {expected}", info.etag),
        )),
        Some(_) | None => Ok(()),
    }
}

/// The part of `body` that `range` asks for, which may lie past its end.
fn slice(body: &Bytes, range: Option<Range<u64>>) -> Bytes {
    let Some(range) = range else { return body.clone() };
    let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    let (start, end) = (clamp(range.start), clamp(range.end));
    body.slice(start..end.max(start))
}

fn in_pieces(mut body: Bytes) -> BodyStream {
    let pieces = std::iter::from_fn(move || {
        let length = body.len().min(PIECE_BYTES);
        (length > 0).then(|| Ok(body.split_to(length)))
    });
    stream::iter(pieces).boxed()
}

async fn collect(body: ObjectBody) -> Result<Bytes> {
    match body {
        ObjectBody::Bytes(bytes) => Ok(bytes),
        ObjectBody::Stream(pieces) => {
            let whole: BytesMut = pieces.try_collect().await?;
            Ok(whole.freeze())
        }
    }
}

#[async_trait]
impl crate::ObjectStore for ObjectStore {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        Ok(self.find(at, None)?.0)
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let (info, body) = self.find(at, options.version.as_deref())?;
        check_etag(at, &info, options.if_match.as_deref())?;
        Ok((info, in_pieces(slice(&body, options.range))))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        check_key(at)?;
        let body = collect(body).await?;
        let mut objects = lock(&self.objects);
        if options.if_none_match && objects.get(at).is_some_and(|versions| is_there(versions)) {
            return Err(Error::new(ErrorKind::Conflict, format!("`{at}` exists already")));
        }
        let result = PutResult {
            etag: etag_of(&body),
            size: Some(body.len() as u64),
        };
        self.store(&mut objects, at, Some(body));
        Ok(result)
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        check_key(to)?;
        let (info, body) = self.find(from, options.version.as_deref())?;
        check_etag(from, &info, options.if_match.as_deref())?;
        self.store(&mut lock(&self.objects), to, Some(body));
        Ok(PutResult {
            etag: info.etag,
            size: Some(info.size),
        })
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        let objects = lock(&self.objects);
        let first = ObjectKey::new(bucket, continuation.clone().unwrap_or_else(|| prefix.to_owned()));
        let mut found = objects
            .range(first..)
            .take_while(|(at, _)| at.bucket == bucket && at.key.starts_with(prefix))
            .filter(|(at, _)| continuation.as_ref().is_none_or(|last| at.key > *last))
            .filter_map(|(at, versions)| {
                let newest = versions.last()?;
                Some(info(at, newest, newest.body.as_ref()?))
            });
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        let continuation = found.next().and(page.last()).map(|last| last.key.clone());
        Ok(Listing {
            objects: page,
            continuation,
        })
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        let mut objects = lock(&self.objects);
        if !self.keeps_versions {
            objects.remove(at);
        } else if objects.get(at).is_some_and(|versions| is_there(versions)) {
            self.store(&mut objects, at, None);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectStore as _;

    #[test]
    fn old_versions_can_be_read_after_a_delete() {
        let store = ObjectStore::with_versions();
        store.insert("b", "k", "one");
        store.insert("b", "k", "two");
        let at = ObjectKey::new("b", "k");
        futures::executor::block_on(async {
            store.delete(&at).await.unwrap();
            assert_eq!(store.head(&at).await.unwrap_err().kind(), ErrorKind::NotFound);
            let options = GetOptions {
                version: Some("v1".to_owned()),
                ..GetOptions::default()
            };
            let (info, body) = store.get(&at, options).await.unwrap();
            assert_eq!(info.version.as_deref(), Some("v1"));
            assert_eq!(collect(ObjectBody::Stream(body)).await.unwrap(), "one");
        });
    }
}
