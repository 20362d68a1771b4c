//! Lines to files of at most so many bytes, streamed.

use asl::OutputType;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use manifest::result_file::ResultFile;
use ports::{ObjectBody, ObjectKey, ObjectStore, PutOptions};
use tokio::sync::oneshot;

/// Chunks of whole lines.
pub(super) type Chunks = BoxStream<'static, ports::Result<Bytes>>;

/// Where the files of one status go.
pub(super) struct Destination<'a> {
    pub(super) store: &'a dyn ObjectStore,
    pub(super) bucket: &'a str,
    /// The key without `_n.json`.
    pub(super) stem: String,
    pub(super) output_type: OutputType,
    /// **Bytes** after which a file ends.
    pub(super) bytes_max: u64,
}

/// The lines that are left after a file, and the size of that file.
struct Left {
    ahead: Option<Bytes>,
    chunks: Chunks,
    size: u64,
}

/// A file that is being written.
struct Writing {
    left: Left,
    output_type: OutputType,
    bytes_max: u64,
    ended: bool,
    give_back: oneshot::Sender<Left>,
}

impl Destination<'_> {
    /// Writes all lines: no file without lines, and another file when one is full. Adds the complete files to the list.
    pub(super) async fn write(&self, mut chunks: Chunks, files: &mut Vec<ResultFile>) -> ports::Result<()> {
        let mut ahead = chunks.next().await.transpose()?;
        let earlier = files.len();
        while ahead.is_some() {
            let number = files.len() - earlier;
            let at = ObjectKey::new(self.bucket, format!("{}_{number}.json", self.stem));
            let (give_back, returned) = oneshot::channel();
            let writing = Writing {
                left: Left { ahead, chunks, size: 0 },
                output_type: self.output_type,
                bytes_max: self.bytes_max,
                ended: false,
                give_back,
            };
            let body = ObjectBody::Stream(Box::pin(writing.body()));
            self.store.put(&at, body, PutOptions::default()).await?;
            let Ok(left) = returned.await else { break };
            files.push(ResultFile {
                key: at.key,
                size: left.size,
            });
            (ahead, chunks) = (left.ahead, left.chunks);
        }
        Ok(())
    }
}

impl Writing {
    /// The pieces of one file. At its end, the lines that are left for the next file are handed back.
    fn body(self) -> impl stream::Stream<Item = ports::Result<Bytes>> + Send + 'static {
        stream::try_unfold(Some(self), |writing| async move {
            match writing {
                Some(writing) => writing.piece().await,
                None => Ok(None),
            }
        })
    }

    async fn piece(mut self) -> ports::Result<Option<(Bytes, Option<Self>)>> {
        let lines = if self.ended { None } else { self.left.ahead.take() };
        let Some(lines) = lines else {
            return Ok(self.end());
        };
        let begins = self.left.size == 0;
        let piece = match self.output_type {
            OutputType::Json => elements(&lines, if begins { b'[' } else { b',' }),
            OutputType::JsonLines => lines,
        };
        self.left.size += piece.len() as u64;
        self.left.ahead = self.left.chunks.next().await.transpose()?;
        self.ended = self.left.size >= self.bytes_max;
        if self.ended && self.output_type == OutputType::JsonLines {
            self.hand_back();
            return Ok(Some((piece, None)));
        }
        Ok(Some((piece, Some(self))))
    }

    /// The last piece.
    fn end(mut self) -> Option<(Bytes, Option<Self>)> {
        let last = (self.output_type == OutputType::Json).then(|| Bytes::from_static(b"]"));
        self.left.size += last.as_ref().map_or(0, |last| last.len() as u64);
        self.hand_back();
        last.map(|last| (last, None))
    }

    fn hand_back(self) {
        // The receiver is gone once the store has failed.
        self.give_back.send(self.left).unwrap_or_default();
    }
}

/// The lines, every one with its end, as elements of an array, each after `opening` or a comma.
fn elements(lines: &Bytes, opening: u8) -> Bytes {
    let mut elements = BytesMut::with_capacity(lines.len() + 1);
    let (mut before, mut start) = (opening, 0);
    for end in memchr::memchr_iter(b'\n', lines) {
        elements.extend_from_slice(&[before]);
        elements.extend_from_slice(lines.get(start..end).unwrap_or_default());
        (before, start) = (b',', end + 1);
    }
    elements.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::memory;

    async fn written(lines: &[&str], output_type: OutputType, bytes_max: u64) -> Vec<String> {
        let store = memory::ObjectStore::default();
        let destination = Destination {
            store: &store,
            bucket: "b",
            stem: "run/SUCCEEDED".to_owned(),
            output_type,
            bytes_max,
        };
        let chunks: Vec<ports::Result<Bytes>> = lines
            .iter()
            .map(|line| Ok(Bytes::copy_from_slice(line.as_bytes())))
            .collect();
        let mut files = Vec::new();
        destination
            .write(stream::iter(chunks).boxed(), &mut files)
            .await
            .unwrap();
        let texts = files.iter().map(|file| {
            let bytes = store.bytes("b", &file.key).unwrap();
            assert_eq!(bytes.len() as u64, file.size, "{}", file.key);
            String::from_utf8(bytes.to_vec()).unwrap()
        });
        texts.collect()
    }

    #[tokio::test]
    async fn no_lines_make_no_file() {
        assert_eq!(written(&[], OutputType::Json, 100).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn chunks_become_one_array_or_lines() {
        let chunks = ["1\n2\n", "3\n"];
        assert_eq!(written(&chunks, OutputType::Json, 100).await, ["[1,2,3]"]);
        assert_eq!(written(&chunks, OutputType::JsonLines, 100).await, ["1\n2\n3\n"]);
    }

    #[tokio::test]
    async fn a_full_file_is_followed_by_another() {
        let chunks = ["11\n", "22\n", "33\n", "44\n", "55\n"];
        assert_eq!(
            written(&chunks, OutputType::Json, 6).await,
            ["[11,22]", "[33,44]", "[55]"]
        );
        assert_eq!(
            written(&chunks, OutputType::JsonLines, 6).await,
            ["11\n22\n", "33\n44\n", "55\n"]
        );
        assert_eq!(written(&chunks[..2], OutputType::Json, 6).await, ["[11,22]"]);
    }
}
