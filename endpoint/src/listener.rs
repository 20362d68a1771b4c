//! Takes connections, a permit before each, and drains them at the end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{App, limits, server};

/// Answers requests until `shutdown` returns; then open polls answer at once and requests in flight are finished.
///
/// # Errors
/// When the listener cannot take connections any more.
///
/// # Cancel safety
/// Dropping the future closes every connection, as a crash would.
pub async fn run(listener: TcpListener, app: Arc<App>, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                connections.spawn(serve(stream, Arc::clone(&app), permit));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) if is_out_of_descriptors(&error) => {
                let later = app.parts.clock.now().plus(limits::ACCEPT_REST);
                app.parts.clock.sleep_until(later).await;
            }
            Err(error) => return Err(error),
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    app.draining.request();
    // What is still open after that is closed by dropping the set.
    let drained = timeout(limits::DRAIN_WAIT_MAX, async {
        while connections.join_next().await.is_some() {}
    });
    drained.await.unwrap_or_default();
    Ok(())
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _from) = listener.accept().await?;
    // An answer is written in one piece: waiting for more would only delay it.
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

/// The client was gone before it was taken.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        InvalidInput,
        NotConnected,
    ]
    .contains(&error.kind())
}

/// `EMFILE` (24) of the process, `ENFILE` (23) of the machine.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

async fn serve(stream: TcpStream, app: Arc<App>, permit: OwnedSemaphorePermit) {
    let handler = service_fn(|request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(server::answer(&app, request).await) }
    });
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new());
    protocol.header_read_timeout(limits::HEADER_WAIT_MAX);
    protocol.max_buf_size(limits::HEADER_BYTES_MAX);
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), handler));
    // A connection that breaks is the client's affair: there is nobody left to tell.
    tokio::select! {
        ended = connection.as_mut() => ended.unwrap_or_default(),
        () = app.draining.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await.unwrap_or_default();
        }
    }
    drop(permit);
}
