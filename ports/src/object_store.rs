//! Objects in buckets: S3, a directory, or memory.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Where an object is: a bucket's name and a key, both as they are. Nothing normalises a key.
///
/// A directory that stands for a bucket is called by its absolute path, which no bucket of S3 can be.
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

/// What a store knows of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key alone.
    pub key: String,
    /// **Bytes.**
    pub size: u64,
    /// Names this content: it changes when the content does. With the quotes that S3 sends.
    pub etag: String,
    /// The version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// Milliseconds since 1970.
    pub modified: crate::Timestamp,
}

/// A body as it comes, in pieces of at most some MiB.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A body to be written.
pub enum ObjectBody {
    /// In memory; the caller has bounded it.
    Bytes(Bytes),
    /// In pieces; the store holds at most one part of it (8 MiB) at a time.
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
    /// Only these bytes; a range past the end gives what there is.
    pub range: Option<Range<u64>>,
    /// [`crate::ErrorKind::Conflict`] unless the object has this `ETag`.
    pub if_match: Option<String>,
    /// This version of it.
    pub version: Option<String>,
}

/// How to write.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// [`crate::ErrorKind::Conflict`] when there is such an object already.
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

/// What a write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutResult {
    /// The new object's `ETag`.
    pub etag: String,
    /// **Bytes** written; for a copy what the store says, if it says.
    pub size: Option<u64>,
}

/// One page of a listing, in key order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// At most 1,000.
    pub objects: Vec<ObjectInfo>,
    /// Give this back to get the next page; absent at the end.
    pub continuation: Option<String>,
}

/// Objects in buckets.
///
/// After a crash an object has its old content or its new content, never a part of either.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// What is known of the object. [`crate::ErrorKind::NotFound`] when there is none.
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo>;

    /// The object's bytes. The stream ends with an error when it is cut short.
    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)>;

    /// Writes the whole object, or nothing: a body that ends with an error leaves no object behind.
    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult>;

    /// Copies within the store, without the bytes passing through the caller.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult>;

    /// One page of the keys that begin with `prefix`, in the byte order of the keys. A failed listing is an error,
    /// never an empty page.
    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing>;

    /// Removes the object; no error when there is none.
    async fn delete(&self, at: &ObjectKey) -> Result<()>;
}
