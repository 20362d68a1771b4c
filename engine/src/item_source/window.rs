//! A piece of an object that moves over it: what the decoders look at.
//!
//! The object is fetched in ranges, each conditional on the `ETag` of the first: an object that is replaced while it
//! is being read is an error, and no connection stays open while children run. Holds at most one item, one piece
//! of the store's, and nothing of the range that it has not been asked for.

use std::sync::Arc;

use asl::StateError;
use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use manifest::BYTE_ORDER_MARK;
use ports::{BodyStream, ErrorKind, GetOptions, ObjectKey, ObjectStore};

use super::failure::{failed, of_store};
use super::unpack::Unpacker;
use crate::limits;

/// Which content of which object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) at: ObjectKey,
    pub(crate) version: Option<String>,
    /// Known from the first answer on; set before it, the object must still have it.
    pub(crate) etag: Option<String>,
    /// With gzip: bytes are counted as they are unpacked.
    pub(crate) is_packed: bool,
}

/// The bytes of an object from some byte on.
pub(crate) struct Window {
    store: Arc<dyn ObjectStore>,
    object: Object,
    /// **Bytes** of the whole object.
    size: u64,
    /// What comes of the range that was asked for last.
    body: Option<BodyStream>,
    /// The byte up to which the object has been received, and the one at which the running answer begins.
    received: u64,
    asked: u64,
    unpacker: Option<Unpacker>,
    buffer: BytesMut,
    /// The byte of the object at which the buffer begins.
    position: u64,
    /// Broken answers since bytes last came.
    broken: u32,
    /// **Bytes** that it may show.
    bytes_max: usize,
}

impl Object {
    /// The `ETag` that it must have; a store that gives none cannot be asked for one.
    fn condition(&self) -> Option<String> {
        self.etag.clone().filter(|etag| !etag.is_empty())
    }

    /// The same with its `ETag`, and its size in bytes.
    pub(crate) async fn look_up(self, store: &Arc<dyn ObjectStore>) -> Result<(Self, u64), StateError> {
        let options = GetOptions {
            range: Some(0..0),
            if_match: self.condition(),
            version: self.version.clone(),
        };
        let got = store.get(&self.at, options).await;
        let (info, _no_bytes) = got.map_err(|error| of_store(&self.at, &error))?;
        let etag = Some(info.etag);
        Ok((Self { etag, ..self }, info.size))
    }
}

impl Window {
    /// Opens an object at a byte. What is packed has no addresses: it is unpacked from its beginning.
    pub(crate) async fn open(store: &Arc<dyn ObjectStore>, object: Object, from: u64) -> Result<Self, StateError> {
        let unpacker = object.is_packed.then(Unpacker::new);
        let start = if object.is_packed { 0 } else { from };
        let mut window = Self {
            store: Arc::clone(store),
            object,
            size: u64::MAX,
            body: None,
            received: start,
            asked: start,
            unpacker,
            buffer: BytesMut::new(),
            position: start,
            broken: 0,
            bytes_max: limits::ITEM_BYTES_MAX,
        };
        window.ask().await?;
        while window.position < from && !(window.is_complete() && window.buffer.is_empty()) {
            window.pass(usize::try_from(from - window.position).unwrap_or(usize::MAX));
            window.grow().await?;
        }
        Ok(window)
    }

    /// The object, its `ETag` known.
    pub(crate) const fn object(&self) -> &Object {
        &self.object
    }

    /// The byte of the object at which the window begins.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// What it shows.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether nothing follows what it shows.
    pub(crate) fn is_complete(&self) -> bool {
        let unpacked = self.unpacker.as_ref().is_none_or(Unpacker::is_finished);
        self.received >= self.size && unpacked
    }

    /// Moves on.
    pub(crate) fn pass(&mut self, bytes: usize) {
        let bytes = bytes.min(self.buffer.len());
        self.buffer.advance(bytes);
        self.position += bytes as u64;
    }

    /// Moves over an item, which may not be too long.
    pub(crate) fn pass_item(&mut self, bytes: usize) -> Result<(), StateError> {
        if bytes > limits::ITEM_BYTES_MAX {
            return Err(too_long(&self.object.at, self.position));
        }
        self.pass(bytes);
        Ok(())
    }

    /// The next bytes of the object, which are fewer than asked for only at its end. The caller has bounded them.
    pub(crate) async fn read(&mut self, bytes: usize) -> Result<Bytes, StateError> {
        self.bytes_max = bytes;
        while self.buffer.len() < bytes && !self.is_complete() {
            self.grow().await?;
        }
        let length = bytes.min(self.buffer.len());
        self.position += length as u64;
        Ok(self.buffer.split_to(length).freeze())
    }

    /// Moves over a byte order mark.
    pub(crate) async fn pass_byte_order_mark(&mut self) -> Result<(), StateError> {
        while self.buffer.len() < BYTE_ORDER_MARK.len() && !self.is_complete() {
            self.grow().await?;
        }
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.pass(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    /// Shows more.
    pub(crate) async fn grow(&mut self) -> Result<(), StateError> {
        if self.buffer.len() > self.bytes_max {
            return Err(too_long(&self.object.at, self.position));
        }
        let Some(unpacker) = &mut self.unpacker else {
            if let Some(piece) = self.receive().await? {
                self.buffer.extend_from_slice(&piece);
            }
            return Ok(());
        };
        if !unpacker.is_hungry() {
            return unpacker.step(&self.object.at, &mut self.buffer);
        }
        let piece = self.receive().await?;
        match (piece, &mut self.unpacker) {
            (Some(piece), Some(unpacker)) => unpacker.feed(piece),
            (None, Some(unpacker)) => unpacker.finish(&self.object.at, &mut self.buffer)?,
            (_, None) => {}
        }
        Ok(())
    }

    /// The next piece of the object; nothing at its end.
    async fn receive(&mut self) -> Result<Option<Bytes>, StateError> {
        while self.received < self.size {
            let Some(body) = &mut self.body else {
                self.ask().await?;
                continue;
            };
            match body.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.received += piece.len() as u64;
                    self.broken = 0;
                    return Ok(Some(piece));
                }
                Some(Err(error)) => self.ask_again(&error)?,
                None if self.received == self.asked => self.ask_again(&cut_short())?,
                None => self.body = None,
            }
        }
        Ok(None)
    }

    /// A broken body is asked for again from where it broke: nobody below does that.
    fn ask_again(&mut self, error: &ports::Error) -> Result<(), StateError> {
        self.broken += 1;
        if !error.is_retryable() || self.broken > limits::READ_ATTEMPTS_MAX {
            return Err(of_store(&self.object.at, error));
        }
        self.body = None;
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), StateError> {
        let options = GetOptions {
            range: Some(self.received..self.received.saturating_add(limits::READ_RANGE_BYTES)),
            if_match: self.object.condition(),
            version: self.object.version.clone(),
        };
        let got = self.store.get(&self.object.at, options).await;
        let (info, body) = got.map_err(|error| of_store(&self.object.at, &error))?;
        self.size = info.size;
        self.asked = self.received;
        self.object.etag = Some(info.etag);
        self.body = Some(body);
        Ok(())
    }
}

fn cut_short() -> ports::Error {
    ports::Error::new(
        ErrorKind::Unavailable,
        "the store gave none of the bytes it was asked for",
    )
}

fn too_long(at: &ObjectKey, byte: u64) -> StateError {
    let limit = limits::ITEM_BYTES_MAX;
    failed(format!("`{at}`: the item at byte {byte} is longer than {limit} bytes"))
}
