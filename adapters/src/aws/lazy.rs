//! S3 that is set up when it is first asked for something.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{
    BodyStream, CopyOptions, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions,
    PutResult, Result,
};
use tokio::sync::OnceCell;

/// S3, set up at the first request: looking for credentials and a region takes seconds where there are none.
#[derive(Debug, Default)]
pub struct LazyS3 {
    store: OnceCell<Arc<dyn ObjectStore>>,
}

impl LazyS3 {
    async fn store(&self) -> &Arc<dyn ObjectStore> {
        self.store.get_or_init(|| async { super::connect().await.store }).await
    }
}

#[async_trait]
impl ObjectStore for LazyS3 {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.store().await.head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        self.store().await.get(at, options).await
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        self.store().await.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        self.store().await.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        self.store().await.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        self.store().await.delete(at).await
    }
}
