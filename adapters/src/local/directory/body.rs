//! Bytes between streams and files.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use ports::{BodyStream, Error, ErrorKind, ObjectBody, ObjectKey, PutResult, Result};
use rustix::io::Errno;

use super::blocking;
use super::object_writer::ObjectWriter;

/// Bodies below this are read and written on the calling task; larger ones in pieces of at least this on a thread
/// for it. At 1 MiB the hand-over costs under a tenth of the copying.
const PIECE_BYTES: usize = 1_024 * 1_024;

/// The bytes of a range of a file.
pub(super) fn read(file: File, size: u64, range: Option<Range<u64>>, at: &ObjectKey) -> Result<BodyStream> {
    let range = range.unwrap_or(0..size);
    let (start, end) = (range.start.min(size), range.end.min(size));
    let length = end.saturating_sub(start);
    if length == 0 {
        return Ok(stream::empty().boxed());
    }
    if let Some(length) = usize::try_from(length).ok().filter(|length| *length < PIECE_BYTES) {
        let piece = read_piece(&file, start, length, at)?;
        return Ok(stream::iter([Ok(piece)]).boxed());
    }
    Ok(in_pieces(file, start..end, at.clone()))
}

fn in_pieces(file: File, range: Range<u64>, at: ObjectKey) -> BodyStream {
    let file = Arc::new(file);
    let pieces = stream::try_unfold(range.start, move |start| {
        let (file, at) = (Arc::clone(&file), at.clone());
        let left = range.end.saturating_sub(start);
        let length = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        async move {
            if length == 0 {
                return Ok(None);
            }
            let piece = blocking(move || read_piece(&file, start, length, &at)).await?;
            Ok(Some((piece, start.saturating_add(length as u64))))
        }
    });
    pieces.boxed()
}

/// Reads into memory that is not cleared before: clearing it was a tenth of a batcher's CPU time.
fn read_piece(file: &File, start: u64, length: usize, at: &ObjectKey) -> Result<Bytes> {
    let mut piece = Vec::with_capacity(length);
    while piece.len() < length {
        let offset = start + piece.len() as u64;
        let room = rustix::buffer::spare_capacity(&mut piece);
        match rustix::io::pread(file, room, offset) {
            Ok(0) => return Err(cut_short(at, offset, Errno::IO)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(cut_short(at, offset, errno)),
        }
    }
    piece.truncate(length);
    Ok(piece.into())
}

fn cut_short(at: &ObjectKey, offset: u64, errno: Errno) -> Error {
    let text = format!("read `{at}`: the file ended or failed at byte {offset}");
    Error::new(ErrorKind::Unavailable, text).because(std::io::Error::from(errno))
}

/// Writes a body as a new object.
pub(super) async fn write(
    body: ObjectBody,
    begin: impl FnOnce() -> Result<(ObjectWriter, File)> + Send,
) -> Result<PutResult> {
    let mut source = match body {
        ObjectBody::Bytes(bytes) if bytes.len() < PIECE_BYTES => return write_small(&[bytes], begin),
        ObjectBody::Bytes(bytes) => stream::iter([Ok(bytes)]).boxed(),
        ObjectBody::Stream(pieces) => pieces,
    };
    let (mut pieces, mut is_end) = next_pieces(&mut source).await?;
    if is_end {
        return write_small(&pieces, begin);
    }
    let (writer, mut file) = begin()?;
    loop {
        let written = blocking(move || {
            let written = write_all(&file, &pieces);
            Ok((file, written))
        });
        let (back, written) = written.await?;
        written.map_err(|error| writer.failed(&error))?;
        file = back;
        if is_end {
            return writer.finish(&file);
        }
        (pieces, is_end) = next_pieces(&mut source).await?;
    }
}

fn write_small(pieces: &[Bytes], begin: impl FnOnce() -> Result<(ObjectWriter, File)>) -> Result<PutResult> {
    let (writer, file) = begin()?;
    write_all(&file, pieces).map_err(|error| writer.failed(&error))?;
    writer.finish(&file)
}

/// The next pieces, together at least [`PIECE_BYTES`] unless the body has ended.
async fn next_pieces(source: &mut BodyStream) -> Result<(Vec<Bytes>, bool)> {
    let (mut pieces, mut length) = (Vec::new(), 0_usize);
    while length < PIECE_BYTES {
        let Some(piece) = source.next().await else {
            return Ok((pieces, true));
        };
        let piece = piece?;
        length = length.saturating_add(piece.len());
        pieces.push(piece);
    }
    Ok((pieces, false))
}

fn write_all(mut file: &File, pieces: &[Bytes]) -> std::io::Result<()> {
    if let [piece] = pieces {
        return file.write_all(piece);
    }
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Copies a file into a new object; the kernel moves the bytes, or shares them where the file system can.
pub(super) async fn copy(source: File, target: File, size: u64, writer: ObjectWriter) -> Result<PutResult> {
    let work = move || {
        let copied = std::io::copy(&mut &source, &mut &target);
        copied.map_err(|error| writer.failed(&error))?;
        writer.finish(&target)
    };
    if size < PIECE_BYTES as u64 {
        return work();
    }
    blocking(work).await
}
