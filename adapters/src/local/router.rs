//! One store out of several: each bucket has its own, the rest share one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{
    BodyStream, CopyOptions, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions,
    PutResult, Result,
};

/// One store out of several: each bucket has a store of its own, or is in the store of all others.
///
/// ```
/// use std::sync::Arc;
/// use adapters::local::Router;
/// use ports::memory;
///
/// let here = Arc::new(memory::ObjectStore::default());
/// let elsewhere = Arc::new(memory::ObjectStore::default());
/// let store = Router::new(elsewhere).with("gantry", here);
/// ```
#[derive(Debug)]
pub struct Router {
    routes: BTreeMap<String, Arc<dyn ObjectStore>>,
    others: Arc<dyn ObjectStore>,
}

impl Router {
    /// All buckets are in this store.
    pub fn new(others: Arc<dyn ObjectStore>) -> Self {
        Self {
            routes: BTreeMap::new(),
            others,
        }
    }

    /// Adds a bucket that has a store of its own.
    #[must_use]
    pub fn with(mut self, bucket: impl Into<String>, store: Arc<dyn ObjectStore>) -> Self {
        self.routes.insert(bucket.into(), store);
        self
    }

    fn store(&self, bucket: &str) -> &Arc<dyn ObjectStore> {
        self.routes.get(bucket).unwrap_or(&self.others)
    }
}

#[async_trait]
impl ObjectStore for Router {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.store(&at.bucket).head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        self.store(&at.bucket).get(at, options).await
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.store(&at.bucket).put(at, body, options).await
    }

    /// Between two stores the bytes pass through this process, a piece at a time.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        let (source, target) = (self.store(&from.bucket), self.store(&to.bucket));
        if Arc::ptr_eq(source, target) {
            return source.copy(from, to, options).await;
        }
        let options = GetOptions {
            range: None,
            if_match: options.if_match,
            version: options.version,
        };
        let (_, body) = source.get(from, options).await?;
        target.put(to, ObjectBody::Stream(body), PutOptions::default()).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.store(bucket).list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.store(&at.bucket).delete(at).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{ErrorKind, conformance, memory};

    #[tokio::test]
    async fn passes_every_check_on_both_sides() {
        let router = Router::new(Arc::new(memory::ObjectStore::default()))
            .with("here", Arc::new(memory::ObjectStore::default()));
        conformance::object_store::all(&router, "here").await.unwrap();
        conformance::object_store::all(&router, "elsewhere").await.unwrap();
    }

    #[tokio::test]
    async fn a_copy_between_stores_holds_to_its_conditions() {
        let here = Arc::new(memory::ObjectStore::default());
        let there = Arc::new(memory::ObjectStore::default());
        let etag = here.insert("here", "a", "content");
        let router = Router::new(Arc::clone(&there) as Arc<dyn ObjectStore>).with("here", here);
        let (from, to) = (ObjectKey::new("here", "a"), ObjectKey::new("there", "b"));
        let with = |etag: &str| CopyOptions {
            version: None,
            if_match: Some(etag.to_owned()),
        };
        let error = router.copy(&from, &to, with("\"other\"")).await.unwrap_err();
        assert_eq!((error.kind(), there.keys("there").len()), (ErrorKind::Conflict, 0));
        router.copy(&from, &to, with(&etag)).await.unwrap();
        assert_eq!(there.bytes("there", "b").unwrap(), "content");
    }
}
