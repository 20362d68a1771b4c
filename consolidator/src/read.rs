//! Reading the objects of a run: as a whole, line by line, and all keys below a prefix.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use ports::{BodyStream, GetOptions, Lines, ObjectKey, ObjectStore};

use crate::error::while_doing;
use crate::{Error, Ports};

/// **Bytes** of one outcome object or one batch's range: some ten thousand items of the longest names.
const OBJECT_BYTES_MAX: usize = 64 << 20;

/// A body as a whole.
pub(crate) async fn collect(mut body: BodyStream, at: &ObjectKey) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.try_next().await.map_err(while_reading(at))? {
        whole.extend_from_slice(&piece);
        if whole.len() > OBJECT_BYTES_MAX {
            return Err(Error::Malformed {
                place: at.to_string(),
                reason: format!("it has more than {OBJECT_BYTES_MAX} bytes"),
            });
        }
    }
    Ok(whole.freeze())
}

/// An object line by line.
pub(crate) async fn read_lines(store: &dyn ObjectStore, at: &ObjectKey) -> Result<Lines, Error> {
    let (_, body) = store.get(at, GetOptions::default()).await.map_err(while_reading(at))?;
    Ok(Lines::new(body, 0, OBJECT_BYTES_MAX))
}

/// Says which object could not be read.
pub(crate) fn while_reading(at: &ObjectKey) -> impl FnOnce(ports::Error) -> Error {
    while_doing(format!("read `{at}`"))
}

/// All keys below a prefix, in order. A prefix that nothing was ever written under is empty.
pub(crate) async fn list(ports: &Ports, bucket: &str, prefix: &str) -> Result<Vec<ObjectKey>, Error> {
    let keys = ports::keys_below(&*ports.store, bucket, prefix).await;
    let keys = keys.map_err(while_doing(format!("list `s3://{bucket}/{prefix}`")))?;
    Ok(keys.into_iter().map(|key| ObjectKey::new(bucket, key)).collect())
}
