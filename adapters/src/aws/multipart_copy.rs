//! Copies of objects that S3 does not copy in one request: over 5 GiB they are copied in parts, within S3.
//!
//! A few parts are copied at a time, each on condition of the `ETag` that was found first, so that all are of one
//! content. The upload is aborted when a part fails. A process that dies in the middle leaves parts that no listing
//! shows: the bucket's lifecycle rule removes them. Content headers and metadata are those of the source, as
//! `CopyObject` keeps them; tags are not copied.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::{StreamExt, TryStreamExt, stream};
use ports::{CopyOptions, ObjectKey, PutResult, Result};

use super::failure;
use super::s3::{copy_source, length};

/// **Bytes** of a part at least: 5 GiB are 320 requests.
const PART_BYTES_MIN: u64 = 16 * 1_024 * 1_024;
/// S3's limit of parts. **Source**: qfacts.html of the S3 user guide.
const PARTS_MAX: u64 = 10_000;
/// Parts that are copied at a time. S3 moves the bytes; eight requests hide its latency.
const IN_FLIGHT: usize = 8;

/// Whether S3 refuses to copy an object in one request because of its size.
pub(super) fn is_too_large(error: &impl ProvideErrorMetadata) -> bool {
    let is_refusal = matches!(error.code(), Some("InvalidRequest" | "EntityTooLarge"));
    is_refusal
        && error
            .message()
            .is_some_and(|text| text.contains("maximum allowable size"))
}

/// A copy in parts that has begun.
struct MultipartCopy<'a> {
    client: &'a Client,
    from: &'a ObjectKey,
    to: &'a ObjectKey,
    source: String,
    etag: Option<String>,
    upload_id: String,
}

/// Copies in parts.
pub(super) async fn copy(
    client: &Client,
    from: &ObjectKey,
    to: &ObjectKey,
    options: &CopyOptions,
) -> Result<PutResult> {
    let head = client.head_object().bucket(&from.bucket).key(&from.key);
    let head = head
        .set_if_match(options.if_match.clone())
        .set_version_id(options.version.clone());
    let head = head.send().await;
    let head = head.map_err(|error| failure::service_error(error, format!("look up `{from}`")))?;
    let (size, etag) = (length(head.content_length), head.e_tag.clone());
    let begun = MultipartCopy {
        client,
        from,
        to,
        source: copy_source(from, options.version.as_deref()),
        etag,
        upload_id: begin(client, from, to, head).await?,
    };
    let copied = begun.copy_parts(size).await;
    let completed = match copied {
        Ok(parts) => begun.complete(parts, size).await,
        Err(error) => Err(error),
    };
    if completed.is_err() {
        begun.abort().await;
    }
    completed
}

/// Begins an upload with the headers and the metadata of the source.
async fn begin(client: &Client, from: &ObjectKey, to: &ObjectKey, head: HeadObjectOutput) -> Result<String> {
    let request = client.create_multipart_upload().bucket(&to.bucket).key(&to.key);
    let request = request
        .set_cache_control(head.cache_control)
        .set_content_disposition(head.content_disposition)
        .set_content_encoding(head.content_encoding)
        .set_content_language(head.content_language)
        .set_content_type(head.content_type)
        .set_metadata(head.metadata);
    let begun = request.send().await;
    let begun = begun.map_err(|error| failure::service_error(error, format!("begin to copy `{from}` to `{to}`")))?;
    Ok(begun.upload_id.unwrap_or_default())
}

/// The first and the last byte of each part, with its number.
fn parts(size: u64) -> impl Iterator<Item = (i32, u64, u64)> {
    let part = size.div_ceil(PARTS_MAX).max(PART_BYTES_MIN);
    let starts = (0..size.div_ceil(part)).map(move |number| number * part);
    (1..)
        .zip(starts)
        .map(move |(number, start)| (number, start, size.min(start + part) - 1))
}

impl MultipartCopy<'_> {
    async fn copy_parts(&self, size: u64) -> Result<Vec<CompletedPart>> {
        let copies = stream::iter(parts(size)).map(|(number, first, last)| self.copy_part(number, first, last));
        copies.buffered(IN_FLIGHT).try_collect().await
    }

    async fn copy_part(&self, number: i32, first: u64, last: u64) -> Result<CompletedPart> {
        let (from, to) = (self.from, self.to);
        let request = self.client.upload_part_copy().bucket(&to.bucket).key(&to.key);
        let request = request
            .upload_id(&self.upload_id)
            .part_number(number)
            .copy_source(&self.source)
            .copy_source_range(format!("bytes={first}-{last}"))
            .set_copy_source_if_match(self.etag.clone());
        let copied = request.send().await;
        let copied = copied
            .map_err(|error| failure::service_error(error, format!("copy part {number} of `{from}` to `{to}`")))?;
        let result = copied.copy_part_result;
        let part = CompletedPart::builder().part_number(number);
        Ok(part.set_e_tag(result.and_then(|result| result.e_tag)).build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>, size: u64) -> Result<PutResult> {
        let (from, to) = (self.from, self.to);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&to.bucket).key(&to.key);
        let completed = request.upload_id(&self.upload_id).multipart_upload(parts).send().await;
        let completed = completed
            .map_err(|error| failure::service_error(error, format!("complete the copy of `{from}` to `{to}`")))?;
        Ok(PutResult {
            etag: completed.e_tag.unwrap_or_default(),
            size: Some(size),
        })
    }

    /// Gives the parts up. When that fails too, the error that led here is the one to tell.
    async fn abort(&self) {
        let request = self.client.abort_multipart_upload();
        let request = request.bucket(&self.to.bucket).key(&self.to.key);
        drop(request.upload_id(&self.upload_id).send().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_large_as_their_number_needs() {
        const MIB: u64 = 1_024 * 1_024;
        let few: Vec<_> = parts(40 * MIB).collect();
        assert_eq!(
            few,
            [
                (1, 0, 16 * MIB - 1),
                (2, 16 * MIB, 32 * MIB - 1),
                (3, 32 * MIB, 40 * MIB - 1)
            ]
        );
        // S3's largest object, 50 TB since December 2025: no more parts than there may be.
        for size in [
            5_000_000_000_000,
            50_000_000_000_000_u64,
            160_000 * MIB,
            160_000 * MIB + 1,
        ] {
            let all: Vec<_> = parts(size).collect();
            assert!(all.len() <= 10_000, "{size}: {}", all.len());
            assert_eq!(all.last().map(|(_, _, last)| *last), Some(size - 1));
        }
    }
}
