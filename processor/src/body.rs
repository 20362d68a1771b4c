//! A response's body as it may be written: within its limits of time, speed, size and growth, decoded, digested.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::FutureExt;
use futures::stream::StreamExt;
use manifest::{Checksum, Note, error_name as names};
use md5::Md5;
use ports::{BodyStream, Clock, OriginResponse, Timestamp};
use sha2::{Digest, Sha256};

use crate::decode::Decoder;
use crate::failure::AttemptError;
use crate::fetch::Stored;
use crate::limits::DECOMPRESSION_FREE;
use crate::name::hex;

/// What bounds one request and its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// From the start of the connection to the response's head.
    pub head_timeout: Duration,
    /// From one piece of the body to the next.
    pub idle_timeout: Duration,
    /// From the start of the connection to the end of the body.
    pub request_timeout: Duration,
    /// **Bytes per second** that come on average, after the grace.
    pub bytes_per_second_min: u64,
    /// How long it may be slower.
    pub speed_grace: Duration,
    /// **Bytes** of the file.
    pub object_bytes_max: u64,
    /// How many times a body may grow when it is decoded.
    pub decompression_ratio_max: u64,
}

/// A body that is being read.
pub(crate) struct Body {
    wire: BodyStream,
    wire_bytes: u64,
    wire_bytes_expected: Option<u64>,
    bytes: u64,
    decoder: Decoder,
    note: Option<Note>,
    digest: Digester,
    limits: BodyLimits,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    is_complete: bool,
}

impl Body {
    /// The body of a response to a request that was made at `started`.
    pub(crate) fn new(
        response: OriginResponse,
        checksum: Option<Checksum>,
        limits: BodyLimits,
        (clock, started): (Arc<dyn Clock>, Timestamp),
    ) -> Result<Self, AttemptError> {
        // RFC 9112, 6.3: a transfer coding overrides the length.
        let expected = match response.header("transfer-encoding") {
            None => response.header("content-length").and_then(|value| value.parse().ok()),
            Some(_) => None,
        };
        let (decoder, note) = decoder(&response)?;
        if let Some(bytes) = expected.filter(|bytes| *bytes > limits.object_bytes_max) {
            return Err(too_large(&format!("{bytes} bytes"), limits.object_bytes_max));
        }
        Ok(Self {
            wire: response.body,
            wire_bytes: 0,
            wire_bytes_expected: expected,
            bytes: 0,
            decoder,
            note,
            digest: Digester::new(checksum),
            limits,
            clock,
            started,
            is_complete: false,
        })
    }

    /// The file that all that came makes.
    pub(crate) fn into_stored(self) -> Stored {
        Stored {
            bytes: self.bytes,
            checksum: self.digest.finish(),
            name: None,
            note: self.note,
        }
    }

    /// The next piece of the file; nothing after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, AttemptError> {
        loop {
            let piece = if !self.decoder.is_idle() {
                self.decode_step()?
            } else if self.is_complete && self.wire_bytes == 0 {
                // Of nothing at all a coding makes nothing: servers pack empty files so.
                return Ok(None);
            } else if self.is_complete {
                match self.decoder.finish().map_err(|error| broken_coding(&error))? {
                    Some(rest) => rest.into(),
                    None => return Ok(None),
                }
            } else if let Some(piece) = self.next_wire().await? {
                self.accept(piece)?
            } else {
                self.is_complete = true;
                self.check_length()?;
                continue;
            };
            if !piece.is_empty() {
                self.count(&piece)?;
                return Ok(Some(piece));
            }
        }
    }

    fn accept(&mut self, piece: Bytes) -> Result<Bytes, AttemptError> {
        self.wire_bytes += piece.len() as u64;
        self.check_speed()?;
        if self.decoder.is_identity() {
            return Ok(piece);
        }
        self.decoder.put(piece);
        Ok(Bytes::new())
    }

    fn decode_step(&mut self) -> Result<Bytes, AttemptError> {
        let made = self.decoder.step().map_err(|error| broken_coding(&error))?;
        self.check_growth()?;
        Ok(made.into())
    }

    fn check_length(&self) -> Result<(), AttemptError> {
        match self.wire_bytes_expected {
            Some(expected) if expected != self.wire_bytes => Err(AttemptError::truncated(format!(
                "the body has {} bytes, its length was said to be {expected}",
                self.wire_bytes
            ))),
            _ => Ok(()),
        }
    }

    /// Whether no coding has made too much of what came, also if the next one has made less of it.
    fn check_growth(&self) -> Result<(), AttemptError> {
        let ratio_max = self.limits.decompression_ratio_max;
        let grown_max = self.wire_bytes.saturating_mul(ratio_max).max(DECOMPRESSION_FREE);
        if self.decoder.made_max() <= grown_max {
            return Ok(());
        }
        Err(AttemptError::permanent(
            names::DECOMPRESSION_BOMB,
            format!("the body grows over {ratio_max} times when it is decoded"),
        ))
    }

    fn count(&mut self, piece: &Bytes) -> Result<(), AttemptError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.limits.object_bytes_max {
            return Err(too_large("more", self.limits.object_bytes_max));
        }
        self.digest.update(piece);
        Ok(())
    }

    fn check_speed(&self) -> Result<(), AttemptError> {
        let elapsed = self.clock.now().since(self.started);
        if elapsed <= self.limits.speed_grace {
            return Ok(());
        }
        let expected = elapsed.as_secs().saturating_mul(self.limits.bytes_per_second_min);
        if self.wire_bytes >= expected {
            return Ok(());
        }
        Err(AttemptError::timeout(format!(
            "{} bytes came in {} seconds, at least {} a second are expected",
            self.wire_bytes,
            elapsed.as_secs(),
            self.limits.bytes_per_second_min
        )))
    }

    /// The next piece from the wire. Most are there already; only for the others a timer is made.
    async fn next_wire(&mut self) -> Result<Option<Bytes>, AttemptError> {
        let piece = match self.wire.next().now_or_never() {
            Some(piece) => piece,
            None => self.wait_for_wire().await?,
        };
        let failed = |error: ports::Error| AttemptError::truncated(format!("the body broke off: {}", error.chain()));
        piece.transpose().map_err(failed)
    }

    async fn wait_for_wire(&mut self) -> Result<Option<ports::Result<Bytes>>, AttemptError> {
        let idle = self.clock.now().plus(self.limits.idle_timeout);
        let total = self.started.plus(self.limits.request_timeout);
        tokio::select! {
            biased;
            piece = self.wire.next() => Ok(piece),
            () = self.clock.sleep_until(idle.min(total)) => Err(if idle < total {
                AttemptError::timeout(format!("nothing came for {} seconds", self.limits.idle_timeout.as_secs()))
            } else {
                AttemptError::timeout(format!("the body did not end within {} seconds", self.limits.request_timeout.as_secs()))
            }),
        }
    }
}

/// The decoder of a response's codings. A content coding that nobody knows is a property of the file, which is stored as
/// it came; a transfer coding is the connection's and has to be undone.
fn decoder(response: &OriginResponse) -> Result<(Decoder, Option<Note>), AttemptError> {
    let values = |wanted: &'static str| {
        let headers = response.headers.iter().filter(move |(name, _)| name == wanted);
        headers.map(|(_, value)| value.as_str())
    };
    let content = || values("content-encoding");
    // Chunks are undone already.
    let transfer = || {
        values("transfer-encoding")
            .flat_map(|value| value.split(','))
            .map(str::trim)
    };
    let transfer = || transfer().filter(|coding| !coding.eq_ignore_ascii_case("chunked"));
    if let Some(decoder) = Decoder::from_names(content().chain(transfer())) {
        return Ok((decoder, None));
    }
    let coding = content().collect::<Vec<_>>().join(", ");
    let Some(decoder) = Decoder::from_names(transfer()) else {
        let coding = transfer().collect::<Vec<_>>().join(", ");
        let message = format!("expected a transfer coding that is known, found `{coding}`");
        return Err(AttemptError::permanent(names::DECODE_FAILED, message));
    };
    let note = Note {
        name: names::UNKNOWN_CODING.to_owned(),
        message: format!("the content coding `{coding}` is not known: the file was stored as it came"),
    };
    Ok((decoder, Some(note)))
}

fn too_large(found: &str, allowed: u64) -> AttemptError {
    let message = format!("the body has {found}, at most {allowed} bytes are allowed");
    AttemptError::permanent(names::TOO_LARGE, message)
}

fn broken_coding(error: &std::io::Error) -> AttemptError {
    let message = format!("the body cannot be decoded: {error}");
    AttemptError::permanent(names::DECODE_FAILED, message)
}

/// A running checksum.
enum Digester {
    Off,
    Md5(Md5),
    Sha256(Sha256),
}

impl Digester {
    fn new(checksum: Option<Checksum>) -> Self {
        match checksum {
            None => Self::Off,
            Some(Checksum::Md5) => Self::Md5(Md5::new()),
            Some(Checksum::Sha256) => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Off => {}
            Self::Md5(digest) => digest.update(piece),
            Self::Sha256(digest) => digest.update(piece),
        }
    }

    fn finish(self) -> Option<String> {
        match self {
            Self::Off => None,
            Self::Md5(digest) => Some(format!("md5:{}", hex(&digest.finalize()))),
            Self::Sha256(digest) => Some(format!("sha256:{}", hex(&digest.finalize()))),
        }
    }
}
