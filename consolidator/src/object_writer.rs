//! One object that is written while its content is still being made.
//!
//! Small content is put as it is; more is streamed, so that a part of any size is held only in pieces. An object
//! without content is not written at all.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use md5::{Digest, Md5};
use ports::{ObjectBody, ObjectKey, ObjectStore, PutOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Error;
use crate::error::while_doing;

/// **Bytes** that are gathered before they are handed on: four parts are written at once, and all of it is small.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for the store.
const QUEUE: usize = 1;

/// A written part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) key: String,
    /// In hexadecimal digits.
    pub(crate) md5: String,
    pub(crate) lines: u64,
}

/// A part that is being written.
pub(crate) struct ObjectWriter {
    store: Arc<dyn ObjectStore>,
    at: ObjectKey,
    buffer: Vec<u8>,
    digest: Md5,
    lines: u64,
    upload: Option<Upload>,
}

struct Upload {
    pieces: mpsc::Sender<Bytes>,
    put: JoinSet<ports::Result<ports::PutResult>>,
}

impl ObjectWriter {
    pub(crate) fn new(store: &Arc<dyn ObjectStore>, bucket: &str, key: String) -> Self {
        Self {
            store: Arc::clone(store),
            at: ObjectKey::new(bucket, key),
            buffer: Vec::new(),
            digest: Md5::new(),
            lines: 0,
            upload: None,
        }
    }

    /// The buffer, for a writer that appends one line to it; [`ObjectWriter::settle`] hands it on.
    pub(crate) const fn line(&mut self) -> &mut Vec<u8> {
        self.lines += 1;
        &mut self.buffer
    }

    /// Appends a line and its line feed.
    pub(crate) fn push(&mut self, line: &[u8]) {
        let buffer = self.line();
        buffer.extend_from_slice(line);
        buffer.push(b'\n');
    }

    /// Hands the buffer on once it is large enough.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        let piece = self.take();
        let upload = self.upload.get_or_insert_with(|| Upload::begin(&self.store, &self.at));
        // A closed queue means that the put has ended: its error is told by `finish`.
        if upload.pieces.send(piece).await.is_err() {
            return self.join().await.map(|_written| ());
        }
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE + PIECE / 4));
        self.digest.update(&piece);
        piece.into()
    }

    /// Writes what is left. Nothing when there was no line.
    pub(crate) async fn finish(mut self) -> Result<Option<Written>, Error> {
        if self.lines == 0 {
            return Ok(None);
        }
        let last = self.take();
        if let Some(upload) = &self.upload {
            // As above: a closed queue shows in the put's own result.
            if upload.pieces.send(last).await.is_err() {
                self.join().await?;
            }
        } else {
            let put = self
                .store
                .put(&self.at, ObjectBody::Bytes(last), PutOptions::default())
                .await;
            put.map_err(while_doing(format!("write `{}`", self.at)))?;
        }
        self.join().await?;
        Ok(Some(Written {
            md5: hex(&self.digest.finalize()),
            key: self.at.key,
            lines: self.lines,
        }))
    }

    async fn join(&mut self) -> Result<(), Error> {
        let Some(mut upload) = self.upload.take() else {
            return Ok(());
        };
        drop(upload.pieces);
        match upload.put.join_next().await {
            Some(Ok(put)) => put.map(|_| ()).map_err(while_doing(format!("write `{}`", self.at))),
            Some(Err(broken)) => Err(Error::Malformed {
                place: self.at.to_string(),
                reason: broken.to_string(),
            }),
            None => Ok(()),
        }
    }
}

impl Upload {
    fn begin(store: &Arc<dyn ObjectStore>, at: &ObjectKey) -> Self {
        let (pieces, received) = mpsc::channel(QUEUE);
        let body = stream::unfold(received, |mut received| async move {
            let piece: Bytes = received.recv().await?;
            Some((Ok(piece), received))
        });
        let (store, at) = (Arc::clone(store), at.clone());
        let mut put = JoinSet::new();
        put.spawn(async move {
            let body = ObjectBody::Stream(Box::pin(body));
            store.put(&at, body, PutOptions::default()).await
        });
        Self { pieces, put }
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
