//! S3 that is set up when it is first asked for something.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{
    BodyStream, CopyOptions, Error, ErrorKind, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore,
    PutOptions, PutResult, Result,
};
use tokio::sync::OnceCell;

/// S3, set up at the first request: looking for credentials and a region takes seconds where there are none.
#[derive(Debug, Default)]
pub struct LazyS3 {
    store: OnceCell<Arc<dyn ObjectStore>>,
    /// Whether the store may be used without credentials: all buckets may be in other stores.
    is_optional: bool,
}

impl LazyS3 {
    /// S3 beside other stores: where there are no credentials, what is to be read is not found.
    pub fn optional() -> Self {
        Self {
            is_optional: true,
            ..Self::default()
        }
    }

    /// The error of a read that was sent to no service.
    fn unread(&self, at: &ObjectKey, error: Error) -> Error {
        if self.is_optional && error.kind() == ErrorKind::Denied && error.status().is_none() {
            let text = format!(
                "`{at}`: no directory stands for bucket `{}`, and S3 cannot be asked",
                at.bucket
            );
            return Error::new(ErrorKind::NotFound, text).because(error.chain());
        }
        error
    }

    async fn store(&self) -> &Arc<dyn ObjectStore> {
        self.store.get_or_init(|| async { super::connect().await.store }).await
    }
}

#[async_trait]
impl ObjectStore for LazyS3 {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        let found = self.store().await.head(at).await;
        found.map_err(|error| self.unread(at, error))
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let found = self.store().await.get(at, options).await;
        found.map_err(|error| self.unread(at, error))
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
