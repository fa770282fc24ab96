//! Connections: shares by address, deadlines in both directions, and refusals that reach whoever is still sending.
//!
//! Callers come from several addresses of 127.0.0.0/8, which all lead to the same listener.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::{get, post};
use futures_util::StreamExt;
use likeness_http::listen::{ConnectionLimits, Connections, Listener};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Far more than a busy machine needs for anything here.
const LONG: Duration = Duration::from_secs(60);
/// For what a client is made to run into.
const SHORT: Duration = Duration::from_millis(300);
const HUGE: usize = 64 * 1024 * 1024;

struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(limits: ConnectionLimits) -> Self {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.expect("a port is free");
        let address = listener.address().expect("it has an address");
        let connections = Connections::new(limits);
        let (stop, stopped) = watch::channel(false);
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/healthz", get(async || "healthy"))
            .route("/huge", get(async || Bytes::from(vec![b'x'; HUGE])))
            .route("/refuse", post(refuse))
            .route("/read", post(async |body: Bytes| body.len().to_string()));
        let task = tokio::spawn(listener.serve(router, connections.clone(), stopped));
        Self { address, connections, stop, task }
    }

    /// Connects from 127.0.0.`from`.
    async fn connect(&self, from: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).expect("an address of the loopback");
        socket.connect(self.address).await.expect("the server listens")
    }

    /// A connection that has been answered once.
    async fn greeted(&self, from: u8) -> TcpStream {
        let mut stream = self.connect(from).await;
        ask(&mut stream, "/").await.expect("an answer");
        self.rest().await;
        stream
    }

    /// Until the server has noticed that its answers are through.
    async fn rest(&self) {
        while self.connections.count_under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.expect("the server ends");
    }
}

/// Refuses before it has read anything of the body.
async fn refuse(request: Request<Body>) -> Response<Body> {
    drop(request);
    let mut response = Response::new(Body::from("no"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert(header::CONNECTION, "close".parse().expect("a value"));
    response
}

/// Asks on a connection that is kept; `None` when it has ended.
async fn ask(stream: &mut TcpStream, path: &str) -> Option<String> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    while !(answer.ends_with(b"here") || answer.ends_with(b"healthy")) {
        answer.push(tokio::time::timeout(LONG, stream.read_u8()).await.expect("an answer or an end").ok()?);
    }
    String::from_utf8(answer).ok()
}

/// Whether the server ends the connection.
async fn ends(stream: &mut TcpStream) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    let until_end = async { while let Ok(1..) = stream.read(&mut buffer).await {} };
    tokio::time::timeout(LONG, until_end).await.is_ok()
}

fn limits() -> ConnectionLimits {
    ConnectionLimits { for_headers: LONG, for_next_request: LONG, ..ConnectionLimits::usual() }
}

#[tokio::test]
async fn an_address_at_its_share_loses_its_own_longest_idle_connection() {
    let server = Server::start(ConnectionLimits { most: 64, most_of_an_address: 3, ..limits() }).await;
    let mut other = server.greeted(2).await;
    let [mut first, mut second, mut third] =
        [server.greeted(3).await, server.greeted(3).await, server.greeted(3).await];
    ask(&mut first, "/").await.expect("it is used again");
    server.rest().await;
    let mut fourth = server.greeted(3).await;
    assert!(ends(&mut second).await, "it idles longest of that address");
    for stream in [&mut first, &mut third, &mut fourth, &mut other] {
        ask(stream, "/").await.expect("the others stay");
    }
    assert_eq!(server.connections.count(), 4);
    server.stop().await;
}

#[tokio::test]
async fn where_all_places_are_taken_the_longest_idle_connection_of_all_goes() {
    let server = Server::start(ConnectionLimits { most: 4, most_of_an_address: 4, ..limits() }).await;
    let mut kept = Vec::new();
    let mut idle = server.greeted(2).await;
    for from in 3..6 {
        kept.push(server.greeted(from).await);
    }
    kept.push(server.greeted(6).await);
    assert!(ends(&mut idle).await);
    for stream in &mut kept {
        ask(stream, "/").await.expect("the others stay");
    }
    server.stop().await;
}

#[tokio::test]
async fn health_checks_have_places_of_their_own() {
    let server = Server::start(ConnectionLimits { most: 2, most_of_an_address: 2, ..limits() }).await;
    let mut monitor = server.connect(2).await;
    assert!(ask(&mut monitor, "/healthz").await.expect("an answer").ends_with("healthy"));
    assert_eq!(server.connections.count(), 0);
    let mut others = [server.greeted(3).await, server.greeted(4).await, server.greeted(5).await];
    assert!(ends(&mut others[0]).await);
    assert!(ask(&mut monitor, "/healthz").await.expect("it was not taken away").ends_with("healthy"));
    // One that asks for something else counts like any other.
    assert!(ask(&mut monitor, "/").await.is_some());
    assert_eq!(server.connections.count(), 2);
    server.stop().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_counts_that_it_names() {
    let proxies = Some(vec!["127.0.0.9/32".parse().expect("an address")]);
    let limits = ConnectionLimits { most: 64, most_of_an_address: 1, trusted_proxies: proxies, ..limits() };
    let server = Server::start(limits).await;
    let ask_for = async |stream: &mut TcpStream, client: &str| {
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
    };
    let mut streams = [server.connect(9).await, server.connect(9).await, server.connect(9).await];
    ask_for(&mut streams[0], "192.0.2.1").await;
    ask_for(&mut streams[1], "192.0.2.2").await;
    // The same client on another connection of the proxy: its first one goes.
    ask_for(&mut streams[2], "192.0.2.1").await;
    assert!(ends(&mut streams[0]).await);
    ask_for(&mut streams[1], "192.0.2.2").await;
    server.stop().await;
}

#[tokio::test]
async fn who_never_reads_loses_the_connection() {
    let server = Server::start(ConnectionLimits { for_reading: SHORT, ..limits() }).await;
    let mut stream = server.connect(2).await;
    stream.write_all(b"GET /huge HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("the server reads");
    while server.connections.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::timeout(LONG, async {
        while server.connections.count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the connection ends though nobody reads");
    let mut rest = Vec::new();
    // What the two systems hold between them may still come; the whole answer does not.
    drop(stream.read_to_end(&mut rest).await);
    assert!(rest.len() < HUGE);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_of_http_2_that_is_never_read_ends_and_the_others_go_on() {
    let server = Server::start(ConnectionLimits { for_reading: SHORT, ..limits() }).await;
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(1_000);
    let (mut client, connection) = settings.handshake::<_, Bytes>(server.connect(2).await).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = |path: &str| {
        let address = format!("http://x{path}");
        axum::http::Request::get(address).body(()).expect("a request")
    };
    let (stuck, _) = client.send_request(request("/huge"), true).expect("a stream");
    let stuck = tokio::time::timeout(LONG, stuck).await.expect("an answer").expect("an answer");
    let mut body = stuck.into_body();
    let end = async {
        // No byte is given back to the window.
        loop {
            match body.data().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    };
    let end = tokio::time::timeout(LONG, end).await.expect("the stream ends");
    assert!(end.is_some_and(|end| end.is_err()), "it is not taken for the whole answer");
    client = client.ready().await.expect("the connection goes on");
    let (answer, _) = client.send_request(request("/"), true).expect("a stream");
    let answer = tokio::time::timeout(LONG, answer).await.expect("an answer").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_of_http_2_without_an_open_stream_ends_in_spite_of_pings() {
    let server = Server::start(ConnectionLimits { for_next_request: SHORT, ..limits() }).await;
    let (mut client, mut connection) = h2::client::handshake(server.connect(2).await).await.expect("HTTP/2");
    let mut pings = connection.ping_pong().expect("pings");
    let held = tokio::spawn(connection);
    let request = axum::http::Request::get("http://x/").body(()).expect("a request");
    let (answer, _) = client.send_request(request, true).expect("a stream");
    assert_eq!(answer.await.expect("an answer").status(), StatusCode::OK);
    let pinging = async { while pings.ping(h2::Ping::opaque()).await.is_ok() {} };
    tokio::time::timeout(LONG, pinging).await.expect("the connection ends");
    drop(held.await);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_of_http_1_that_asks_nothing_more_ends() {
    let server = Server::start(ConnectionLimits { for_next_request: SHORT, ..limits() }).await;
    let mut stream = server.greeted(2).await;
    assert!(ends(&mut stream).await);
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_reaches_whoever_sends_the_whole_body_first() {
    let server = Server::start(limits()).await;
    for megabytes in [1, 6, 24] {
        let mut stream = server.connect(2).await;
        let length = megabytes * 1024 * 1024;
        let head = format!("POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        let mut pieces = futures_util::stream::iter(vec![vec![0_u8; 1024 * 1024]; megabytes]);
        while let Some(piece) = pieces.next().await {
            stream.write_all(&piece).await.expect("the server reads on");
        }
        let mut answer = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("an end").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401") && answer.ends_with("no"), "{megabytes} MB: {answer}");
    }
    server.stop().await;
}

/// The server stays out of the way of a client that asks before it sends.
#[tokio::test]
async fn who_waits_for_100_continue_is_refused_at_once() {
    let server = Server::start(limits()).await;
    let mut stream = server.connect(2).await;
    let head = "POST /refuse HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 6000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("an end").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    server.stop().await;
}
