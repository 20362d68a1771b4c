//! Content codings: bytes from the wire in, bytes of the file out, in bounded steps.

use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

/// **Bytes** that go into a decoder at once: what comes out is at most 1,032 times as much (gzip).
const STEP_BYTES: usize = 4 * 1_024;

/// **Bytes** that zstd puts out at once.
const ZSTD_STEP: usize = 128 * 1_024;

/// The largest zstd window: 8 MiB. **Source**: RFC 9659, section 3.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Undoes one content coding.
pub(crate) enum Decoder {
    /// There is none.
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before its first byte, which says whether it has a zlib header.
    Deflate,
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    RawDeflate(Box<DeflateDecoder<Vec<u8>>>),
    Zstd(Box<ZstdState>),
}

/// Where a zstd stream stands.
pub(crate) struct ZstdState {
    decoder: Zstd<'static>,
    /// Whether a frame is complete here.
    at_end: bool,
}

impl Decoder {
    /// The decoder of a `Content-Encoding`; nothing when it is unknown.
    pub(crate) fn of(encoding: Option<&str>) -> Option<Self> {
        let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
        Some(match encoding.as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd(Box::new(ZstdState::new()?)),
            _ => return None,
        })
    }

    /// Whether bytes go through unchanged.
    pub(crate) const fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Decodes the beginning of `bytes`; returns what came out and how much was used, which is all of it after
    /// enough calls.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> std::io::Result<(Vec<u8>, usize)> {
        if let (Self::Deflate, Some(first)) = (&self, bytes.first()) {
            *self = Self::deflate(*first);
        }
        let input = bytes.get(..STEP_BYTES).unwrap_or(bytes);
        match self {
            Self::Identity | Self::Deflate => Ok((input.to_vec(), input.len())),
            Self::Gzip(decoder) => {
                decoder.write_all(input)?;
                decoder.flush()?;
                Ok((std::mem::take(decoder.get_mut()), input.len()))
            }
            Self::Zlib(decoder) => {
                decoder.write_all(input)?;
                decoder.flush()?;
                Ok((std::mem::take(decoder.get_mut()), input.len()))
            }
            Self::RawDeflate(decoder) => {
                decoder.write_all(input)?;
                decoder.flush()?;
                Ok((std::mem::take(decoder.get_mut()), input.len()))
            }
            Self::Zstd(state) => state.step(input),
        }
    }

    /// The rest, once everything was put in; an error when the stream is not complete.
    pub(crate) fn finish(&mut self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Identity | Self::Deflate => Ok(Vec::new()),
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Zlib(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::RawDeflate(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Zstd(state) if state.at_end => Ok(Vec::new()),
            Self::Zstd(_) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The standard says zlib; some servers send bare deflate. The low nibble of zlib's first byte is always 8, and
    /// of a deflate block's it would mean a stored block with its padding set, which no encoder writes.
    fn deflate(first: u8) -> Self {
        if first & 0x0f == 8 {
            Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
        } else {
            Self::RawDeflate(Box::new(DeflateDecoder::new(Vec::new())))
        }
    }
}

impl ZstdState {
    fn new() -> Option<Self> {
        let mut decoder = Zstd::new().ok()?;
        decoder
            .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
            .ok()?;
        Some(Self { decoder, at_end: true })
    }

    fn step(&mut self, input: &[u8]) -> std::io::Result<(Vec<u8>, usize)> {
        let mut out = vec![0; ZSTD_STEP];
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(out.as_mut_slice());
        let hint = self.decoder.run(&mut from, &mut to)?;
        let (used, made) = (from.pos(), to.pos());
        self.at_end = hint == 0;
        out.truncate(made);
        Ok((out, used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn text() -> Vec<u8> {
        (0..40_000_u32).flat_map(|n| n.to_string().into_bytes()).collect()
    }

    fn decode(encoding: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut decoder = Decoder::of(Some(encoding)).unwrap();
        let mut out = Vec::new();
        // Pieces of an odd size, so that headers are cut.
        for mut piece in bytes.chunks(7) {
            while !piece.is_empty() {
                let (made, used) = decoder.step(piece)?;
                out.extend(made);
                piece = &piece[used..];
            }
        }
        out.extend(decoder.finish()?);
        Ok(out)
    }

    fn encoded() -> [(&'static str, Vec<u8>); 4] {
        let text = text();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&text).unwrap();
        [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("zstd", zstd::encode_all(text.as_slice(), 1).unwrap()),
        ]
    }

    #[test]
    fn every_coding_gives_the_text_back() {
        for (encoding, bytes) in encoded() {
            assert_eq!(decode(encoding, &bytes).unwrap(), text(), "{encoding}");
        }
    }

    #[test]
    fn several_members_are_one_file() {
        let [(_, gzip), _, _, (_, zstd)] = encoded();
        for (encoding, one) in [("gzip", gzip), ("zstd", zstd)] {
            let two = [one.as_slice(), one.as_slice()].concat();
            assert_eq!(decode(encoding, &two).unwrap().len(), text().len() * 2, "{encoding}");
        }
    }

    #[test]
    fn what_is_cut_or_is_not_that_coding_is_an_error() {
        for (encoding, bytes) in encoded() {
            assert!(decode(encoding, &bytes[..bytes.len() - 9]).is_err(), "{encoding}");
        }
        assert!(decode("gzip", b"<html>not found</html>").is_err());
        assert!(decode("zstd", b"<html>not found</html>").is_err());
    }

    #[test]
    fn unknown_codings_are_unknown() {
        assert!(Decoder::of(Some("br")).is_none());
        assert!(Decoder::of(Some("gzip, gzip")).is_none());
        assert!(Decoder::of(None).unwrap().is_identity());
        assert!(Decoder::of(Some("Identity")).unwrap().is_identity());
    }
}
