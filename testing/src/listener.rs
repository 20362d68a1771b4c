//! An HTTP server on an ephemeral port of loopback, for as long as the value lives.

use std::error::Error;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:…`
    pub url: String,
    _accepting: JoinSet<()>,
}

/// Serves every request with a function.
pub async fn serve<F, W, B, E>(answer: F) -> Server
where
    F: Fn(Request<Incoming>) -> W + Clone + Send + 'static,
    W: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_ended) = connections.join_next() => {}
                accepted = listener.accept() => {
                    let (stream, _) = accepted.unwrap();
                    let service = service_fn(answer.clone());
                    connections.spawn(async move {
                        // A client may break its connection off.
                        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                    });
                }
            }
        }
    });
    Server {
        url,
        _accepting: accepting,
    }
}

/// A whole answer.
pub fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", content_type);
    response.body(Full::new(body.into())).unwrap()
}
