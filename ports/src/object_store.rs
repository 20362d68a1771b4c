//! Objects in buckets: S3, a directory, or memory.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Names an object: the name of its bucket, and its key. No implementation normalises a key.
///
/// The name of a directory that stands for a bucket is its absolute path, which no bucket of S3 can have.
///
/// ```
/// assert_eq!(ports::ObjectKey::new("images", "a/b.gif").to_string(), "s3://images/a/b.gif");
/// assert_eq!(ports::ObjectKey::new("/home/me", "a/b.gif").to_string(), "/home/me/a/b.gif");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The bucket's name.
    pub bucket: String,
    /// The key, as S3 takes it: any UTF-8 up to 1,024 bytes.
    pub key: String,
}

impl ObjectKey {
    /// A key in a bucket.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bucket.strip_prefix('/') {
            Some("") => write!(f, "/{}", self.key),
            Some(folder) => write!(f, "/{folder}/{}", self.key),
            None => write!(f, "s3://{}/{}", self.bucket, self.key),
        }
    }
}

/// What a store tells of an object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key, without the bucket.
    pub key: String,
    /// Size of the content in **bytes**.
    pub size: u64,
    /// Names the content: it changes when the content does. It has the quotes that S3 sends.
    pub etag: String,
    /// The id of the version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// When the object was written.
    pub modified: crate::Timestamp,
}

/// A body in pieces of at most some MiB.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A body to be written.
pub enum ObjectBody {
    /// A body in memory, whose size the caller has bounded.
    Bytes(Bytes),
    /// A body in pieces, of which the store holds at most one part (8 MiB) at a time.
    Stream(BodyStream),
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl From<Bytes> for ObjectBody {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for ObjectBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct GetOptions {
    /// Only these bytes; of a range that passes the end, those that exist.
    pub range: Option<Range<u64>>,
    /// [`crate::ErrorKind::Conflict`] unless the object has this `ETag`.
    pub if_match: Option<String>,
    /// This version of the object.
    pub version: Option<String>,
}

/// How to write.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// [`crate::ErrorKind::Conflict`] when the object exists.
    pub if_none_match: bool,
    /// The media type, where the store keeps one.
    pub content_type: Option<String>,
}

/// How to copy.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// This version of the source.
    pub version: Option<String>,
    /// [`crate::ErrorKind::Conflict`] unless the source has this `ETag`.
    pub if_match: Option<String>,
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutResult {
    /// The new object's `ETag`.
    pub etag: String,
    /// Size of the object in **bytes**; `None` where a store does not tell the size of a copy.
    pub size: Option<u64>,
}

/// One page of a listing, in key order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// At most 1,000 objects.
    pub objects: Vec<ObjectInfo>,
    /// The token of the next page; `None` at the end.
    pub continuation: Option<String>,
}

/// Objects in buckets.
///
/// After a crash an object has its old content or its new content, never a part of either.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// Size, `ETag` and date of the object. [`crate::ErrorKind::NotFound`] when there is none.
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo>;

    /// Reads the object. The body ends with an error when it is cut short.
    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)>;

    /// Writes the whole object, or nothing: a body that ends with an error leaves no object behind.
    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult>;

    /// Copies an object within the store; the bytes do not pass through the caller.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult>;

    /// Lists a page of the keys that begin with `prefix`, in the byte order of the keys. A failed listing is an error,
    /// never an empty page.
    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing>;

    /// Deletes the object; nothing happens when there is none.
    async fn delete(&self, at: &ObjectKey) -> Result<()>;
}
