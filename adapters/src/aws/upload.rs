//! Objects on their way into S3: in one request, or in parts.
//!
//! A body that fits into one part is one request. A longer one is a multipart upload with one part in memory at a
//! time; it is aborted when the body ends with an error. A process that dies in the middle leaves parts that no
//! listing shows: the bucket's lifecycle rule removes them.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use ports::{BodyStream, Error, ErrorKind, ObjectBody, ObjectKey, PutOptions, PutResult, Result};

use super::failure;

/// What is in memory at a time. S3's smallest part is 5 MiB; 10,000 parts of this are 78 GiB.
const PART_BYTES: usize = 8 * 1_024 * 1_024;
/// S3's limit. **Source**: qfacts.html of the S3 user guide.
const PARTS_MAX: i32 = 10_000;

/// Writes an object.
pub(super) async fn put(client: &Client, at: &ObjectKey, body: ObjectBody, options: &PutOptions) -> Result<PutResult> {
    let mut body = match body {
        ObjectBody::Bytes(bytes) => return put_whole(client, at, bytes, options).await,
        ObjectBody::Stream(pieces) => Parts {
            pieces,
            left: Bytes::new(),
        },
    };
    let first = body.next().await?;
    if first.len() < PART_BYTES {
        return put_whole(client, at, first, options).await;
    }
    let upload = Upload::begin(client, at, options).await?;
    match upload.send_all(first, body).await {
        Ok((parts, size)) => upload.complete(parts, size, options).await,
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn put_whole(client: &Client, at: &ObjectKey, body: Bytes, options: &PutOptions) -> Result<PutResult> {
    let size = body.len() as u64;
    let request = client.put_object().bucket(&at.bucket).key(&at.key);
    let request = request
        .body(in_memory(body))
        .set_content_type(options.content_type.clone())
        .set_if_none_match(first_only(options));
    let written = request.send().await;
    let written = written.map_err(|error| failure::service_error(error, format!("write `{at}`")))?;
    Ok(PutResult {
        etag: written.e_tag.unwrap_or_default(),
        size: Some(size),
    })
}

fn in_memory(bytes: Bytes) -> ByteStream {
    ByteStream::new(SdkBody::from(bytes))
}

fn first_only(options: &PutOptions) -> Option<String> {
    options.if_none_match.then(|| "*".to_owned())
}

/// A body cut into parts of [`PART_BYTES`].
struct Parts {
    pieces: BodyStream,
    /// What a piece held beyond the part before.
    left: Bytes,
}

impl Parts {
    /// The next part; shorter than the others, or empty, at the end.
    async fn next(&mut self) -> Result<Bytes> {
        let mut part = BytesMut::with_capacity(self.left.len().min(PART_BYTES));
        loop {
            let room = PART_BYTES.saturating_sub(part.len());
            part.extend_from_slice(&self.left.split_to(room.min(self.left.len())));
            if part.len() == PART_BYTES {
                return Ok(part.freeze());
            }
            match self.pieces.next().await {
                Some(piece) => self.left = piece?,
                None => return Ok(part.freeze()),
            }
        }
    }
}

struct Upload<'a> {
    client: &'a Client,
    at: &'a ObjectKey,
    id: String,
}

impl<'a> Upload<'a> {
    async fn begin(client: &'a Client, at: &'a ObjectKey, options: &PutOptions) -> Result<Self> {
        let request = client.create_multipart_upload().bucket(&at.bucket).key(&at.key);
        let begun = request.set_content_type(options.content_type.clone()).send().await;
        let begun = begun.map_err(|error| failure::service_error(error, format!("begin an upload to `{at}`")))?;
        let id = begun.upload_id.unwrap_or_default();
        Ok(Self { client, at, id })
    }

    async fn send_all(&self, first: Bytes, mut body: Parts) -> Result<(Vec<CompletedPart>, u64)> {
        let (mut parts, mut size, mut part) = (Vec::new(), 0_u64, first);
        for number in 1..=PARTS_MAX {
            size = size.saturating_add(part.len() as u64);
            parts.push(self.send(part, number).await?);
            part = body.next().await?;
            if part.is_empty() {
                return Ok((parts, size));
            }
        }
        let text = format!("write `{}`: it has more than {size} bytes", self.at);
        Err(Error::new(ErrorKind::Full, text))
    }

    async fn send(&self, part: Bytes, number: i32) -> Result<CompletedPart> {
        let at = self.at;
        let request = self.client.upload_part().bucket(&at.bucket).key(&at.key);
        let request = request.upload_id(&self.id).part_number(number).body(in_memory(part));
        let sent = request.send().await;
        let sent = sent.map_err(|error| failure::service_error(error, format!("write part {number} of `{at}`")))?;
        let completed = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32);
        Ok(completed.build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>, size: u64, options: &PutOptions) -> Result<PutResult> {
        let at = self.at;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&at.bucket).key(&at.key);
        let request = request
            .upload_id(&self.id)
            .multipart_upload(parts)
            .set_if_none_match(first_only(options));
        match request.send().await {
            Ok(completed) => Ok(PutResult {
                etag: completed.e_tag.unwrap_or_default(),
                size: Some(size),
            }),
            Err(error) => {
                self.abort().await;
                Err(failure::service_error(error, format!("complete the upload to `{at}`")))
            }
        }
    }

    /// Gives the parts up. When that fails too, the error that led here is the one to tell.
    async fn abort(&self) {
        let at = self.at;
        let request = self.client.abort_multipart_upload().bucket(&at.bucket).key(&at.key);
        drop(request.upload_id(&self.id).send().await);
    }
}
