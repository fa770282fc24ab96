//! A connection that becomes something else than HTTP: it keeps its place for as long as it lives, and ends with the server.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use likeness_http::listen::{ConnectionLimits, Connections, Listener, Seat};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Sends back what comes, until the server stops; then says so.
async fn echo(mut request: Request<Body>) -> Response<Body> {
    let mut seat = request.extensions().get::<Seat>().cloned().expect("the listener gives every request its seat");
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.expect("the connection is given"));
        let mut bytes = [0; 64];
        loop {
            tokio::select! {
                read = stream.read(&mut bytes) => match read {
                    Ok(count @ 1..) => stream.write_all(&bytes[..count]).await.expect("the client reads"),
                    _ => return,
                },
                () = seat.stopped() => {
                    stream.write_all(b"bye").await.expect("the client reads");
                    return;
                }
            }
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, "upgrade".parse().expect("a value"));
    response.headers_mut().insert(header::UPGRADE, "echo".parse().expect("a value"));
    response
}

async fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = "GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("the server answers"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
}

#[tokio::test]
async fn an_upgraded_connection_goes_on_and_ends_with_the_server() {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.expect("a port is free");
    let address = listener.address().expect("it has an address");
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route("/echo", get(echo));
    let server = tokio::spawn(listener.serve(router, Connections::new(ConnectionLimits::usual()), stopped));

    let mut stream = connect(address).await;
    for word in ["one", "two"] {
        stream.write_all(word.as_bytes()).await.expect("the server reads");
        let mut back = vec![0; word.len()];
        stream.read_exact(&mut back).await.expect("the server answers");
        assert_eq!(back, word.as_bytes());
    }
    stop.send_replace(true);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("the server closes");
    assert_eq!(rest, b"bye");
    server.await.expect("the server ends");
}
