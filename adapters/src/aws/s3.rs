//! Objects in S3.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::EncodingType;
use futures::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ports::{
    BodyStream, CopyOptions, Error, ErrorKind, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectKey, ObjectStore,
    PutOptions, PutResult, Result, Timestamp,
};

use super::{failure, multipart_copy, upload};

/// What stays as it is in `x-amz-copy-source`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Objects in S3.
#[derive(Debug, Clone)]
pub struct S3 {
    client: Client,
}

impl S3 {
    /// Over a client.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    async fn head_version(&self, at: &ObjectKey, options: &GetOptions) -> Result<ObjectInfo> {
        let request = self.client.head_object().bucket(&at.bucket).key(&at.key);
        let request = request
            .set_if_match(options.if_match.clone())
            .set_version_id(options.version.clone());
        let head = request
            .send()
            .await
            .map_err(|error| failure::service_error(error, format!("look up `{at}`")))?;
        Ok(ObjectInfo {
            key: at.key.clone(),
            size: length(head.content_length),
            etag: head.e_tag.unwrap_or_default(),
            version: head.version_id,
            modified: timestamp(head.last_modified),
        })
    }

    /// Of a range in which there is nothing: the object must still be there, and match.
    async fn nothing_of(&self, at: &ObjectKey, options: &GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let info = self.head_version(at, options).await?;
        Ok((info, stream::empty().boxed()))
    }
}

pub(super) fn length(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn timestamp(moment: Option<DateTime>) -> Timestamp {
    let millis = moment.and_then(|moment| moment.to_millis().ok());
    Timestamp::from_millis(millis.unwrap_or(0))
}

/// `bytes=0-9`; nothing when the range is empty.
fn range_header(range: &std::ops::Range<u64>) -> Option<String> {
    let last = range.end.checked_sub(1).filter(|last| *last >= range.start)?;
    match i64::try_from(last) {
        Ok(last) => Some(format!("bytes={}-{last}", range.start)),
        // S3 counts in signed numbers; nothing is that long.
        Err(_too_far) => Some(format!("bytes={}-", range.start)),
    }
}

fn is_past_the_end(error: &SdkError<GetObjectError, aws_sdk_s3::config::http::HttpResponse>) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == 416)
}

/// The whole object's size, of which the answer may hold a part: `bytes 0-9/1234`.
fn whole_size(output: &GetObjectOutput) -> u64 {
    let total = output.content_range.as_deref().and_then(|range| range.rsplit_once('/'));
    let total = total.and_then(|(_, total)| total.parse().ok());
    total.unwrap_or_else(|| length(output.content_length))
}

fn body_of(body: ByteStream, at: ObjectKey) -> BodyStream {
    let pieces = stream::try_unfold((body, at), |(mut body, at)| async move {
        match body.try_next().await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (body, at)))),
            Err(error) => {
                let text = format!("read the body of `{at}`");
                Err(Error::new(ErrorKind::Unavailable, text).because(error))
            }
        }
    });
    pieces.boxed()
}

/// The `x-amz-copy-source` of an object.
pub(super) fn copy_source(from: &ObjectKey, version: Option<&str>) -> String {
    let path = format!("{}/{}", from.bucket, from.key);
    let path = utf8_percent_encode(&path, PLAIN);
    match version {
        Some(version) => format!("{path}?versionId={}", utf8_percent_encode(version, NON_ALPHANUMERIC)),
        None => path.to_string(),
    }
}

/// A key as listings of encoding type `url` write it: as in a query, with `+` for a space.
fn decode_key(key: &str) -> Result<String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|error| {
        Error::new(ErrorKind::Malformed, format!("the listed key `{key}` is not UTF-8")).because(error)
    })?;
    Ok(decoded.into_owned())
}

fn listed(object: aws_sdk_s3::types::Object) -> Result<ObjectInfo> {
    Ok(ObjectInfo {
        key: decode_key(&object.key.unwrap_or_default())?,
        size: length(object.size),
        etag: object.e_tag.unwrap_or_default(),
        version: None,
        modified: timestamp(object.last_modified),
    })
}

#[async_trait]
impl ObjectStore for S3 {
    async fn head(&self, at: &ObjectKey) -> Result<ObjectInfo> {
        self.head_version(at, &GetOptions::default()).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, BodyStream)> {
        let range = options.range.as_ref().map(range_header);
        if range == Some(None) {
            return self.nothing_of(at, &options).await;
        }
        let request = self.client.get_object().bucket(&at.bucket).key(&at.key);
        let request = request
            .set_range(range.flatten())
            .set_if_match(options.if_match.clone())
            .set_version_id(options.version.clone());
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) if is_past_the_end(&error) => return self.nothing_of(at, &options).await,
            Err(error) => return Err(failure::service_error(error, format!("read `{at}`"))),
        };
        let info = ObjectInfo {
            key: at.key.clone(),
            size: whole_size(&output),
            etag: output.e_tag.unwrap_or_default(),
            version: output.version_id,
            modified: timestamp(output.last_modified),
        };
        Ok((info, body_of(output.body, at.clone())))
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> Result<PutResult> {
        upload::put(&self.client, at, body, &options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutResult> {
        let request = self.client.copy_object().bucket(&to.bucket).key(&to.key);
        let request = request
            .copy_source(copy_source(from, options.version.as_deref()))
            .set_copy_source_if_match(options.if_match.clone());
        let copied = match request.send().await {
            // Asking for the size of each object first would cost as much as copying it.
            Err(error) if multipart_copy::is_too_large(&error) => {
                return multipart_copy::copy(&self.client, from, to, &options).await;
            }
            copied => copied.map_err(|error| failure::service_error(error, format!("copy `{from}` to `{to}`")))?,
        };
        let etag = copied.copy_object_result.and_then(|result| result.e_tag);
        Ok(PutResult {
            etag: etag.unwrap_or_default(),
            size: None,
        })
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> Result<Listing> {
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        // Plain XML cannot hold every key.
        let request = request
            .encoding_type(EncodingType::Url)
            .set_continuation_token(continuation);
        let page = request.send().await;
        let page = page.map_err(|error| failure::service_error(error, format!("list `s3://{bucket}/{prefix}`")))?;
        let objects = page.contents.unwrap_or_default().into_iter().map(listed);
        Ok(Listing {
            objects: objects.collect::<Result<_>>()?,
            continuation: page.next_continuation_token,
        })
    }

    async fn delete(&self, at: &ObjectKey) -> Result<()> {
        let request = self.client.delete_object().bucket(&at.bucket).key(&at.key);
        let deleted = request.send().await;
        deleted.map_err(|error| failure::service_error(error, format!("delete `{at}`")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_on_the_wire() {
        assert_eq!(range_header(&(0..10)).as_deref(), Some("bytes=0-9"));
        assert_eq!(range_header(&(5..6)).as_deref(), Some("bytes=5-5"));
        assert_eq!(range_header(&(5..u64::MAX)).as_deref(), Some("bytes=5-"));
        assert_eq!(range_header(&(5..5)), None);
        assert_eq!(range_header(&(0..0)), None);
    }

    #[test]
    fn copy_sources_are_encoded() {
        let from = ObjectKey::new("bucket", "a b/ü+%.gif");
        assert_eq!(copy_source(&from, None), "bucket/a%20b/%C3%BC%2B%25.gif");
        assert_eq!(
            copy_source(&from, Some("v/1")),
            "bucket/a%20b/%C3%BC%2B%25.gif?versionId=v%2F1"
        );
    }

    #[test]
    fn listed_keys_are_decoded() {
        assert_eq!(decode_key("a+b/%2B%C3%BC").unwrap(), "a b/+ü");
        assert!(decode_key("%FF").is_err());
    }
}
