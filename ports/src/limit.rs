//! A port that bounds the requests in flight.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    BodyStream, CopyOptions, Error, ErrorKind, FetchError, FetchErrorKind, GetOptions, Listing, ObjectBody, ObjectInfo,
    ObjectKey, ObjectStore, Origin, OriginRequest, OriginResponse, PutOptions, PutResult, Result,
};

/// A port with a bounded number of requests in flight; further requests wait. A request whose response has a body is in
/// flight until the body has ended or is dropped.
///
/// ```
/// use std::sync::Arc;
/// use ports::{GetOptions, Limit, ObjectKey, ObjectStore, memory};
///
/// # futures::executor::block_on(async {
/// let objects = memory::ObjectStore::default();
/// objects.insert("images", "a.gif", "GIF89a");
/// let store = Limit::<dyn ObjectStore>::new(Arc::new(objects), 8);
/// let (info, _body) = store.get(&ObjectKey::new("images", "a.gif"), GetOptions::default()).await?;
/// assert_eq!(info.size, 6);
/// # Ok::<(), ports::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Limit<P: ?Sized> {
    inner: Arc<P>,
    permits: Arc<Semaphore>,
}

impl<P: ?Sized + Send + Sync> Limit<P> {
    /// Lets `requests_max` requests through at a time; 0 counts as 1.
    pub fn new(inner: Arc<P>, requests_max: usize) -> Self {
        let permits = Arc::new(Semaphore::new(requests_max.clamp(1, Semaphore::MAX_PERMITS)));
        Self { inner, permits }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|closed| Error::new(ErrorKind::Cancelled, "no more requests are let through").because(closed))
    }
}

fn until_end(body: BodyStream, permit: OwnedSemaphorePermit) -> BodyStream {
    let pieces = futures::stream::unfold((body, permit), async |(mut body, permit)| {
        Some((body.next().await?, (body, permit)))
    });
    pieces.boxed()
}

#[async_trait]
impl<P: ObjectStore + ?Sized> ObjectStore for Limit<P> {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        let _permit = self.permit().await?;
        self.inner.head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let permit = self.permit().await?;
        let (info, body) = self.inner.get(at, options).await?;
        Ok((info, until_end(body, permit)))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        let _permit = self.permit().await?;
        self.inner.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        let _permit = self.permit().await?;
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        let _permit = self.permit().await?;
        self.inner.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        let _permit = self.permit().await?;
        self.inner.delete(at).await
    }
}

#[async_trait]
impl<P: Origin + ?Sized> Origin for Limit<P> {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginResponse, FetchError> {
        let permit = self.permit().await.map_err(|error| FetchError {
            kind: FetchErrorKind::Refused,
            message: error.to_string(),
        })?;
        let mut response = self.inner.fetch(request).await?;
        response.body = until_end(response.body, permit);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, Reply};
    use futures::executor::block_on;
    use std::time::Duration;

    #[test]
    fn never_more_in_flight_than_the_limit() {
        let script = memory::Origin::default().with("http://a/", [Reply::ok("body")]);
        let script = Arc::new(script);
        let origin = Limit::<dyn Origin>::new(Arc::clone(&script) as Arc<dyn Origin>, 3);
        let fetch_one = async || {
            let request = OriginRequest {
                url: "http://a/".to_owned(),
                headers: Vec::new(),
                head_timeout: Duration::from_secs(1),
                fresh: false,
            };
            let response = origin.fetch(request).await.unwrap();
            assert_eq!(response.body.count().await, 1);
        };
        block_on(futures::future::join_all((0..20).map(|_| fetch_one())));
        assert_eq!(script.requests().len(), 20);
        assert!(script.peak_in_flight() <= 3, "{}", script.peak_in_flight());
    }

    #[test]
    fn a_dropped_body_lets_the_next_request_through() {
        let store = Arc::new(memory::ObjectStore::default());
        store.insert("b", "k", "text");
        let store = Limit::<dyn ObjectStore>::new(store, 1);
        let at = ObjectKey::new("b", "k");
        block_on(async {
            for _ in 0..3 {
                drop(store.get(&at, GetOptions::default()).await.unwrap());
            }
        });
    }
}
