//! Content codings: bytes from the wire in, bytes of the file out, in bounded steps.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

/// **Bytes** that go into a decoder at once: what comes out is at most 1,032 times as much (gzip).
const STEP_BYTES: usize = 4 * 1_024;

/// **Bytes** that zstd puts out at once.
const ZSTD_STEP: usize = 128 * 1_024;

/// The largest zstd window: 8 MiB. **Source**: RFC 9659, section 3.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Codings of one body at most: two are rare, four are nobody's.
const CODINGS_MAX: usize = 4;

/// Undoes all codings of a body, the last one that was applied first.
#[derive(Default)]
pub(crate) struct Decoder {
    stages: Vec<Stage>,
    /// How many of them have come to their end.
    ended: usize,
}

/// One coding, and what the one before has made for it: at most what one step makes.
struct Stage {
    coding: Coding,
    input: Bytes,
    /// **Bytes** that it has made.
    made: u64,
}

/// Undoes one content coding.
enum Coding {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before its first byte, which says whether it has a zlib header.
    Deflate,
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    RawDeflate(Box<DeflateDecoder<Vec<u8>>>),
    Zstd(Box<ZstdState>),
}

/// Where a zstd stream stands.
struct ZstdState {
    decoder: Zstd<'static>,
    /// Whether a frame is complete here.
    at_end: bool,
}

impl Decoder {
    /// The decoder of all `Content-Encoding` headers in their order; nothing when there is an unknown one among them.
    pub(crate) fn from_names<'h>(headers: impl Iterator<Item = &'h str>) -> Option<Self> {
        let names = headers.flat_map(|header| header.split(',')).map(str::trim);
        let codings = names.filter(|name| !is_no_coding(name)).map(Coding::from_name);
        let mut codings = codings.take(CODINGS_MAX + 1).collect::<Option<Vec<_>>>()?;
        if codings.len() > CODINGS_MAX {
            return None;
        }
        codings.reverse();
        let stage = |coding| Stage {
            coding,
            input: Bytes::new(),
            made: 0,
        };
        Some(Self {
            stages: codings.into_iter().map(stage).collect(),
            ended: 0,
        })
    }

    /// Whether bytes go through unchanged.
    pub(crate) const fn is_identity(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether all that was put in was used.
    pub(crate) fn is_idle(&self) -> bool {
        self.stages.iter().all(|stage| stage.input.is_empty())
    }

    /// **Bytes** that the most productive of the codings has made.
    pub(crate) fn made_max(&self) -> u64 {
        self.stages.iter().map(|stage| stage.made).max().unwrap_or(0)
    }

    /// Puts bytes in, when it is idle.
    pub(crate) fn put(&mut self, bytes: Bytes) {
        debug_assert!(self.is_idle(), "what was put in before is used");
        if let Some(first) = self.stages.first_mut() {
            first.input = bytes;
        }
    }

    /// One step of what is next, the last coding first, so that nothing piles up before it; what came out of all.
    pub(crate) fn step(&mut self) -> io::Result<Vec<u8>> {
        let Some(position) = self.stages.iter().rposition(|stage| !stage.input.is_empty()) else {
            return Ok(Vec::new());
        };
        let made = self.stages.get_mut(position).map_or(Ok(Vec::new()), Stage::step)?;
        Ok(self.pass_on(position, made))
    }

    /// The rest of the next coding, once everything was put in and it is idle; nothing when all have ended. An error
    /// when a stream is not complete.
    pub(crate) fn finish(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(stage) = self.stages.get_mut(self.ended) else {
            return Ok(None);
        };
        let made = stage.coding.finish()?;
        self.ended += 1;
        Ok(Some(self.pass_on(self.ended - 1, made)))
    }

    /// What a coding has made, to the next one, or out.
    fn pass_on(&mut self, from: usize, made: Vec<u8>) -> Vec<u8> {
        match self.stages.get_mut(from + 1) {
            Some(next) => {
                next.input = made.into();
                Vec::new()
            }
            None => made,
        }
    }
}

/// What servers and uploads write there although it is none.
fn is_no_coding(name: &str) -> bool {
    ["", "identity", "none", "aws-chunked", "utf-8", "utf8"]
        .iter()
        .any(|none| name.eq_ignore_ascii_case(none))
}

impl Stage {
    fn step(&mut self) -> io::Result<Vec<u8>> {
        let (made, used) = self.coding.step(&self.input)?;
        if used == 0 && made.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.input = self.input.split_off(used.min(self.input.len()));
        self.made += made.len() as u64;
        Ok(made)
    }
}

impl Coding {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd(Box::new(ZstdState::new()?)),
            _ => return None,
        })
    }

    /// Decodes the beginning of `bytes`; returns what came out and how much was used, which is all of it after
    /// enough calls.
    fn step(&mut self, bytes: &[u8]) -> io::Result<(Vec<u8>, usize)> {
        if let (Self::Deflate, Some(first)) = (&self, bytes.first()) {
            *self = Self::deflate(*first);
        }
        let input = bytes.get(..STEP_BYTES).unwrap_or(bytes);
        match self {
            Self::Deflate => Ok((input.to_vec(), input.len())),
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
    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Deflate => Ok(Vec::new()),
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
            Self::Zstd(_) => Err(io::ErrorKind::UnexpectedEof.into()),
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

    fn step(&mut self, input: &[u8]) -> io::Result<(Vec<u8>, usize)> {
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

    fn decode(encoding: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::from_names([encoding].into_iter()).unwrap();
        let mut out = Vec::new();
        // Pieces of an odd size, so that headers are cut.
        for piece in bytes.chunks(7) {
            decoder.put(Bytes::copy_from_slice(piece));
            while !decoder.is_idle() {
                out.extend(decoder.step()?);
            }
        }
        while let Some(made) = decoder.finish()? {
            out.extend(made);
            while !decoder.is_idle() {
                out.extend(decoder.step()?);
            }
        }
        Ok(out)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn encoded() -> [(&'static str, Vec<u8>); 4] {
        let text = text();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&text).unwrap();
        [
            ("gzip", gzip(&text)),
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
    fn several_codings_are_undone_in_reverse_order() {
        let twice = gzip(&gzip(&text()));
        assert_eq!(decode("gzip, GZIP", &twice).unwrap(), text());
        assert_eq!(decode("none, gzip,aws-chunked , x-gzip", &twice).unwrap(), text());
        let mixed = zstd::encode_all(gzip(&text()).as_slice(), 1).unwrap();
        assert_eq!(decode("gzip, zstd", &mixed).unwrap(), text());
        assert!(decode("zstd, gzip", &mixed).is_err());
        assert!(decode("gzip, gzip", &twice[..twice.len() - 9]).is_err());
        // Complete outside, cut inside.
        let whole = gzip(&text());
        assert!(decode("gzip, gzip", &gzip(&whole[..whole.len() - 9])).is_err());
        let two_headers = Decoder::from_names(["gzip", "zstd"].into_iter()).unwrap();
        assert_eq!(two_headers.stages.len(), 2);
    }

    /// A megabyte of zeros, packed twice, and then emptiness: what comes out at the end is not all that is made.
    #[test]
    fn what_is_made_between_two_codings_counts() {
        let empty = gzip(b"").repeat(50_000);
        let mut decoder = Decoder::from_names(["gzip, gzip"].into_iter()).unwrap();
        decoder.put(gzip(&empty).into());
        while !decoder.is_idle() {
            assert_eq!(decoder.step().unwrap(), b"");
        }
        assert_eq!(decoder.made_max(), empty.len() as u64);
    }

    #[test]
    fn unknown_codings_are_unknown_and_some_are_none() {
        let of = |names: &[&'static str]| Decoder::from_names(names.iter().copied());
        for unknown in ["br", "gzip, br", "rot13,none", "gzip gzip", "gzip,gzip,gzip,gzip,gzip"] {
            assert!(of(&[unknown]).is_none(), "{unknown}");
        }
        assert!(of(&["gzip,gzip,gzip", "gzip"]).is_some());
        for none in [
            "",
            "Identity",
            "none",
            "aws-chunked",
            "UTF-8",
            " , ",
            "aws-chunked,identity",
        ] {
            assert!(of(&[none]).unwrap().is_identity(), "{none}");
        }
        assert!(of(&[]).unwrap().is_identity());
    }
}
