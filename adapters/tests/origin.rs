//! The HTTP client and the system's resolver, held to what their ports promise, over sockets on loopback.
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use adapters::origin::{Origin, OriginOptions, SystemResolver};
use futures::TryStreamExt as _;
use ports::conformance;
use ports::conformance::origin::Site;
use ports::{FetchError, FetchErrorKind, Origin as _, OriginRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// What the server says to each path; nothing, and the connection stays open, to any other.
fn answer(path: &str) -> Option<&'static str> {
    match path {
        "/hello" => Some(concat!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Twice: 1\r\nX-Twice: 2\r\n",
            "Content-Length: 5\r\n\r\nhello"
        )),
        "/missing" => Some("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        "/redirect" => Some(concat!(
            "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /hello\r\n",
            "Content-Length: 0\r\n\r\n"
        )),
        "/broken" => Some("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nonly this"),
        _ => None,
    }
}

/// One request a connection.
async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&head);
    match head.split(' ').nth(1).and_then(answer) {
        Some(text) => {
            // A client that has gone is no fault of the server.
            stream.write_all(text.as_bytes()).await.unwrap_or_default();
            stream.shutdown().await.unwrap_or_default();
        }
        None => std::future::pending().await,
    }
}

async fn accept(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream));
    }
}

async fn listening() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that is taken, and where nobody listens: no other process can come to listen there.
fn closed_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// Keeps the connection, and closes it when the next request comes.
async fn serve_one(mut stream: TcpStream) {
    for reply in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ""] {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        stream.write_all(reply.as_bytes()).await.unwrap_or_default();
    }
}

#[tokio::test]
async fn a_fresh_connection_is_not_one_that_was_kept() {
    let (listener, port) = listening().await;
    let mut connections = JoinSet::new();
    let accept = async {
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve_one(stream));
        }
    };
    let options = OriginOptions {
        idle_per_host_max: 1,
        ..OriginOptions::default()
    };
    let origin = Origin::new(Arc::new(SystemResolver), &options).unwrap();
    let get = async |fresh: bool| {
        let request = OriginRequest {
            url: format!("http://127.0.0.1:{port}/"),
            headers: Vec::new(),
            head_timeout: std::time::Duration::from_secs(30),
            fresh,
        };
        let response = origin.fetch(request).await?;
        let pieces: Vec<_> = response.body.try_collect().await.unwrap();
        Ok::<_, FetchError>(pieces.concat())
    };
    let requests = async {
        assert_eq!(get(true).await.unwrap(), b"hello");
        assert_eq!(get(true).await.unwrap(), b"hello");
        // A connection may not be back among those that are kept when its body has come.
        let mut faults = 0;
        while faults == 0 {
            let got = get(false).await;
            faults += u64::from(got.is_err_and(|error| error.kind == FetchErrorKind::Broken));
        }
        assert_eq!(get(true).await.unwrap(), b"hello");
    };
    tokio::select! {
        () = requests => {}
        () = accept => panic!("the server has ended"),
    }
}

/// Expected: the bytes of UTF-8 and Latin-1, by hand; curl and browsers ask for the same.
#[tokio::test]
async fn headers_beyond_ascii_are_percent_encoded() {
    for (sent, expected) in [
        (b"/Z\xc3\xbcrich?q=\xe6\x97\xa5".as_slice(), "/Z%C3%BCrich?q=%E6%97%A5"),
        (b"/Z\xfcrich%20a", "/Z%FCrich%20a"),
        (b"/plain?a=b c", "/plain?a=b c"),
    ] {
        let (listener, port) = listening().await;
        let answer = [
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ",
            sent,
            b"\r\n\r\n",
        ]
        .concat();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "a head comes");
            }
            stream.write_all(&answer).await.unwrap();
        };
        let origin = Origin::new(Arc::new(SystemResolver), &OriginOptions::default()).unwrap();
        let request = OriginRequest {
            url: format!("http://127.0.0.1:{port}/"),
            headers: Vec::new(),
            head_timeout: std::time::Duration::from_secs(30),
            fresh: false,
        };
        let (response, ()) = tokio::join!(origin.fetch(request), serve);
        assert_eq!(response.unwrap().header("location"), Some(expected));
    }
}

#[tokio::test]
async fn the_client_keeps_an_origins_promises() {
    let (listener, port) = listening().await;
    let (_held, closed) = closed_port();
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let site = Site {
        hello: url("/hello"),
        missing: url("/missing"),
        redirect: url("/redirect"),
        broken: url("/broken"),
        silent: url("/silent"),
        closed: format!("http://127.0.0.1:{closed}/"),
    };
    let options = OriginOptions {
        idle_per_host_max: 1,
        ..OriginOptions::default()
    };
    let origin = Origin::new(Arc::new(SystemResolver), &options).unwrap();
    tokio::select! {
        () = conformance::origin::all(&origin, &site) => {}
        () = accept(listener) => panic!("the server has ended"),
    }
}

#[tokio::test]
async fn the_systems_resolver_keeps_a_resolvers_promises() {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    // A label of 64 letters is no label: no server needs to be asked.
    let nowhere = format!("{}.invalid", "x".repeat(64));
    conformance::resolver::all(&SystemResolver, "localhost", &addresses, &nowhere)
        .await
        .unwrap();
}
