//! gzip, in bounded steps: what S3 writes inventories in.

use std::io::Write;

use asl::StateError;
use bytes::{Buf, Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use ports::ObjectKey;

use super::failure::failed;

/// **Bytes** that are unpacked in one step: they expand to a mebibyte at most, for gzip packs a thousand to one.
const STEP_BYTES: usize = 1_024;

/// Unpacks what it is given, a step at a time.
pub(crate) struct Unpacker {
    decoder: Box<MultiGzDecoder<Vec<u8>>>,
    packed: Bytes,
    finished: bool,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Box::new(MultiGzDecoder::new(Vec::new())),
            packed: Bytes::new(),
            finished: false,
        }
    }

    /// Whether it wants more packed bytes before it can give anything.
    pub(crate) fn is_hungry(&self) -> bool {
        self.packed.is_empty()
    }

    pub(crate) const fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn feed(&mut self, packed: Bytes) {
        self.packed = packed;
    }

    /// Unpacks one step into `buffer`.
    pub(crate) fn step(&mut self, at: &ObjectKey, buffer: &mut BytesMut) -> Result<(), StateError> {
        let length = self.packed.len().min(STEP_BYTES);
        let written = self.decoder.write_all(self.packed.get(..length).unwrap_or_default());
        written.map_err(|error| broken(at, &error))?;
        self.packed.advance(length);
        self.drain(buffer);
        Ok(())
    }

    /// Nothing follows.
    pub(crate) fn finish(&mut self, at: &ObjectKey, buffer: &mut BytesMut) -> Result<(), StateError> {
        self.decoder.try_finish().map_err(|error| broken(at, &error))?;
        self.finished = true;
        self.drain(buffer);
        Ok(())
    }

    fn drain(&mut self, buffer: &mut BytesMut) {
        let unpacked = self.decoder.get_mut();
        buffer.extend_from_slice(unpacked);
        unpacked.clear();
    }
}

fn broken(at: &ObjectKey, error: &std::io::Error) -> StateError {
    failed(format!("`{at}` is no whole gzip file: {error}"))
}
