//! What an object store promises.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, future, stream};

use super::assert_kind;
use crate::{
    CopyOptions, Error, ErrorKind, GetOptions, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions, PutResult,
    Result,
};

/// More than one part of a multipart upload, and not a multiple of one.
const LARGE_BYTES: usize = 9 * 1_024 * 1_024 + 7;
/// More than one page of a listing.
const MANY: usize = 1_003;

/// Every check, in a bucket that is empty at first.
pub async fn all(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    odd_keys_are_kept_apart_and_listed_in_byte_order(store, bucket).await?;
    what_was_put_is_what_is_got(store, bucket).await?;
    what_is_not_there_is_not_found(store, bucket).await?;
    ranges_give_what_there_is(store, bucket).await?;
    a_read_can_insist_on_an_etag(store, bucket).await?;
    a_write_can_insist_on_being_the_first(store, bucket).await?;
    only_one_of_many_is_the_first(store, bucket).await?;
    a_stream_is_written_whole(store, bucket).await?;
    a_broken_stream_leaves_nothing(store, bucket).await?;
    impossible_keys_are_malformed(store, bucket).await?;
    listings_come_in_pages(store, bucket).await?;
    a_copy_has_the_same_content(store, bucket).await?;
    a_deleted_object_is_gone(store, bucket).await
}

async fn put(store: &dyn ObjectStore, at: &ObjectKey, body: &'static str) -> Result<PutResult> {
    let body = ObjectBody::Bytes(Bytes::from_static(body.as_bytes()));
    store.put(at, body, PutOptions::default()).await
}

async fn get(store: &dyn ObjectStore, at: &ObjectKey, options: GetOptions) -> Result<(ObjectInfo, Bytes)> {
    let (info, body) = store.get(at, options).await?;
    let whole: BytesMut = body.try_collect().await?;
    Ok((info, whole.freeze()))
}

async fn read(store: &dyn ObjectStore, at: &ObjectKey) -> Result<Bytes> {
    Ok(get(store, at, GetOptions::default()).await?.1)
}

async fn list(store: &dyn ObjectStore, bucket: &str, prefix: &str) -> Result<Vec<ObjectInfo>> {
    let mut found = Vec::new();
    let mut continuation = None;
    loop {
        let page = store.list(bucket, prefix, continuation).await?;
        assert!(page.objects.len() <= 1_000, "a page has {} objects", page.objects.len());
        found.extend(page.objects);
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(found);
        }
    }
}

const fn first_only() -> PutOptions {
    PutOptions {
        if_none_match: true,
        content_type: None,
    }
}

/// Body, size and `ETag` agree between put, head and get; another content has another `ETag`.
pub async fn what_was_put_is_what_is_got(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "round/trip");
    for body in ["", "one", "another"] {
        let written = put(store, &at, body).await?;
        let head = store.head(&at).await?;
        let (info, read) = get(store, &at, GetOptions::default()).await?;
        assert_eq!(read, body);
        assert_eq!(written.size, Some(body.len() as u64));
        assert_eq!((head.size, info.size), (body.len() as u64, body.len() as u64));
        assert_eq!((head.key.as_str(), info.key.as_str()), ("round/trip", "round/trip"));
        assert_eq!((&head.etag, &info.etag), (&written.etag, &written.etag));
        assert!(
            written.etag.starts_with('"') && written.etag.ends_with('"'),
            "{}",
            written.etag
        );
    }
    let before = put(store, &at, "1234").await?;
    let after = put(store, &at, "5678").await?;
    assert_ne!(before.etag, after.etag, "another content of the same length");
    Ok(())
}

/// Head, get and copy of nothing, and a delete of nothing.
pub async fn what_is_not_there_is_not_found(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "not/there");
    let other = ObjectKey::new(bucket, "not/there/either");
    assert_kind(store.head(&at).await, ErrorKind::NotFound, "head");
    assert_kind(store.get(&at, GetOptions::default()).await, ErrorKind::NotFound, "get");
    let copied = store.copy(&at, &other, CopyOptions::default()).await;
    assert_kind(copied, ErrorKind::NotFound, "copy");
    assert_kind(store.head(&other).await, ErrorKind::NotFound, "after the copy");
    store.delete(&at).await
}

/// Ranges inside, across and past the end, and empty ones.
pub async fn ranges_give_what_there_is(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "ranges");
    put(store, &at, "0123456789").await?;
    let cases = [
        (0..10, "0123456789"),
        (0..1, "0"),
        (3..7, "3456"),
        (9..10, "9"),
        (8..1_000, "89"),
        (10..20, ""),
        (1_000..2_000, ""),
        (4..4, ""),
        (0..u64::MAX, "0123456789"),
    ];
    for (range, expected) in cases {
        let options = GetOptions {
            range: Some(range.clone()),
            ..GetOptions::default()
        };
        let (info, body) = get(store, &at, options).await?;
        assert_eq!(body, expected, "{range:?}");
        assert_eq!(info.size, 10, "the size is the whole object's: {range:?}");
    }
    Ok(())
}

/// A read with an `ETag` gives that content or a conflict, with ranges too.
pub async fn a_read_can_insist_on_an_etag(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "etags");
    let old = put(store, &at, "old content").await?;
    let new = put(store, &at, "new content").await?;
    for range in [None, Some(0..3), Some(50..60), Some(2..2)] {
        let with = |etag: &str| GetOptions {
            range: range.clone(),
            if_match: Some(etag.to_owned()),
            version: None,
        };
        get(store, &at, with(&new.etag)).await?;
        let stale = store.get(&at, with(&old.etag)).await;
        assert_kind(stale, ErrorKind::Conflict, &format!("{range:?}"));
    }
    Ok(())
}

/// The first conditional put is written, the second is a conflict and changes nothing.
pub async fn a_write_can_insist_on_being_the_first(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "first/only");
    store
        .put(&at, Bytes::from_static(b"first").into(), first_only())
        .await?;
    let again = store.put(&at, Bytes::from_static(b"second").into(), first_only()).await;
    assert_kind(again, ErrorKind::Conflict, "bytes");
    let body = stream::iter([Ok(Bytes::from_static(b"third"))]).boxed();
    let again = store.put(&at, ObjectBody::Stream(body), first_only()).await;
    assert_kind(again, ErrorKind::Conflict, "a stream");
    assert_eq!(read(store, &at).await?, "first");
    store.delete(&at).await?;
    store
        .put(&at, Bytes::from_static(b"fourth").into(), first_only())
        .await?;
    assert_eq!(read(store, &at).await?, "fourth");
    Ok(())
}

/// Of many conditional puts at the same time one is written.
pub async fn only_one_of_many_is_the_first(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "first/of/many");
    let puts = (0..8).map(|number| store.put(&at, Bytes::from(format!("writer {number}")).into(), first_only()));
    let answers = future::join_all(puts).await;
    let winner = answers.iter().position(Result::is_ok);
    let conflicts = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert_eq!(
        conflicts.filter(|error| error.kind() == ErrorKind::Conflict).count(),
        7,
        "{answers:?}"
    );
    let expected = winner.map(|number| format!("writer {number}")).unwrap_or_default();
    assert_eq!(read(store, &at).await?, expected);
    Ok(())
}

/// Bytes that repeat only after a block of a size that divides neither pieces nor parts.
fn pattern(length: usize) -> Bytes {
    let numbers = (0_u64..).flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let block: Vec<u8> = numbers.take(4_099).collect();
    let mut whole = block.repeat(length / block.len() + 1);
    whole.truncate(length);
    whole.into()
}

fn pieces_of(body: &Bytes, piece: usize) -> Vec<Result<Bytes>> {
    body.chunks(piece).map(|piece| Ok(body.slice_ref(piece))).collect()
}

/// Streams of nothing, of empty pieces, of little, and of several parts.
pub async fn a_stream_is_written_whole(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "streamed");
    let large = pattern(LARGE_BYTES);
    let small = Bytes::from_static(b"a little");
    let with_empty_piece = vec![Ok(Bytes::new()), Ok(small.clone()), Ok(Bytes::new())];
    let cases = [
        (Vec::new(), Bytes::new()),
        (with_empty_piece, small),
        (pieces_of(&large, 300_001), large.clone()),
        (pieces_of(&large, 9 * 1_024 * 1_024), large),
    ];
    for (pieces, expected) in cases {
        let body = ObjectBody::Stream(stream::iter(pieces).boxed());
        let written = store.put(&at, body, PutOptions::default()).await?;
        let (info, body) = get(store, &at, GetOptions::default()).await?;
        assert!(body == expected, "{} bytes came back of {}", body.len(), expected.len());
        assert_eq!((info.etag, info.size), (written.etag, expected.len() as u64));
        let middle = GetOptions {
            range: Some(1_000_000..1_000_010),
            ..GetOptions::default()
        };
        let (_, middle) = get(store, &at, middle).await?;
        assert_eq!(Some(&*middle), expected.get(1_000_000..1_000_010).or(Some(b"")));
    }
    Ok(())
}

/// A stream that ends with an error hands the error on, leaves no new object and leaves an old one alone.
pub async fn a_broken_stream_leaves_nothing(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "broken/stream");
    let broken = |length: usize| {
        let mut pieces = pieces_of(&pattern(length), 1_024 * 1_024);
        pieces.push(Err(Error::new(ErrorKind::Throttled, "the source gave up")));
        ObjectBody::Stream(stream::iter(pieces).boxed())
    };
    for length in [0, 10, LARGE_BYTES] {
        let answer = store.put(&at, broken(length), PutOptions::default()).await;
        assert_kind(answer, ErrorKind::Throttled, &format!("after {length} bytes"));
        assert_kind(store.head(&at).await, ErrorKind::NotFound, "no new object");
        assert!(list(store, bucket, "broken/").await?.is_empty(), "nothing is listed");
    }
    put(store, &at, "old").await?;
    let answer = store.put(&at, broken(LARGE_BYTES), PutOptions::default()).await;
    assert_kind(answer, ErrorKind::Throttled, "over an old object");
    assert_eq!(read(store, &at).await?, "old");
    Ok(())
}

fn odd_keys() -> Vec<String> {
    let plain = [
        "a",
        "a/b",
        "a/",
        "a//b",
        "a/b/",
        "a/b/c",
        "/a",
        "//",
        "x/../y",
        "y",
        "x/./y",
        "../escape",
        "..",
        ".",
        "dir/.hidden",
        "UPPER",
        "upper",
        "with space",
        "plus+and%20percent%",
        "100%",
        "%",
        "%41",
        "back\\slash",
        "quote\"'<>&;:?#*|",
        "ünïcødé/日本語/🚢",
        "u\u{308}ber",
        "über",
        "new\nline",
        "tab\tkey",
        "\u{1}",
        "name.part",
        "CON",
        "trailing.",
        "trailing ",
        "~tilde",
        "-dash",
    ];
    let mut keys: Vec<String> = plain.iter().map(|key| (*key).to_owned()).collect();
    keys.push(format!("long/{}/segment", "s".repeat(300)));
    keys.push(format!("long/{}", "日".repeat(300)));
    keys.push("k".repeat(1_024));
    keys.push(format!("{}/", "deep/".repeat(200)));
    keys.sort();
    keys
}

/// Keys that file systems, URLs and shells have trouble with are different objects, and all can be listed.
pub async fn odd_keys_are_kept_apart_and_listed_in_byte_order(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let keys = odd_keys();
    for key in &keys {
        let body = Bytes::from(format!("the object with the key {key:?}"));
        let at = ObjectKey::new(bucket, key);
        store.put(&at, body.into(), PutOptions::default()).await?;
    }
    for key in &keys {
        let body = read(store, &ObjectKey::new(bucket, key)).await?;
        assert_eq!(body, format!("the object with the key {key:?}"));
    }
    let listed: Vec<String> = list(store, bucket, "")
        .await?
        .into_iter()
        .map(|info| info.key)
        .collect();
    assert_eq!(listed, keys);
    for prefix in ["a", "a/", "x/", "dir/.", "ü", "long/s", "%4"] {
        let listed: Vec<String> = list(store, bucket, prefix)
            .await?
            .into_iter()
            .map(|info| info.key)
            .collect();
        let expected: Vec<&String> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "prefix {prefix:?}");
    }
    store.delete(&ObjectKey::new(bucket, "a")).await?;
    assert_eq!(
        read(store, &ObjectKey::new(bucket, "a/b")).await?,
        "the object with the key \"a/b\""
    );
    for key in &keys {
        store.delete(&ObjectKey::new(bucket, key)).await?;
    }
    assert!(list(store, bucket, "").await?.is_empty());
    Ok(())
}

/// An empty key and one over 1,024 bytes.
pub async fn impossible_keys_are_malformed(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let too_long = "k".repeat(1_025);
    for key in ["", too_long.as_str()] {
        let answer = put(store, &ObjectKey::new(bucket, key), "x").await;
        assert_kind(answer, ErrorKind::Malformed, &format!("a key of {} bytes", key.len()));
    }
    Ok(())
}

/// More objects than a page holds, all of them once and in order; what does not begin with the prefix is not there.
pub async fn listings_come_in_pages(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let keys: Vec<String> = (0..MANY).map(|number| format!("many/{number:05}")).collect();
    let puts = keys
        .iter()
        .map(|key| async move { put(store, &ObjectKey::new(bucket, key), "x").await });
    let written: Vec<PutResult> = stream::iter(puts).buffer_unordered(16).try_collect().await?;
    assert_eq!(written.len(), MANY);
    put(store, &ObjectKey::new(bucket, "manz"), "x").await?;
    let listed = list(store, bucket, "many/").await?;
    assert!(
        listed.iter().map(|info| &info.key).eq(keys.iter()),
        "{} keys",
        listed.len()
    );
    assert!(listed.iter().all(|info| info.size == 1 && info.etag.starts_with('"')));
    assert_eq!(list(store, bucket, "many/0099").await?.len(), 10);
    assert!(list(store, bucket, "nothing-begins-so").await?.is_empty());
    Ok(())
}

/// Within a bucket, to another key of the same tree, over another object; conditions hold; the source stays.
pub async fn a_copy_has_the_same_content(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let from = ObjectKey::new(bucket, "copy/from");
    let to = ObjectKey::new(bucket, "copy/to/another");
    let source = put(store, &from, "content to copy").await?;
    put(store, &to, "what was there").await?;
    let copied = store.copy(&from, &to, CopyOptions::default()).await?;
    let (info, body) = get(store, &to, GetOptions::default()).await?;
    assert_eq!(body, "content to copy");
    assert_eq!(info.etag, copied.etag);
    assert_eq!(read(store, &from).await?, "content to copy");
    let with = |etag: &str| CopyOptions {
        version: None,
        if_match: Some(etag.to_owned()),
    };
    store.copy(&from, &to, with(&source.etag)).await?;
    let conflict = store.copy(&from, &to, with("\"0123456789abcdef\"")).await;
    assert_kind(conflict, ErrorKind::Conflict, "another ETag");
    assert_eq!(read(store, &to).await?, "content to copy");
    Ok(())
}

/// A deleted object is not found and not listed, and can be written again.
pub async fn a_deleted_object_is_gone(store: &dyn ObjectStore, bucket: &str) -> Result<()> {
    let at = ObjectKey::new(bucket, "deleted");
    put(store, &at, "x").await?;
    store.delete(&at).await?;
    assert_kind(store.head(&at).await, ErrorKind::NotFound, "after the delete");
    assert!(list(store, bucket, "deleted").await?.is_empty());
    store.delete(&at).await?;
    put(store, &at, "y").await?;
    assert_eq!(read(store, &at).await?, "y");
    Ok(())
}
