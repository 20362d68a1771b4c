//! Unpacking a manifest: what is compressed has no byte addresses, so it is spooled once as plain bytes.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use futures::TryStreamExt;
use manifest::{Compression, run_key};
use ports::{ObjectKey, Timestamp};
use zstd::stream::{raw, zio};

use crate::Ports;
use crate::error::Error;
use crate::limits::{EXPANSION_BYTES_FREE, EXPANSION_RATIO_MAX};
use crate::sink::{self, Sink};
use crate::source::Pinned;

/// **Bytes** that are unpacked in one step. What they expand to is held in memory: a mebibyte of gzip, 32 of zstd.
const STEP_BYTES: usize = 1024;

/// **Bytes** of unpacked text that are handed on together.
const PIECE_BYTES: usize = 1024 * 1024;

/// Where the plain bytes go, and until when.
#[derive(Debug)]
pub(crate) struct Spool<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) bucket: &'a str,
    pub(crate) execution: &'a str,
    /// Set: the limit in bytes, whatever the ratio.
    pub(crate) bytes_max: Option<u64>,
    pub(crate) deadline: Timestamp,
}

/// A decoder that writes what it has unpacked to a buffer.
enum Decoder {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(zio::Writer<Vec<u8>, raw::Decoder<'static>>),
}

impl Spool<'_> {
    /// Unpacks a manifest into the run's spool.
    pub(crate) async fn unpack(&self, packed: &Pinned, compression: Compression) -> Result<Pinned, Error> {
        let at = ObjectKey::new(self.bucket, run_key::spool(self.execution));
        let (mut sink, body) = Sink::new();
        let make = async {
            let made = self.send(packed, compression, &mut sink).await;
            (sink, made)
        };
        sink::write(&*self.ports.store, &at, body, make).await?;
        let spooled = Pinned::find(&*self.ports.store, at, None).await?;
        let manifest = packed.manifest.clone();
        Ok(Pinned { manifest, ..spooled })
    }

    async fn send(&self, packed: &Pinned, compression: Compression, sink: &mut Sink) -> Result<(), Error> {
        let mut decoder = Decoder::new(compression).map_err(|source| broken(packed, 0, source))?;
        let mut windows = packed.windows(&*self.ports.store);
        let (mut read, mut written) = (0, 0);
        while let Some(window) = windows.try_next().await? {
            if self.ports.clock.now() >= self.deadline {
                let (manifest, size) = (packed.manifest.clone(), packed.size);
                return Err(Error::DeadlineTooClose { manifest, read, size });
            }
            for step in window.iter().flat_map(|piece| piece.chunks(STEP_BYTES)) {
                decoder.write(step).map_err(|source| broken(packed, read, source))?;
                read += step.len() as u64;
                self.check(packed, read, written + decoder.waiting())?;
                if decoder.waiting() >= PIECE_BYTES as u64 {
                    written += decoder.waiting();
                    sink.send(decoder.take()).await?;
                }
            }
        }
        decoder.finish().map_err(|source| broken(packed, read, source))?;
        self.check(packed, read, written + decoder.waiting())?;
        sink.send(decoder.take()).await
    }

    fn check(&self, packed: &Pinned, read: u64, written: u64) -> Result<(), Error> {
        let limit = self
            .bytes_max
            .unwrap_or_else(|| EXPANSION_BYTES_FREE.max(read.saturating_mul(EXPANSION_RATIO_MAX)));
        if written <= limit {
            return Ok(());
        }
        Err(Error::LimitExceeded {
            manifest: packed.manifest.clone(),
            what: "what it expands to",
            limit,
            hint: "give a higher `maxExpandedBytes` if the manifest is meant to be that large",
        })
    }
}

fn broken(packed: &Pinned, bytes: u64, source: io::Error) -> Error {
    let manifest = packed.manifest.clone();
    Error::InvalidCompression {
        manifest,
        bytes,
        source,
    }
}

impl Decoder {
    fn new(compression: Compression) -> io::Result<Self> {
        match compression {
            Compression::Zstd => Ok(Self::Zstd(zio::Writer::new(Vec::new(), raw::Decoder::new()?))),
            Compression::Gzip | Compression::None => Ok(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Zstd(decoder) => decoder.write_all(bytes),
        }
    }

    /// Says that nothing follows: half a member or frame is an error.
    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zstd(decoder) => decoder.finish(),
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.writer_mut(),
        }
    }

    fn waiting(&mut self) -> u64 {
        self.buffer().len() as u64
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.buffer())
    }
}
