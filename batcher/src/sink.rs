//! Writing an object while its bytes are still being made.

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use ports::{ErrorKind, ObjectBody, ObjectKey, ObjectStore, PutOptions};

use crate::error::{Error, while_doing};
use crate::limits::LINES_AHEAD;

/// Where the bytes of an object go.
#[derive(Debug)]
pub(crate) struct Sink {
    sender: mpsc::Sender<ports::Result<Bytes>>,
    gone: bool,
}

impl Sink {
    /// A sink, and the body that comes out of it.
    pub(crate) fn new() -> (Self, ObjectBody) {
        let (sender, receiver) = mpsc::channel(LINES_AHEAD);
        let body = ObjectBody::Stream(Box::pin(receiver));
        (Self { sender, gone: false }, body)
    }

    /// Hands bytes on. When nobody takes them any more, the store has failed and will say why.
    pub(crate) async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.sender.send(Ok(bytes.into())).await.map_err(|_gone| {
            self.gone = true;
            let reason = "the store has stopped reading what it was to write";
            while_doing("write an object")(ports::Error::new(ErrorKind::Cancelled, reason))
        })
    }

    /// Ends the object, or takes it back when making it has failed.
    async fn close<T>(mut self, made: Result<T, Error>) -> Result<T, Failed> {
        let error = match made {
            Ok(made) => return Ok(made),
            Err(error) if self.gone => return Err(Failed::Writing(error)),
            Err(error) => error,
        };
        let reason = ports::Error::new(ErrorKind::Cancelled, "the object's bytes could not be made");
        // When the store has failed as well, the first error is the one to tell.
        if self.sender.send(Err(reason)).await.is_err() {
            self.gone = true;
        }
        Err(Failed::Making(error))
    }
}

/// What has failed first.
enum Failed {
    /// The bytes could not be made.
    Making(Error),
    /// The bytes could not be written.
    Writing(Error),
}

/// Writes an object from what `bytes` sends into the sink that belongs to `body`. It is there as a whole or not at all.
pub(crate) async fn write<T: Send>(
    store: &dyn ObjectStore,
    at: &ObjectKey,
    body: ObjectBody,
    bytes: impl Future<Output = (Sink, Result<T, Error>)> + Send,
) -> Result<T, Error> {
    let made = async {
        let (sink, made) = bytes.await;
        sink.close(made).await
    };
    let (made, written) = futures::join!(made, store.put(at, body, PutOptions::default()));
    match (made, written) {
        (Err(Failed::Making(error)), _) | (Err(Failed::Writing(error)), Ok(_)) => Err(error),
        (_, Err(source)) => Err(while_doing(format!("write `{at}`"))(source)),
        (Ok(made), Ok(_)) => Ok(made),
    }
}
