//! Listings from their first page to their last.

use crate::{ErrorKind, ObjectStore, Result};

/// All keys that begin with a prefix, in the byte order of the keys. A bucket that was never written to has none.
///
/// The keys are held in memory: the prefix must be one of a run, not one of a data set.
///
/// ```
/// use ports::{keys_below, memory};
///
/// # futures::executor::block_on(async {
/// let store = memory::ObjectStore::default();
/// store.insert("state", "runs/1/outcomes/0.jsonl", "");
/// store.insert("state", "runs/2/outcomes/0.jsonl", "");
/// assert_eq!(keys_below(&store, "state", "runs/1/").await?, ["runs/1/outcomes/0.jsonl"]);
/// assert!(keys_below(&store, "other", "runs/1/").await?.is_empty());
/// # Ok::<(), ports::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When a page cannot be listed.
pub async fn keys_below(store: &dyn ObjectStore, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut continuation = None;
    loop {
        let page = match store.list(bucket, prefix, continuation).await {
            Ok(page) => page,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(keys),
            Err(error) => return Err(error),
        };
        keys.extend(page.objects.into_iter().map(|object| object.key));
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(keys);
        }
    }
}
