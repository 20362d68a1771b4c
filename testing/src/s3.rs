//! S3's protocol over any object store. `s3s` speaks it; here its operations are the port's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::{CopyOptions, ErrorKind, GetOptions, ObjectInfo, ObjectKey, ObjectStore, PutOptions};
use s3s::auth::SimpleAuth;
#[cfg_attr(
    not(test),
    expect(
        clippy::wildcard_imports,
        reason = "each operation has an input and an output, and both have parts"
    )
)]
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::listener::{self, Server};

/// The access key that the server takes, and its secret.
pub const KEY: &str = "test";

/// Uploads that have begun and were neither completed nor aborted: parts by their numbers, by the upload's id.
#[derive(Debug, Clone, Default)]
pub struct Uploads(Arc<Mutex<BTreeMap<String, BTreeMap<i32, Bytes>>>>);

impl Uploads {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// **Bytes** of an object that S3 copies in one request. **Source**: `API_CopyObject.html`.
const COPY_BYTES_MAX: u64 = 5 * 1_024 * 1_024 * 1_024;

/// Starts a server over a store.
pub async fn serve(store: Arc<dyn ObjectStore>) -> Server {
    serve_with_limit(store, COPY_BYTES_MAX).await.0
}

/// Starts a server that copies no more bytes than this in one request.
pub async fn serve_with_limit(store: Arc<dyn ObjectStore>, copy_bytes_max: u64) -> (Server, Uploads) {
    let uploads = Uploads::default();
    let over = Over {
        store,
        uploads: uploads.clone(),
        number: AtomicU64::new(0),
        copy_bytes_max,
    };
    let mut service = S3ServiceBuilder::new(over);
    service.set_auth(SimpleAuth::from_single(KEY, KEY));
    let service = service.build();
    let server = listener::serve(move |request| {
        let service = service.clone();
        async move { service.call(request.map(Body::from)).await }
    })
    .await;
    (server, uploads)
}

#[derive(Debug)]
struct Over {
    store: Arc<dyn ObjectStore>,
    uploads: Uploads,
    number: AtomicU64,
    copy_bytes_max: u64,
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn failed(error: ports::Error) -> S3Error {
    match error.kind() {
        ErrorKind::NotFound => s3_error!(NoSuchKey, "{}", error),
        ErrorKind::Conflict => s3_error!(PreconditionFailed, "{}", error),
        ErrorKind::Throttled => s3_error!(SlowDown, "{}", error),
        ErrorKind::Denied => s3_error!(AccessDenied, "{}", error),
        ErrorKind::Malformed => s3_error!(KeyTooLongError, "{}", error),
        ErrorKind::Full => s3_error!(EntityTooLarge, "{}", error),
        ErrorKind::Unavailable | ErrorKind::Cancelled => s3_error!(InternalError, "{}", error),
    }
}

fn etag(quoted: &str) -> ETag {
    ETag::Strong(quoted.trim_matches('"').to_owned())
}

fn quoted(condition: Option<ETagCondition>) -> Option<String> {
    match condition {
        Some(ETagCondition::ETag(etag)) => Some(format!("\"{}\"", etag.value())),
        Some(ETagCondition::Any) | None => None,
    }
}

fn modified(info: &ObjectInfo) -> Timestamp {
    let millis = u64::try_from(info.modified.as_millis()).unwrap();
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap()
}

async fn collect(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let whole = body.try_collect::<BytesMut>().await;
    let whole = whole.map_err(|error| s3_error!(IncompleteBody, "{}", error))?;
    Ok(whole.freeze())
}

/// As S3 encodes the keys of a listing when asked to: like a query, so that a space is a plus sign.
fn encoded(key: &str) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'*')
        .remove(b'/')
        .remove(b' ');
    utf8_percent_encode(key, PLAIN).to_string().replace(' ', "+")
}

impl Over {
    async fn whole(&self, at: &ObjectKey, options: GetOptions) -> S3Result<(ObjectInfo, Bytes)> {
        let (info, body) = self.store.get(at, options).await.map_err(failed)?;
        let body: BytesMut = body.try_collect().await.map_err(failed)?;
        Ok((info, body.freeze()))
    }

    fn with_upload<T>(&self, id: &str, act: impl FnOnce(&mut BTreeMap<i32, Bytes>) -> T) -> S3Result<T> {
        let mut uploads = self.uploads.0.lock().unwrap();
        uploads.get_mut(id).map(act).ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

#[async_trait]
impl S3 for Over {
    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let at = ObjectKey::new(input.bucket, input.key);
        let options = GetOptions {
            range: None,
            if_match: quoted(input.if_match),
            version: input.version_id,
        };
        let (info, _) = self.store.get(&at, options).await.map_err(failed)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(length(info.size)),
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(modified(&info)),
            version_id: info.version,
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let at = ObjectKey::new(input.bucket, input.key);
        let options = GetOptions {
            range: None,
            if_match: quoted(input.if_match),
            version: input.version_id,
        };
        let (info, mut body) = self.whole(&at, options).await?;
        let mut content_range = None;
        if let Some(range) = input.range {
            let range = range
                .check(info.size)
                .map_err(|_past_the_end| s3_error!(InvalidRange))?;
            content_range = Some(format!("bytes {}-{}/{}", range.start, range.end - 1, info.size));
            body = body.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        }
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(length(body.len() as u64)),
            body: Some(StreamingBlob::from(Body::from(body))),
            content_range,
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(modified(&info)),
            version_id: info.version,
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let at = ObjectKey::new(input.bucket, input.key);
        let options = PutOptions {
            if_none_match: input.if_none_match.is_some(),
            content_type: None,
        };
        let body = collect(input.body).await?;
        let written = self.store.put(&at, body.into(), options).await.map_err(failed)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag(&written.etag)),
            ..PutObjectOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = input.copy_source
        else {
            return Err(s3_error!(NotImplemented));
        };
        let options = CopyOptions {
            version: version_id.map(Into::into),
            if_match: quoted(input.copy_source_if_match),
        };
        let (from, to) = (ObjectKey::new(bucket, key), ObjectKey::new(input.bucket, input.key));
        let limit = self.copy_bytes_max;
        if self.store.head(&from).await.is_ok_and(|found| found.size > limit) {
            return Err(s3_error!(
                InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy source: {}",
                limit
            ));
        }
        let copied = self.store.copy(&from, &to, options).await.map_err(failed)?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(etag(&copied.etag)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let at = ObjectKey::new(request.input.bucket, request.input.key);
        self.store.delete(&at).await.map_err(failed)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let page = self.store.list(&input.bucket, &prefix, input.continuation_token).await;
        let page = page.map_err(failed)?;
        let contents = page.objects.into_iter().map(|info| Object {
            e_tag: Some(etag(&info.etag)),
            key: Some(encoded(&info.key)),
            last_modified: Some(modified(&info)),
            size: Some(length(info.size)),
            ..Object::default()
        });
        Ok(S3Response::new(ListObjectsV2Output {
            contents: Some(contents.collect()),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.continuation.is_some()),
            next_continuation_token: page.continuation,
            name: Some(input.bucket),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let id = format!("upload-{}", self.number.fetch_add(1, Ordering::SeqCst));
        self.uploads.0.lock().unwrap().insert(id.clone(), BTreeMap::new());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(request.input.bucket),
            key: Some(request.input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let body = collect(input.body).await?;
        let tag = format!("part-{}-{}", input.part_number, body.len());
        self.with_upload(&input.upload_id, |parts| parts.insert(input.part_number, body))?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(tag)),
            ..UploadPartOutput::default()
        }))
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = input.copy_source
        else {
            return Err(s3_error!(NotImplemented));
        };
        let range = input.copy_source_range.unwrap_or_default();
        let range = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
        let (first, last) = range.ok_or_else(|| s3_error!(InvalidArgument))?;
        let options = GetOptions {
            range: Some(first.parse().unwrap()..last.parse::<u64>().unwrap() + 1),
            if_match: quoted(input.copy_source_if_match),
            version: version_id.map(Into::into),
        };
        let (_, part) = self.whole(&ObjectKey::new(bucket, key), options).await?;
        let tag = format!("part-{}-{}", input.part_number, part.len());
        self.with_upload(&input.upload_id, |parts| parts.insert(input.part_number, part))?;
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(ETag::Strong(tag)),
                ..CopyPartResult::default()
            }),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let named = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let body = self.with_upload(&input.upload_id, |parts| {
            let numbers = named.iter().filter_map(|part| part.part_number);
            let found = numbers.map(|number| parts.get(&number).cloned());
            found.collect::<Option<Vec<Bytes>>>()
        })?;
        let body = body.ok_or_else(|| s3_error!(InvalidPart))?;
        if body.iter().rev().skip(1).any(|part| part.len() < 5 * 1024 * 1024) {
            return Err(s3_error!(EntityTooSmall));
        }
        let at = ObjectKey::new(input.bucket, input.key);
        let options = PutOptions {
            if_none_match: input.if_none_match.is_some(),
            content_type: None,
        };
        let written = self
            .store
            .put(&at, body.concat().into(), options)
            .await
            .map_err(failed)?;
        self.uploads.0.lock().unwrap().remove(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            e_tag: Some(etag(&written.etag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.uploads.0.lock().unwrap().remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
